"""The binary formats, and which one a file is of, decided by its first bytes alone."""
