"""The rules of the house as functions over its source: who imports whom, what nobody may do.

Files are discovered, so the rules hold for rooms that are added later. `test_architecture.py`
holds wheelfix to them, and shows each of them a small tree that breaks it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeAlias

# A room may import the rooms on the lines above its own, and itself.  "" is wheelfix/__init__.py.
FLOORS = (
    {"typed"},
    {"errors", "value", "workers", "clock"},
    {"model"},
    {"hostfile"},
    {"clone", "codec", "findings", "formats", "archive", "host", "policy"},
    {"looks", "standin"},
    {"detect"},
    {"resolve"},
    {"plan"},
    {"stage"},
    {"patch"},
    {"verify"},
    {"workshop"},
    {"pipeline"},
    {"merging", "artifacts"},
    {"render", "config", "settings"},
    {"meter"},
    {""},
    {"arguments", "console"},
    {"cli"},
    {"__main__"},
)
SIBLINGS_ALLOWED = {("archive", "clone")}
PURE = {"model", "plan", "render"}
IMPURE_MODULES = {"os", "io", "shutil", "subprocess", "tempfile", "zipfile"}
DOORS = {  # where the modules of other projects may be imported; all others may not be at all
    "packaging": ("",),
    "deflate": ("archive",),
    "zlib_ng": ("archive",),
    "elftools": ("formats/elf",),
    "macholib": ("formats/macho",),
    "pefile": ("formats/pe",),
    "lief": ("verify",),
}
PROCESS_WIDE = {"chdir", "fchdir", "putenv", "unsetenv", "umask", "setlocale", "tzset"}
ENVIRON = {"environ", "os.environ", "os.environb"}
ENVIRON_WRITES = {"update", "pop", "popitem", "setdefault", "clear"}
READ_ONLY_TYPES = {"Final", "Mapping", "MappingProxyType", "Sequence", "frozenset", "tuple"}
MUTABLE_TYPES = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter"}
PLACES = {"Path", "WheelPath", "InstalledPath", "Place", "ByteSource", "Shelf", "Options", "object"}
MAX_FUNCTION, MAX_MODULE, MAX_NESTING = 50, 350, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    name: str
    """Dotted, without `wheelfix.`; empty for the package itself."""
    file: Path
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    target: str
    line: int
    lazy: bool
    """True inside a function."""


Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def modules(package: Path) -> list[Module]:
    """Parse every module below `package`."""
    found = []
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(file.read_text("utf-8"))
        found.append(Module(name=name, file=file, tree=tree, is_package=is_package))
    return found


def imports(module: Module, known: set[str]) -> Iterator[Import]:
    """Give every import, by dotted name; `from x import y` counts as x.y where that is a module."""
    lazy = {id(n) for f in functions(module.tree) for n in ast.walk(f)}
    for node in ast.walk(module.tree):
        for target in _targets(module, node, known):
            yield Import(target=target, line=getattr(node, "lineno", 0), lazy=id(node) in lazy)


def _targets(module: Module, node: ast.AST, known: set[str]) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(names=names, level=0, module=str(base)):
            return [_deepest(base, alias.name, known) for alias in names]
        case ast.ImportFrom(names=names, module=base, level=level):
            parts = ["wheelfix", *filter(None, module.name.split("."))]
            up = parts[: len(parts) - level + module.is_package]
            return [_deepest(".".join([*up, *filter(None, [base])]), a.name, known) for a in names]
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]):
            return [name] if _dotted(func).endswith(("import_module", "__import__")) else []
        case _:
            return []


def _deepest(base: str, name: str, known: set[str]) -> str:
    inside = base.partition(".")[2]
    deeper = f"{inside}.{name}".lstrip(".")
    return f"{base}.{name}" if base.startswith("wheelfix") and deeper in known else base


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
        case ast.Subscript(value=value) | ast.Call(func=value):
            return _dotted(value)
        case _:
            return ""


def functions(tree: ast.AST) -> list[Function]:
    """Give every function and method, nested ones included."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def arrows(module: Module, known: set[str]) -> Iterator[str]:
    """A module imports only rooms to its left."""
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    if module.room not in floor_of:
        yield f"{module.name}: this room has no place among the arrows"
        return
    for found in imports(module, known):
        top, _, inner = found.target.partition(".")
        room = inner.partition(".")[0]
        if top != "wheelfix" or room == module.room or (module.room, room) in SIBLINGS_ALLOWED:
            continue
        if floor_of.get(room, len(FLOORS)) >= floor_of[module.room]:
            yield f"{module.name}:{found.line}: may not import `{room or 'wheelfix'}`"


