"""Symbols that no policy grants, whatever the system."""

from __future__ import annotations

from wheelfix.typed import Final

NEVER_PORTABLE: Final = frozenset({"PyFPE_counter", "PyFPE_dummy", "PyFPE_jbuf"})
"""Symbols of interpreters built `--with-fpectl` only (gone in Python 3.7): no policy has them."""
