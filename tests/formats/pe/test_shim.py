"""The shim goes where Python and people expect it, into files of any shape and syntax."""

from __future__ import annotations

import ast
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.formats.pe import shim

SHIM = shim.text(("../demo.libs",), ("../demo.libs/a.dll",))
BOM = b"\xef\xbb\xbf"
NEXT = b"import x\n"
FUNCTION = "_wheelfix_libs"
DELVEWHEEL = (
    b"\n\n# start delvewheel patch\ndef _delvewheel_patch_1_13_2():\n    pass\n\n\n"
    b"_delvewheel_patch_1_13_2()\ndel _delvewheel_patch_1_13_2\n# end delvewheel patch\n\n"
)

BEFORE_CODE = {
    "nothing": b"",
    "code alone": b"",
    "blank lines": b"\n\n",
    "comments": b"# Copyright\n\n# All rights reserved\n",
    "shebang and encoding": b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\n# \xe9\n",
    "encoding in the second line": b"\n# coding: latin-1\n",
    "delvewheel's BOM": BOM,
    "BOM and docstring": BOM + b'"""Doc."""\n',
    "delvewheel #10, a docstring first of all": b'"""Doc."""\n',
    "docstring and blank lines before it": b'# c\n\n\n"""Doc."""\n',
    "delvewheel #23, docstring in other quotes": b"'Doc.'\n",
    "delvewheel #42, docstring in double quotes": b'"Doc."\n',
    "raw docstring": b'r"""Doc\\."""\n',
    "unicode docstring": b'U"Doc"\n',
    "empty docstring": b'""\n',
    "empty long docstring": b'""""""\n',
    "docstring of many lines": b'"""Doc.\n\nimport this\n# not a comment\n"""\n',
    "docstring with quotes": b'"""a "quoted\\""" and ""word"" in it."""\n',
    "docstring over a line break": b'"Doc\\\nstring"\n',
    "other docstring over a line break": b'"Doc\\\r\nstring"\r\n',
    "delvewheel's parenthesised docstring": b'("Doc.")\n',
    "parenthesised docstring of many lines": b'(  # why\n  "a"\n\n  "b"  # here\n)\n',
    "twice parenthesised docstring": b'(("Doc."))\n',
    "delvewheel's joined docstring": b'"a" \'b\' """c"""\n',
    "docstring joined over lines": b'"a" \\\n  "b"\n',
    "delvewheel's docstring with noqa": b'"""Doc."""  # noqa: D400\n',
    "delvewheel's docstring with a semicolon": b'"""Doc.""";\n',
    "docstring with a semicolon and a comment": b'"""Doc.""" ; # noqa\n',
    "delvewheel #8, future import": b"from __future__ import annotations\n",
    "docstring and future imports": (
        b'"""Doc."""\n\nfrom __future__ import annotations\n\n# c\n'
        b"from __future__ import division\n"
    ),
    "delvewheel's future import of many lines": (
        b"from __future__ import (  # (\n    annotations,\n    division as d,  # )\n)\n"
    ),
    "continued future import": b"from \\\n __future__ \\\n import annotations, \\\n division\n",
    "future import with a comment": b"from __future__ import annotations  # isort: skip\n",
    "future import behind a semicolon": b'"Doc"; from __future__ import annotations\n',
    "form feeds": b'\x0c\n"""Doc."""\x0c\n\x0cfrom __future__ import annotations\n',
    "carriage returns": b'"""Doc."""\r# c\rfrom __future__ import annotations\r',
    "DOS lines": b'"""Doc.\r\n"""\r\nfrom __future__ import annotations\r\n',
    "delvewheel's mixed newlines": b'"""Doc.\r"""\nfrom __future__ import annotations\r\n',
    "a backslash inside a letter": b"# coding: shift_jis\n'\x95\\'\n",
    "an encoding that nobody knows": b"# coding: klingon\n'Doc'\n",
    "our marker in the docstring": b'"""\n# start wheelfix\ndef _wheelfix_libs():\n x\n"""\n',
    "our whole shim in the docstring": b"'''\n" + SHIM.encode() + b"'''\n",
}
"""What stands before the shim: it is put exactly behind these bytes, and code follows."""

