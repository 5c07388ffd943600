"""Make wheels with compiled code run where their tag says."""

__version__ = "0.1.0.dev0"