def doors(module: Module, known: set[str]) -> Iterator[str]:
    """Other projects and I/O come in where the design has a door for them."""
    here = module.name.replace(".", "/") + "/"
    for found in imports(module, known):
        top = found.target.partition(".")[0]
        where = f"{module.name}:{found.line}: `{top}`"
        if module.room in PURE and top in IMPURE_MODULES:
            yield f"{where} does I/O, and this room is pure"
        elif top == "subprocess":
            yield f"{where} runs programs, and wheelfix needs none"
        elif top == "typing" and not found.lazy and module.name != "typed":
            yield f"{where} is slow to load: its words come from wheelfix.typed"
        elif top in sys.stdlib_module_names or top == "wheelfix":
            continue
        elif not any(not door or here.startswith(f"{door}/") for door in DOORS.get(top, ())):
            yield f"{where} has no door here"
        elif top == "lief" and not found.lazy:
            yield f"{where} is imported only inside a function: it is slow to load"


def formats_apart(module: Module, known: set[str]) -> Iterator[str]:
    """No format knows another: they share the contract and the handling of files."""
    shared = ("interface", "files", "window")
    mine = module.name.split(".")[1:2]
    if not module.name.startswith("formats.") or mine[0] in shared:
        return
    for found in imports(module, known):
        parts = found.target.split(".")
        if parts[:2] == ["wheelfix", "formats"] and not {*parts[2:3]} & {*mine, *shared}:
            yield f"{module.name}:{found.line}: a format imports only itself and what all share"


def quiet(module: Module, _: set[str]) -> Iterator[str]:
    """Only the console prints."""
    if module.room == "console":
        return
    for node in ast.walk(module.tree):
        if _dotted(node) in {"print", "sys.stdout", "sys.stderr"} and not isinstance(
            node, ast.Call
        ):
            yield f"{module.name}:{getattr(node, 'lineno', 0)}: only console.py prints"


def process_untouched(module: Module, _: set[str]) -> Iterator[str]:
    """Nobody changes what belongs to the whole process."""
    for node in ast.walk(module.tree):
        where = f"{module.name}:{getattr(node, 'lineno', 0)}"
        match node:
            case ast.ImportFrom(module="os" | "contextlib", names=names):
                if PROCESS_WIDE & {alias.name for alias in names}:
                    yield f"{where}: changes the whole process"
            case ast.Attribute(attr=attr) if attr in PROCESS_WIDE:
                yield f"{where}: `{attr}` changes the whole process"
            case ast.Attribute(value=value, attr=attr) if attr in ENVIRON_WRITES:
                if _dotted(value) in ENVIRON:
                    yield f"{where}: changes os.environ"
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store()):
                if _dotted(node) in ENVIRON:
                    yield f"{where}: changes os.environ"
            case ast.Global():
                yield f"{where}: `global` is module-level state"
            case _:
                pass


def stateless(module: Module, _: set[str]) -> Iterator[str]:
    """Modules hold constants only, and cache nothing that belongs to a place or a run."""
    for node in module.tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                if _mutable(value) and [_dotted(t) for t in targets] != ["__all__"]:
                    yield f"{module.name}:{node.lineno}: mutable at module level"
            case ast.AnnAssign(annotation=annotation, value=value) if value and _mutable(value):
                if _dotted(annotation).rpartition(".")[2] not in READ_ONLY_TYPES:
                    yield f"{module.name}:{node.lineno}: mutable at module level"
            case _:
                pass
    for function in functions(module.tree):
        names = {_dotted(d).rpartition(".")[2] for d in function.decorator_list}
        if names & {"cache", "lru_cache"} and not _closed(function.args):
            yield f"{module.name}:{function.lineno}: caches what belongs to a place or a run"


