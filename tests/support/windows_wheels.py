"""Windows wheels as builds leave them: every layout of extensions, and the DLLs that they lack.

The DLLs: `answer` gives 42, `outer` one more than `answer`, `ping` and `pong` need each other, and
`relay` has no code of its own: its export is forwarded to `answer`.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from wheelfix.archive import installed_path
from wheelfix.model import WheelPath

from .repairs import make_wheel
from .windows_build import Import, build, dll, extension

STEM = "demo-1.0-cp39-abi3-win_amd64"
INIT = b'"""What demo is for."""\nfrom __future__ import annotations\n\nready = True\n'
NOT_FOUND = "ImportError: DLL load failed while importing"
DELAY_LOAD_FAILED = 0xC06D007E & 0xFF
"""How a process ends whose delayed DLL is not found, as Linux sees it."""

ANSWER = Import(dll="answer.dll", functions=("answer",))
OUTER = Import(dll="outer.dll", functions=("outer",))
LATE_ANSWER = Import(dll="answer.dll", functions=("answer",), delay=True)
LATE_OUTER = Import(dll="outer.dll", functions=("outer",), delay=True)
PING = Import(dll="ping.dll", functions=("ping",))
RELAY = Import(dll="relay.dll", functions=("relayed",))
SHOUTED = Import(dll="ANSWER.Dll", functions=("answer",))

Members: TypeAlias = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A wheel, what to run with it, and what a repair makes of it."""

    name: str
    members: Callable[[], Members]
    says: str
    """What `code` prints, in words."""
    grafts: tuple[str, ...]
    """Folders and names of the grafts, without their digests."""
    code: str = "import demo.ext; print(demo.ext.ask())"
    """Imports the extensions and prints what they say."""
    shims: tuple[str, ...] = ()
    """The Python files that are touched."""
    problem: str = "WF102"
    """What `check` calls the unrepaired wheel's fault."""
    fails: str | int = NOT_FOUND
    """What the unrepaired wheel's import says, or how the process ends where it says nothing."""


def libraries(folder: Path, answer: int = 42) -> Path:
    """Build the DLLs into a folder."""
    dll(folder / "answer.dll", {"answer": str(answer)})
    dll(folder / "outer.dll", {"outer": "answer() + 1"}, ANSWER)
    dll(folder / "relay.dll", {"other": "1"}, forwards={"relayed": "answer.answer"})
    pong = Import(dll="pong.dll", functions=("pong",))
    dll(folder / "ping.dll", {"ping": "pong() + 1", "base": "1"}, pong)
    dll(folder / "pong.dll", {"pong": "base() + 1"}, Import(dll="ping.dll", functions=("base",)))
    return folder


def asks(name: str, *needs: Import, calling: str | None = None) -> bytes:
    """Build an extension module called `name` whose `ask` calls the first function it needs."""
    functions = {"ask": calling or f"{needs[0].functions[0]}()"}
    return _built(f"{name}.pyd", lambda file: extension(file, functions, *needs))


def is_package(need: Import) -> bytes:
    """Build a package that is an extension itself, as Cython makes it."""
    functions = {"ask": f"{need.functions[0]}()"}
    return _built("__init__.pyd", lambda file: extension(file, functions, need, name="demo"))


def gives(number: int) -> bytes:
    """Build `answer.dll`."""
    return _built("answer.dll", lambda file: dll(file, {"answer": str(number)}))


def program(need: Import) -> bytes:
    """Build a program that ends with what the function gives."""
    source = f"int start(void) {{ return {need.functions[0]}(); }}\n"
    words = ("/subsystem:console", "/entry:start")
    return _built("tool.exe", lambda file: build(file, source, need, kind=words))


def _built(name: str, how: Callable[[Path], Path]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return how(Path(folder, name)).read_bytes()


def wheel(folder: Path, members: Members, stem: str = STEM) -> Path:
    """Write the wheel."""
    return make_wheel(folder, members, stem)


def install(wheel: Path, site: Path) -> Path:
    """Put the members where pip would, those outside site-packages left out, and give `site`."""
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = installed_path(WheelPath(info.filename))
            if path is not None and not info.is_dir():
                file = site / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(info))
    return site


def _package() -> Members:
    return {"demo/__init__.py": INIT, "demo/ext.pyd": asks("ext", OUTER)}


def _subpackages() -> Members:
    return {
        "demo/__init__.py": INIT,
        "demo/one/__init__.py": b"",
        "demo/one/ext.pyd": asks("ext", OUTER),
        "demo/two/deep/ext.pyd": asks("ext", ANSWER),
    }


