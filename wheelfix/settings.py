"""What was said where: the command line before the environment before pyproject.toml.

Every option has the same name everywhere: `--lib-path`, WHEELFIX_LIB_PATH, `lib-path` in the table
`[tool.wheelfix]`. Options that may be given several times add up, the nearest word first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.errors import UsageError
from wheelfix.typed import Any, Final
from wheelfix.value import Value

TABLE: Final = "[tool.wheelfix]"


class Kind(Value):
    """What an option's value may be."""

    words: str
    """Its name in a message: `a list of strings`."""
    of_toml: Callable[[Any, Path], Any]
    """Gives the value as the command line would; raises ValueError. The folder is the file's."""
    of_text: Callable[[str], Any]
    """The same for an environment variable's text."""


def _text(found: Any, _: Path) -> str:
    return str(_demand(found, str))


def _texts(found: Any, _: Path) -> list[str]:
    return [str(_demand(text, str)) for text in _demand(found, list)]


def _path(found: Any, folder: Path) -> Path:
    text = _text(found, folder)
    if "\0" in text:  # which TOML can say, and no system call can
        raise ValueError
    return folder / os.path.expanduser(text)  # noqa: PTH111 - Path's raises for `~nobody`


def _folder(found: Any, folder: Path) -> str:
    return str(_path(found, folder))


def _folders(found: Any, folder: Path) -> list[str]:
    return [_folder(text, folder) for text in _demand(found, list)]


def _search(found: Any, folder: Path) -> str:
    return os.pathsep.join(_folders(found, folder))


def _flag(found: Any, _: Path) -> bool:
    return bool(_demand(found, bool))


def _number(found: Any, _: Path) -> int:
    return int(_demand(found, int))


def _demand(found: Any, kind: type) -> Any:
    if type(found) is not kind:
        raise ValueError
    return found


