"""A program, an extension beside it, and what they need from outside."""
