"""The shim: Python text in a package's `__init__.py` that tells Windows where grafts lie.

Pure: bytes in, bytes out. Where it goes is found by reading the file's first tokens, which no
Python version has changed, so the file may be of any syntax: only a docstring and imports
from `__future__` may stand before it (language reference, 7.11 and the glossary's "docstring").

The block begins with a comment and ends with a line break, so it may stand at the start of a line,
behind a `;`, or at the end of a file whose last line is not ended, and taking it out
gives the file as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wheelfix.model import Starter, WheelPath
from wheelfix.typed import Final, TypeAlias
from wheelfix.value import Value

Span: TypeAlias = tuple[int, int]
"""Where something begins and ends, in bytes."""

BOM: Final = b"\xef\xbb\xbf"
_FUTURE: Final = ("from", "__future__", "import")
_NEWLINE: Final = rb"(?:\r\n|\r|\n)"
_CODING: Final = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
_EMPTY: Final = rb"[ \t\f]*(?:#|\Z)"
_SIGN: Final = r"""(?sax)
      (?P<space>   [ \t\f]+ | \\(?:\r\n|\r|\n) )
    | (?P<comment> \#[^\r\n]* )
    | (?P<newline> \r\n | \r | \n )
    | (?P<string>  [rRuU]? (?: \"{3} [^\\"]* (?: (?: \\. | "(?!"") ) [^\\"]* )* \"{3}
                             | '{3}  [^\\']* (?: (?: \\. | '(?!'') ) [^\\']* )* '{3}
                             | " (?: [^"\\\r\n] | \\(?:\r\n|.) )* "
                             | ' (?: [^'\\\r\n] | \\(?:\r\n|.) )* ' ) )
    | (?P<word>    \w+ )
    | (?P<other>   . )
    """
"""Tokens as far as they matter here. A literal of bytes or with a format is a word before it."""

_DOCSTRING: Final = r"\(*S+\)*"
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_OURS_BEGINS: Final = b"# start wheelfix"
_OURS: Final = (
    rb"(?s)# start wheelfix" + _NEWLINE + rb"def _wheelfix_libs\(\):" + _NEWLINE + rb"(?:(?!# "
    rb"start wheelfix).)*?" + _NEWLINE + rb"# end wheelfix(?:" + _NEWLINE + rb"|\Z)"
)
_DELVEWHEEL_BEGINS: Final = b"# start delvewheel patch"
_DELVEWHEEL: Final = (
    rb"(?s)# start delvewheel patch" + _NEWLINE + rb"(?:(?!# start delvewheel patch).)*?"
    rb"# end delvewheel patch(?:" + _NEWLINE + rb"|\Z)"
)

_START: Final = """\
# start wheelfix
def _wheelfix_libs():
    import os
    import sys

    file = globals().get("__file__")
    if not (sys.platform == "win32" and file):
        return
    here = os.path.dirname(os.path.abspath(file))
"""
_FOLDERS: Final = """
    for folder in {folders}:
        folder = os.path.abspath(os.path.join(here, folder))
        if hasattr(os, "add_dll_directory") and os.path.isdir(folder):
            os.add_dll_directory(folder)
"""
_PRELOAD: Final = """
    names = {preload}
"""
_INERT: Final = """\
    conda = os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    if sys.version_info < (3, 8) or (conda and sys.version_info < (3, 10)):
        names = {inert}
"""
_LOAD: Final = """\
    for name in names:
        name = os.path.abspath(os.path.join(here, name))
        try:
            import ctypes

            ctypes.WinDLL(name)
        except (ImportError, OSError):
            pass
"""
_END: Final = """

_wheelfix_libs()
del _wheelfix_libs
# end wheelfix
"""


class _Token(Value):
    kind: str
    text: str
    start: int
    end: int


def text(
    folders: tuple[str, ...],
    preload: tuple[str, ...] = (),
    *,
    inert: tuple[str, ...] = (),
) -> str:
    r"""Give the shim, its lines ended by `\n`.

    All paths are relative to the package's folder and use `/`. Windows will find DLLs in
    `folders`; those in `preload` are loaded at once, in this order, dependencies first: what is
    loaded by name later (delay imports, `LoadLibrary`) finds them in memory and nowhere else.
    `inert` is loaded instead where folders do not count, before Python 3.8 and in Anaconda's
    before 3.10: all grafts, in the same order.
    """
    parts = [_START, _FOLDERS.format(folders=_literal(folders))]
    if preload or inert:
        parts.append(_PRELOAD.format(preload=_literal(preload)))
        parts += [_INERT.format(inert=_literal(inert))] if inert else []
        parts.append(_LOAD)
    return "".join([*parts, _END])


def starter(path: WheelPath, content: bytes) -> Starter:
    """Give the facts about a package's `__init__.py`, whatever is in it."""
    start, end = find(content) or (insertion(content),) * 2
    block = content[start:end].decode("ascii", "replace")
    helped = find_delvewheel(content) is not None
    rest = content[:start] + content[end:]
    return Starter(
        path=path,
        at=start,
        until=end,
        shim="\n".join(block.splitlines()) + "\n" if block else "",
        newline=_newline(content, start).decode("ascii"),
        helped=helped or b"add_dll_directory" in rest,
    )