def _flag_text(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


_FLAGS = MappingProxyType(
    {
        **dict.fromkeys(("1", "true", "yes", "on"), True),
        **dict.fromkeys(("", "0", "false", "no", "off"), False),
    }
)


def _split_path(text: str) -> list[str]:
    return [part for part in text.split(os.pathsep) if part]


TEXT = Kind(words="a string", of_toml=_text, of_text=str)
TEXTS = Kind(words="a list of strings", of_toml=_texts, of_text=str.split)
FLAG = Kind(words="true or false", of_toml=_flag, of_text=_flag_text)
NUMBER = Kind(words="a number", of_toml=_number, of_text=int)
PATH = Kind(words="a path", of_toml=_path, of_text=Path)
FOLDER = Kind(words="a folder", of_toml=_folder, of_text=str)
FOLDERS = Kind(words="a list of folders", of_toml=_folders, of_text=_split_path)
SEARCH = Kind(words="a list of folders", of_toml=_search, of_text=str)

OPTIONS: Final[Mapping[str, tuple[Kind, Any]]] = MappingProxyType(
    {
        "plat": (TEXT, "auto"),
        "only_plat": (FLAG, False),
        "lib_path": (FOLDERS, ()),
        "include": (TEXTS, ()),
        "exclude": (TEXTS, ()),
        "ignore": (TEXTS, ()),
        "error": (TEXTS, ()),
        "dlopen": (TEXT, "required"),
        "include_symbols": (FLAG, False),
        "include_imports": (FLAG, False),
        "lib_sdir": (TEXT, None),
        "no_mangle": (TEXTS, ()),
        "sysroot": (FOLDER, None),
        "ld_paths": (SEARCH, None),
        "no_host_libs": (FLAG, False),
        "executable_path": (PATH, None),
        "macos_target": (TEXT, None),
        "require_archs": (TEXT, ""),
        "take": (TEXTS, ()),
        "wheel_dir": (PATH, Path("wheelhouse")),
        "dry_run": (FLAG, False),
        "verify": (TEXT, "header"),
        "compression_level": (NUMBER, 5),
        "overwrite": (FLAG, False),
        "scratch": (PATH, None),
        "jobs": (NUMBER, 0),
        "installed": (TEXTS, ()),
        "env": (PATH, None),
        "why": (TEXT, None),
        "dot": (FLAG, False),
        "mermaid": (FLAG, False),
        "format": (TEXT, "text"),
        "json": (FLAG, False),
        "quiet": (FLAG, False),
        "verbose": (FLAG, False),
    }
)
"""Every option by its name in Python: what it may be, and what it is when nothing is said."""


def settled(
    given: Mapping[str, Any], environ: Mapping[str, str], folder: Path | None
) -> dict[str, Any]:
    """Give every option's value; raises UsageError that names file and key, or the variable.

    `given` is what the command line said, `folder` where to begin to look for pyproject.toml: the
    nearest one counts. None for no such file.
    """
    sources = [dict(given), dict(_of_environment(environ)), _of_file(folder)]
    for one, other in (("quiet", "verbose"), ("verbose", "quiet")):
        if given.get(one):  # what is said elsewhere is the other half of this choice
            for source in sources:
                source.pop(other, None)
    result = {key: value for key, value in given.items() if key not in OPTIONS}
    for key, (_, default) in OPTIONS.items():
        said = [source[key] for source in sources if key in source]
        if default == ():
            result[key] = [text for texts in said for text in texts]
        else:
            result[key] = said[0] if said else default
    return result


def _of_environment(environ: Mapping[str, str]) -> list[tuple[str, Any]]:
    found = []
    for key, (kind, _) in OPTIONS.items():
        name = f"WHEELFIX_{key.upper()}"
        if name not in environ:
            continue
        try:
            found.append((key, kind.of_text(environ[name])))
        except ValueError as error:
            raise UsageError(
                subject=f"{name}={environ[name]}",
                problem=f"must be {kind.words}",
                hint=f"set it as `--{key.replace('_', '-')}` would be, or unset it",
            ) from error
    return found


_MENTIONED = rb"tool[^\n]*wheelfix|\[\s*['\"]?tool['\"]?\s*\]"
"""What stands in every file that has our table: the others need no TOML reader, which is slow."""


def _of_file(folder: Path | None) -> dict[str, Any]:
    for place in () if folder is None else (folder, *folder.parents):
        file = place / "pyproject.toml"
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _bad(file, "", f"cannot be read: {error.strerror}") from error
        named = b"wheelfix" in content and re.search(_MENTIONED, content)
        return _of_table(file, content) if named else {}
    return {}


def _of_table(file: Path, content: bytes) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # bad UTF-8 too, and brackets without end
        raise _bad(file, "", f"is no TOML: {error}") from error
    tool = document.get("tool", {})
    table = tool.get("wheelfix", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _bad(file, "", "`tool.wheelfix` must be a table")
    return {key.replace("-", "_"): _of_toml(file, key, found) for key, found in table.items()}


def _of_toml(file: Path, key: str, found: Any) -> Any:
    known = OPTIONS.get(key.replace("-", "_"))
    if known is None or "_" in key:
        raise _bad(file, key, "there is no such option", near=_nearest(key))
    try:
        return known[0].of_toml(found, file.parent)
    except ValueError as error:
        raise _bad(file, key, f"must be {known[0].words}") from error


def _nearest(key: str) -> str:
    from difflib import get_close_matches

    names = [name.replace("_", "-") for name in OPTIONS]
    return next(iter(get_close_matches(key.replace("_", "-"), names, 1)), "")


def _bad(file: Path, key: str, problem: str, *, near: str = "") -> UsageError:
    hint = "docs/cli.md lists what may stand there"
    return UsageError(
        subject=f"{file}: {TABLE} {key}" if key else str(file),
        problem=problem,
        hint=f"did you mean `{near}`?" if near else hint,
    )