CODE = {
    "import": NEXT,
    "delvewheel #42, a function's docstring": b'def f():\n    """Long."""\n',
    "a string that is no docstring": b"'a'.join([])\n",
    "a second string": b"'a'\n",
    "a string that is called": b"('a')('b')\n",
    "a sum of strings": b"'a' + 'b'\n",
    "a tuple": b"('a',)\n",
    "a string with a format": b"f'a'\n",
    "a joined string with a format": b"'a' f'b'\n",
    "bytes": b"b'a'\n",
    "no future": b"from .__future__ import x\n",
    "name like from": b"from__future__ = 1\n",
    "delvewheel's newer syntax": b"type X[T: (int, str) = int] = list[T]\n",
    "syntax of no version": b"frobnicate 1 ? {} : ]] lambda!!\n",
    "nested quotes": b"x = f'{f'{1}'}'\nfrom __future__ import y\n",
    "unfinished string": b'x = """abc\n',
    "form feed": b"\x0cimport x\n",
}


def can_be_followed(before: bytes, code: bytes) -> bool:
    """Say whether a string at the start of `code` could not be the docstring."""
    return code[:1] != b"'" or any(sign in before for sign in (b"'", b'"', b"from"))


PAIRS = {
    f"{name}, then {follows}": (before, code)
    for name, before in BEFORE_CODE.items()
    for follows, code in CODE.items()
    if can_be_followed(before, code)
}


@pytest.mark.parametrize(("before", "code"), PAIRS.values(), ids=PAIRS)
def test_it_stands_between_prologue_and_code(before: bytes, code: bytes) -> None:
    assert shim.insertion(before + code) == len(before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"""Doc.""";', b"import x\n"),
        (b'"""Doc.""" ; \t', b"import x; import y\n"),
        (b'"""Doc."""; \\\n  ', b"import x\n"),
        (b"'Doc'; from __future__ import annotations; ", b"import x\n"),
        (b'"""Doc."""', b""),
        (b'"""Doc."""  # noqa', b""),
        (b"# only a comment", b""),
        (b"from __future__ import annotations", b""),
        (b"#!/usr/bin/python\n# coding: latin-1", b""),
        (b"'\xc2\x95\\\\'\n", b"# coding: shift_jis\nimport x\n"),
    ],
)
def test_it_stands_inside_a_line(before: bytes, after: bytes) -> None:
    assert shim.insertion(before + after) == len(before)
    inserted = shim.insert(before + after, SHIM)
    compile(inserted, "__init__.py", "exec")
    assert shim.remove(inserted) == before + after


@pytest.mark.parametrize("name", BEFORE_CODE)
def test_every_other_byte_is_kept_and_a_second_time_changes_nothing(name: str) -> None:
    content = BEFORE_CODE[name] + NEXT
    once = shim.insert(content, SHIM)
    start, end = shim.find(once) or (0, 0)
    assert (start, end - start >= len(SHIM)) == (len(BEFORE_CODE[name]), True)
    assert once[:start] + once[end:] == shim.remove(once) == content
    assert shim.insert(once, SHIM) == once


def test_our_old_shim_is_replaced_where_it_stands() -> None:
    old = shim.insert(b"'Doc'\r\n" + NEXT, shim.text(("../old.libs",)))
    moved = b"'Doc'\r\nimport early\r\n" + old.removeprefix(b"'Doc'\r\n")
    new = shim.insert(moved, SHIM)
    assert new.count(b"# start wheelfix") == 1
    assert b"old.libs" not in new
    assert new.startswith(b"'Doc'\r\nimport early\r\n# start wheelfix\r\n")
    assert new.endswith(b"# end wheelfix\r\n" + NEXT)


