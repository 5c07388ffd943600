"""Greets, in C, with words from two libraries outside the wheel."""

from sample._greet import greet

__all__ = ["greet"]
