"""Mach-O: macOS, iOS and the simulators."""