@pytest.mark.parametrize(
    ("content", "newline"),
    [
        (b"", b"\n"),
        (b"import x", b"\n"),
        (b"import x\r\n", b"\r\n"),
        (b"import x\rimport y\r", b"\r"),
        (b"'Doc'\nimport x\r\n", b"\n"),
        (b"# c\n'Doc'\r\nimport x\n", b"\r\n"),
        (b"'Doc'", b"\n"),
    ],
)
def test_it_has_the_line_breaks_of_the_line_before(content: bytes, newline: bytes) -> None:
    start, end = shim.find(shim.insert(content, SHIM)) or (0, 0)
    assert shim.insert(content, SHIM)[start:end] == SHIM.encode().replace(b"\n", newline)


def test_delvewheels_patch_is_told_apart() -> None:
    content = b'"""Doc."""\n' + DELVEWHEEL + NEXT
    assert shim.find(content) is None
    start, end = shim.find_delvewheel(content) or (0, 0)
    assert content[start:end] == DELVEWHEEL.strip() + b"\n"
    assert shim.find_delvewheel(shim.insert(NEXT, SHIM)) is None
    assert shim.find_delvewheel(b"'''" + DELVEWHEEL + b"'''\n") is None
    both = shim.insert(content, SHIM)
    assert (shim.find(both) is None, shim.find_delvewheel(both) is None) == (False, False)
    assert shim.remove(both) == content


@pytest.mark.parametrize("before", [b"", b'"""""" ', b'""""""', b"# c\n"])
def test_ours_stays_out_of_delvewheels_patch(before: bytes) -> None:
    """Where it marked its patch on the line of an empty docstring that it made up."""
    patch = DELVEWHEEL.strip() + b"\n"
    content = before + patch + NEXT
    assert shim.find_delvewheel(content) == (len(before), len(before + patch))
    both = shim.insert(content, SHIM)
    assert both.count(patch) == 1
    assert (shim.insert(both, SHIM), shim.remove(both)) == (both, content)


def test_delvewheels_patch_put_before_ours_later() -> None:
    ours = shim.insert(b"'Doc'\n" + NEXT, SHIM)
    both = ours.replace(b"'Doc'\n", b"'Doc'\n" + DELVEWHEEL)
    assert shim.insert(both, SHIM) == both
    assert shim.remove(both) == b"'Doc'\n" + DELVEWHEEL + NEXT


@pytest.mark.parametrize("preload", [(), ("../demo.libs/a.dll", "../demo.libs/b.dll")])
@pytest.mark.parametrize("inert", [(), ("../demo.libs/c.dll",)])
def test_it_is_python_of_any_version_and_of_few_bytes(
    preload: tuple[str, ...], inert: tuple[str, ...]
) -> None:
    text = shim.text(("../d\xe9mo.libs", "it's"), preload, inert=inert)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    ast.parse(text, feature_version=(3, 7))
    compile("from __future__ import barry_as_FLUFL\n" + text, "x", "exec")


@pytest.mark.parametrize("file", [{}, {"__file__": None}, {"__file__": __file__}])
@pytest.mark.skipif(sys.platform == "win32", reason="needs a system that is not Windows")
def test_it_does_nothing_elsewhere(file: dict[str, str | None]) -> None:
    names = {"__builtins__": __builtins__, **file}
    exec(SHIM, names)
    assert names == {"__builtins__": __builtins__, **file}


def test_it_adds_the_folder_and_loads_in_order_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    ctypes = types.SimpleNamespace(WinDLL=lambda path: said.append(Path(path).name))
    monkeypatch.setitem(sys.modules, "ctypes", ctypes)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("os.add_dll_directory", said.append, raising=False)
    (tmp_path / "demo.libs").mkdir()
    text = shim.text(("../demo.libs", "../no.libs"), ("../demo.libs/b.dll", "../demo.libs/a.dll"))
    exec(text, {"__file__": str(tmp_path / "demo" / "__init__.py")})
    assert said == [str(tmp_path / "demo.libs"), "b.dll", "a.dll"]


