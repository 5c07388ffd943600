"""Whether slow proofs run in full: every file, every round. Otherwise they are bounded."""

from __future__ import annotations

import os

FULL = os.environ.get("WHEELFIX_FULL") == "1"