def _namespace() -> Members:
    return {"demo/ext.pyd": asks("ext", OUTER), "demo/plain.py": b"ready = True\n"}


def _namespaces() -> Members:
    return {
        "demo/one/ext.pyd": asks("ext", OUTER),
        "demo/two/ext.pyd": asks("ext", ANSWER),
        "demo/three/__init__.py": INIT,
        "demo/three/ext.pyd": asks("ext", ANSWER),
    }


def _module() -> Members:
    return {"demo.pyd": asks("demo", OUTER)}


def _package_and_module() -> Members:
    return {**_package(), "beside.pyd": asks("beside", ANSWER)}


def _packages() -> Members:
    return {
        "one/__init__.py": INIT,
        "one/ext.pyd": asks("ext", OUTER),
        "two/__init__.py": INIT.replace(b"\n", b"\r\n"),
        "two/ext.pyd": asks("ext", ANSWER),
    }


def _compiled() -> Members:
    return {"demo/__init__.pyd": is_package(ANSWER), "demo/__init__.py": INIT}


def _compiled_and_more() -> Members:
    more = {"demo/sub/__init__.py": INIT, "demo/sub/ext.pyd": asks("ext", ANSWER)}
    return {"demo/__init__.pyd": is_package(OUTER), **more}


def _platlib() -> Members:
    return {f"demo-1.0.data/platlib/{path}": data for path, data in _subpackages().items()}


def _scattered() -> Members:
    """Python files at the root, extensions in the data folder: pip puts them together."""
    return {
        (path if path.endswith(".py") else f"demo-1.0.data/platlib/{path}"): data
        for path, data in _subpackages().items()
    }


def _delayed() -> Members:
    return {"demo/__init__.py": INIT, "demo/ext.pyd": asks("ext", LATE_OUTER)}


def _delayed_in_a_library() -> Members:
    inner = _built("inner.dll", lambda file: dll(file, {"inner": "outer()"}, LATE_OUTER))
    need = Import(dll="inner.dll", functions=("inner",))
    return {"demo/__init__.py": INIT, "demo/inner.dll": inner, "demo/ext.pyd": asks("ext", need)}


def _forwarded() -> Members:
    return {"demo/__init__.py": INIT, "demo/ext.pyd": asks("ext", RELAY)}


def _circular() -> Members:
    return {"demo/__init__.py": INIT, "demo/ext.pyd": asks("ext", PING)}


def _elsewhere() -> Members:
    return {
        "demo/__init__.py": INIT,
        "demo/ext.pyd": asks("ext", ANSWER),
        "demo/bin/answer.dll": gives(42),
    }


def _elsewhere_and_graft() -> Members:
    both = asks("ext", ANSWER, PING, calling="answer() + ping()")
    return {**_elsewhere(), "demo/ext.pyd": both}


def _delayed_elsewhere() -> Members:
    return {**_elsewhere(), "demo/ext.pyd": asks("ext", LATE_ANSWER)}


def _delayed_beside() -> Members:
    return {**_delayed(), "demo/ext.pyd": asks("ext", LATE_ANSWER), "demo/answer.dll": gives(42)}


def _forwarded_in_a_namespace() -> Members:
    return {"demo/ext.pyd": asks("ext", RELAY)}


def _late_in_a_program() -> Members:
    return {"demo/__init__.py": INIT, "demo/bin/tool.exe": program(LATE_OUTER)}


def _shouted() -> Members:
    return {"demo/__init__.py": INIT, "demo/ext.pyd": asks("ext", SHOUTED)}


def _program() -> Members:
    return {**_package(), "demo/bin/tool.exe": program(ANSWER)}


DEMO = ("demo/__init__.py",)
DEEP = """
import demo.one.ext, demo.two.deep.ext
print(demo.one.ext.ask(), demo.two.deep.ext.ask())
"""
NAMESPACES = """
import demo.three.ext, demo.two.ext, demo.one.ext
print(demo.one.ext.ask(), demo.two.ext.ask(), demo.three.ext.ask(), demo.__file__)
"""
COMPILED = """
import os, demo
demo.__path__ = [os.path.dirname(demo.__file__)]  # Cython sets it
import demo.sub.ext
print(demo.ask(), demo.sub.ext.ask())
"""
LAUNCHED = """
import os, subprocess, demo.ext
tool = os.path.join(os.path.dirname(demo.__file__), "bin", "tool.exe")
print(demo.ext.ask(), subprocess.run([tool]).returncode)
"""

LAUNCHED_ALONE = """
import os, subprocess, demo
tool = os.path.join(os.path.dirname(demo.__file__), "bin", "tool.exe")
code = subprocess.run([tool]).returncode
if code > 1000:
    raise subprocess.CalledProcessError(code, tool)
print(code)
"""


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names or ("answer.dll", "outer.dll"))


