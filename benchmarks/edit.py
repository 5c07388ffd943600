"""Give a library a new needed name and search path with wheelfix.

python benchmarks/edit.py FILE OLD NEW RPATH
"""

from __future__ import annotations

import sys
from pathlib import Path

from wheelfix.formats.elf import apply
from wheelfix.model import ReplaceNeeded, SearchKind, SetSearchPath

file, old, new, entry = sys.argv[1:]
search = SetSearchPath(entries=(entry,), kind=SearchKind.RPATH)
apply(Path(file), (ReplaceNeeded(old=old, new=new), search))