def _closed(arguments: ast.arguments) -> bool:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    types = {_dotted(a.annotation).rpartition(".")[2] if a.annotation else "" for a in every}
    return not (types & {"", *PLACES}) and not (arguments.vararg or arguments.kwarg)


def _mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return _dotted(value.func).rpartition(".")[2] in MUTABLE_TYPES
    literals = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    return isinstance(value, literals)


def short(module: Module, _: set[str]) -> Iterator[str]:
    """Functions, nesting and modules stay small; docstrings of functions are not counted."""
    lines = len(module.file.read_text("utf-8").splitlines())
    if lines > MAX_MODULE:
        yield f"{module.name}: {lines} lines, may have {MAX_MODULE}"
    for function in functions(module.tree):
        where = f"{module.name}:{function.lineno}: `{function.name}`"
        if length(function) > MAX_FUNCTION:
            yield f"{where} has {length(function)} lines, may have {MAX_FUNCTION}"
        if nesting(function.body) > MAX_NESTING:
            yield f"{where} nests {nesting(function.body)} deep, may nest {MAX_NESTING}"


def length(function: Function) -> int:
    """Count lines from `def` to the end, without the docstring's."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def nesting(body: list[ast.stmt]) -> int:
    """Count how many blocks stand inside each other; `elif` opens no new one."""
    return max((_depth(statement) for statement in body), default=0)


def _depth(node: ast.stmt) -> int:
    match node:
        case ast.If(body=body, orelse=[ast.If() as elif_]):
            return max(1 + nesting(body), _depth(elif_))
        case ast.If() | ast.For() | ast.AsyncFor() | ast.While():
            return 1 + nesting([*node.body, *node.orelse])
        case ast.With() | ast.AsyncWith():
            return 1 + nesting(node.body)
        case ast.Try() | ast.TryStar():
            handlers = [s for handler in node.handlers for s in handler.body]
            return 1 + nesting([*node.body, *handlers, *node.orelse, *node.finalbody])
        case ast.Match():
            return 1 + nesting([s for case in node.cases for s in case.body])
        case _:
            return 0


def documented(module: Module, _: set[str]) -> Iterator[str]:
    """Every module, and every public function, class and method, says what it is for."""
    if ast.get_docstring(module.tree) is None:
        yield f"{module.name}: no docstring"
    classes = [n for n in module.tree.body if isinstance(n, ast.ClassDef)]
    bodies = [module.tree.body, *(c.body for c in classes if not c.name.startswith("_"))]
    for node in (node for body in bodies for node in body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not node.name.startswith("_") and ast.get_docstring(node) is None:
                    yield f"{module.name}:{node.lineno}: `{node.name}` has no docstring"
            case _:
                pass


Rule: TypeAlias = Callable[[Module, set[str]], Iterator[str]]
RULES: tuple[Rule, ...] = (
    arrows,
    doors,
    formats_apart,
    quiet,
    process_untouched,
    stateless,
    short,
    documented,
)


def broken(rule: Rule, package: Path) -> list[str]:
    """Give every place in `package` that breaks `rule`."""
    found = modules(package)
    known = {module.name for module in found}.union(*FLOORS)
    return [complaint for module in found for complaint in rule(module, known)]


def cycles(package: Path) -> list[str]:
    """Give one cycle of imports between modules, if there is any."""
    found = modules(package)
    known = {module.name for module in found}
    graph = {
        m.name: {i.target.partition(".")[2] for i in imports(m, known) if _ours(i)} for m in found
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(map(str, error.args[1]))
    return []


def _ours(found: Import) -> bool:
    return found.target.partition(".")[0] == "wheelfix"