LAYOUTS = (
    Layout(name="package", members=_package, says="43", grafts=_in("demo")),
    Layout(
        name="subpackages",
        members=_subpackages,
        code=DEEP,
        says="43 42",
        grafts=_in("demo.libs"),
        shims=DEMO,
    ),
    Layout(
        name="namespace",
        members=_namespace,
        code="import demo.ext; print(demo.ext.ask(), demo.__file__)",
        says="43 None",
        grafts=_in("demo"),
    ),
    Layout(
        name="namespaces",
        members=_namespaces,
        code=NAMESPACES,
        says="43 42 42 None",
        grafts=(*_in("demo/one"), *_in("demo/two")),
        shims=("demo/three/__init__.py",),
    ),
    Layout(
        name="module",
        members=_module,
        code="import demo; print(demo.ask())",
        says="43",
        grafts=("answer.dll", "outer.dll"),
    ),
    Layout(
        name="package-and-module",
        members=_package_and_module,
        code="import demo.ext, beside; print(demo.ext.ask(), beside.ask())",
        says="43 42",
        grafts=("answer.dll", "outer.dll"),
        shims=DEMO,
    ),
    Layout(
        name="packages",
        members=_packages,
        code="import two.ext, one.ext; print(one.ext.ask(), two.ext.ask())",
        says="43 42",
        grafts=_in("demo.libs"),
        shims=("one/__init__.py", "two/__init__.py"),
    ),
    Layout(
        name="compiled-package",
        members=_compiled,
        code="import demo; print(demo.ask())",
        says="42",
        grafts=_in("demo", "answer.dll"),
    ),
    Layout(
        name="compiled-package-and-more",
        members=_compiled_and_more,
        code=COMPILED,
        says="43 42",
        grafts=_in("demo"),
        shims=("demo/sub/__init__.py",),
    ),
    Layout(
        name="platlib",
        members=_platlib,
        code=DEEP,
        says="43 42",
        grafts=_in("demo.libs"),
        shims=("demo-1.0.data/platlib/demo/__init__.py",),
    ),
    Layout(
        name="scattered",
        members=_scattered,
        code=DEEP,
        says="43 42",
        grafts=_in("demo.libs"),
        shims=DEMO,
    ),
    Layout(
        name="delayed",
        members=_delayed,
        says="43",
        grafts=_in("demo.libs"),
        shims=DEMO,
        fails=DELAY_LOAD_FAILED,
    ),
    Layout(
        name="delayed-in-a-library",
        members=_delayed_in_a_library,
        says="43",
        grafts=_in("demo.libs"),
        shims=DEMO,
        fails=DELAY_LOAD_FAILED,
    ),
    Layout(
        name="forwarded",
        members=_forwarded,
        says="42",
        grafts=_in("demo.libs", "answer.dll", "relay.dll"),
        shims=DEMO,
    ),
    Layout(
        name="forwarded-in-a-namespace",
        members=_forwarded_in_a_namespace,
        says="42",
        grafts=_in("demo", "answer.dll", "relay.dll"),
    ),
    Layout(
        name="late-in-a-program",
        members=_late_in_a_program,
        code=LAUNCHED_ALONE,
        says="43",
        grafts=_in("demo/bin"),
        fails="CalledProcessError",
    ),
    Layout(
        name="circular", members=_circular, says="3", grafts=_in("demo", "ping.dll", "pong.dll")
    ),
    Layout(name="elsewhere", members=_elsewhere, says="42", grafts=(), shims=DEMO, problem="WF204"),
    Layout(
        name="elsewhere-and-graft",
        members=_elsewhere_and_graft,
        says="45",
        grafts=_in("demo.libs", "ping.dll", "pong.dll"),
        shims=DEMO,
        problem="WF204",
    ),
    Layout(
        name="delayed-elsewhere",
        members=_delayed_elsewhere,
        says="42",
        grafts=(),
        shims=DEMO,
        problem="WF204",
        fails=DELAY_LOAD_FAILED,
    ),
    Layout(
        name="delayed-beside",
        members=_delayed_beside,
        says="42",
        grafts=(),
        shims=DEMO,
        problem="WF204",
        fails=DELAY_LOAD_FAILED,
    ),
    Layout(name="other-case", members=_shouted, says="42", grafts=_in("demo", "answer.dll")),
    Layout(
        name="program",
        members=_program,
        code=LAUNCHED,
        says="43 42",
        grafts=_in("demo/bin"),
        shims=DEMO,
    ),
)