def test_packages_of_the_standard_library_stay_what_they_are() -> None:
    files = sorted(Path(ast.__file__).parent.glob("*/__init__.py"))
    assert len(files) > 20
    assert [file for file in files if not _stays(file.read_bytes())] == []


def _stays(content: bytes) -> bool:
    before, after = ast.parse(content), ast.parse(shim.insert(content, SHIM))
    docstrings = {ast.get_docstring(module, clean=False) for module in (before, after)}
    at = next(n for n, node in enumerate(after.body) if getattr(node, "name", "") == FUNCTION)
    others = after.body[:at] + after.body[at + 3 :]
    return len(docstrings) == 1 and list(map(ast.dump, others)) == list(map(ast.dump, before.body))


NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
PADDING = st.lists(st.sampled_from(["", "# c", "  # noqa", "\x0c", "\t"]), max_size=3)
LITERALS = ["'a'", '"b\\""', '"""c "d" \n"""', "'''e''\\''''", "r'\\d'", "u'f'", "''", "'# g'"]
FLAGS = ["annotations", "(annotations)", "( # (\n annotations, division)", "generator_stop as g"]
STATEMENTS = ["import sys", "x: int = 1", "'no docstring'", "f'{1}'", "def f(): 'doc'", "(1, 'a')"]


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """Give modules that compile, of every prologue there may be."""
    strings = draw(st.lists(st.sampled_from(LITERALS), max_size=3))
    shape = draw(st.sampled_from(["{}", "({})", "(  # (\n{}\n)"]))
    prologue = [shape.format(" ".join(strings))] if strings else []
    flags = draw(st.lists(st.sampled_from(FLAGS), max_size=2))
    prologue += [f"from __future__ import {flag}" for flag in flags]
    code = draw(st.lists(st.sampled_from(STATEMENTS), max_size=3))
    text = "".join(f"{each}\n" for each in draw(PADDING))
    for statement in prologue + code:
        separator = draw(st.sampled_from(["\n", "; ", ";\n", "  # noqa\n", " ;# c\n"]))
        compound = statement.startswith("def")
        text += ("\n" if compound and not text.endswith("\n") and text else "") + statement
        text += "\n" if compound else separator
    text = text.removesuffix("\n") if draw(st.booleans()) else text
    return draw(st.sampled_from([b"", BOM])) + text.replace("\n", draw(NEWLINES)).encode()


@given(sources())
def test_docstring_flags_and_code_stay(content: bytes) -> None:
    before = ast.parse(content)
    inserted = shim.insert(content, SHIM)
    assert shim.remove(inserted) == content
    assert shim.insert(inserted, SHIM) == inserted
    after = ast.parse(inserted)
    assert ast.get_docstring(after, clean=False) == ast.get_docstring(before, clean=False)
    ours = [ast.dump(node) for node in ast.parse(SHIM).body]
    dumps = [ast.dump(node) for node in after.body]
    at = next(n for n in range(len(dumps)) if dumps[n : n + len(ours)] == ours)
    assert dumps[:at] + dumps[at + len(ours) :] == [ast.dump(node) for node in before.body]
    flags = compile(content, "x", "exec", dont_inherit=True).co_flags
    assert compile(inserted, "x", "exec", dont_inherit=True).co_flags == flags


@given(st.binary(max_size=200) | st.text("\"'()#;\\\n\r frombut_ure1\x0c").map(str.encode))
def test_no_file_is_too_strange(content: bytes) -> None:
    inserted = shim.insert(content, SHIM)
    assert 0 <= shim.insertion(content) <= len(content)
    assert shim.remove(inserted) == content
    assert shim.insert(inserted, SHIM) == inserted