def insert(content: bytes, shim: str) -> bytes:
    """Put the shim into the file, in place of our own old one if there is one.

    The shim gets the line breaks of the line before it; every other byte stays as it is.
    """
    start, end = find(content) or (insertion(content),) * 2
    block = shim.encode("ascii").replace(b"\n", _newline(content, start))
    return content[:start] + block + content[end:]


def remove(content: bytes) -> bytes:
    """Take our shim out, if it is there: the file as it was before `insert`."""
    start, end = find(content) or (0, 0)
    return content[:start] + content[end:]


def insertion(content: bytes) -> int:
    """Give the place for a shim, in bytes from the start of the file.

    It is before the first statement that is neither the docstring nor an import from
    `__future__`: right behind the last of these, else behind the comments at the top. Where that
    is inside delvewheel's patch, it is behind it, lest what takes that out takes ours too.
    """
    view = _view(content)
    place = _header(view, _begin(content))
    statements = _statements(view, place)
    for number, (statement, end) in enumerate(statements):
        if not (_is_future(statement) or (number == 0 and _is_docstring(statement))):
            break
        place = end
    start, end = find_delvewheel(content) or (place, place)
    return end if start <= place < end else place


def find(content: bytes) -> Span | None:
    """Give the place of our own shim, markers and last line break included; None without one."""
    return _block(_OURS, content) if _OURS_BEGINS in content else None


def find_delvewheel(content: bytes) -> Span | None:
    """Give the place of the patch that delvewheel put in; None without one."""
    return _block(_DELVEWHEEL, content) if _DELVEWHEEL_BEGINS in content else None


def _block(pattern: bytes, content: bytes) -> Span | None:
    spans = [match.span() for match in re.finditer(pattern, content)]
    return next((span for span in spans if _in_comment(content, span[0])), None)


def _in_comment(content: bytes, at: int) -> bool:
    """Tell our marker from one that a docstring shows."""
    token = next(token for token in _tokens(_view(content), _begin(content)) if token.end > at)
    return token.kind == "comment"


def _begin(content: bytes) -> int:
    return len(BOM) if content.startswith(BOM) else 0


def _header(view: str, at: int) -> int:
    """Give the end of the empty lines and comments at the top."""
    place = at
    for token in _tokens(view, at):
        if token.kind == "newline" or (token.kind == "comment" and token.end == len(view)):
            place = token.end
        elif token.kind not in {"space", "comment"}:
            break
    return place


def _statements(view: str, at: int) -> Iterator[tuple[list[_Token], int]]:
    """Give each simple statement and the place of what follows it, comments on its line skipped."""
    statement: list[_Token] = []
    depth, ended = 0, False
    for token in _tokens(view, at):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.kind in {"space", "comment"} or (token.kind == "newline" and depth):
            continue
        if statement and (ended or token.kind == "newline"):
            yield statement, token.end if token.kind == "newline" else token.start
            statement = []
        ended = token.text == ";"
        if not ended and token.kind != "newline":
            statement.append(token)
    if statement:
        yield statement, len(view)


def _tokens(view: str, at: int) -> Iterator[_Token]:
    pattern = re.compile(_SIGN)
    while match := pattern.match(view, at):
        at = match.end()
        yield _Token(kind=str(match.lastgroup), text=match[0], start=match.start(), end=at)


def _is_docstring(statement: list[_Token]) -> bool:
    signs = ("S" if token.kind == "string" else token.text for token in statement)
    return re.fullmatch(_DOCSTRING, "".join(signs)) is not None


def _is_future(statement: list[_Token]) -> bool:
    return tuple(token.text for token in statement[:3]) == _FUTURE


def _view(content: bytes) -> str:
    """Give one character per byte, such that ASCII characters are what they look like.

    In UTF-8 and its older kin each byte above 127 is part of a letter; in encodings of East Asia
    bytes below 128 may be too, one of them the backslash.
    """
    plain = content.decode("latin-1")
    encoding = _encoding(content)
    if encoding is None:
        return plain
    try:
        letters = content.decode(encoding)
        masked = "".join(c if c.isascii() else "x" * len(c.encode(encoding)) for c in letters)
    except (LookupError, ValueError):
        return plain
    return masked if len(masked) == len(plain) else plain


def _encoding(content: bytes) -> str | None:
    """Give the encoding that the first two lines declare (PEP 263)."""
    if b"coding" not in content:
        return None
    for line in re.split(_NEWLINE, content, maxsplit=2)[:2]:
        if declared := re.match(_CODING, line):
            return declared[1].decode("ascii")
        if not re.match(_EMPTY, line):
            return None
    return None


def _newline(content: bytes, at: int) -> bytes:
    before, after = re.findall(_NEWLINE, content[:at]), re.findall(_NEWLINE, content[at:])
    return bytes((before[-1:] or after[:1] or [b"\n"])[0])


def _literal(paths: tuple[str, ...]) -> str:
    """Write a tuple in ASCII, whatever the file's encoding."""
    return "(" + "".join(f"{path!a}, " for path in paths).rstrip(" ") + ")"
