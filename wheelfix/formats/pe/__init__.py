"""PE: Windows' libraries, extension modules and programs."""
