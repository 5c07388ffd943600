"""For each code of the catalogue a wheel that has the finding, and one that nearly has it.

All binaries are those of testdata, some with a name or a number of theirs changed; the wheels
around them are made when they are wanted, so that a case says no more than what matters.
"""

from __future__ import annotations

import dataclasses
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from support import repairs
from support.repairs import ROOT
from wheelfix.formats import named
from wheelfix.model import Edit, ReplaceNeeded, SearchKind, SetOwnName, SetSearchPath

TESTDATA = ROOT / "testdata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel, what lies beside it, and what the command line says."""

    tag: str
    members: Mapping[str, bytes]
    libs: Mapping[str, bytes] = field(default_factory=dict)
    """Files of a folder that is given with `--lib-path`."""
    options: tuple[str, ...] = ()
    """`{libs}` in them stands for that folder."""
    lib_path: str = "{libs}"
    purelib: bool = False
    metadata: str = ""
    """Further lines of METADATA."""
    spoil: Callable[[Path], Path] | None = None
    """Changes the finished wheel, and gives where it is then."""

    def but(self, **changes: object) -> Case:
        """Give a case that differs in this."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def words(self, folder: Path) -> list[str | Path]:
        """Make the files in `folder`, and give what is said behind `check`."""
        libs = folder / "libs"
        for name, data in self.libs.items():
            (libs / name).parent.mkdir(parents=True, exist_ok=True)
            (libs / name).write_bytes(data)
        wheel = repairs.make_wheel(
            folder / "dist",
            self.members,
            f"p-1-{self.tag}",
            purelib=self.purelib,
            metadata=self.metadata,
        )
        if self.spoil is not None:
            wheel = self.spoil(wheel)
        given = ("--lib-path", self.lib_path) if self.libs else ()
        return [*(word.format(libs=libs) for word in (*given, *self.options)), wheel]


def elf(name: str) -> bytes:
    return (TESTDATA / "elf" / name).read_bytes()


def macho(name: str) -> bytes:
    return (TESTDATA / "macho" / name).read_bytes()


def pe(name: str) -> bytes:
    return (TESTDATA / "pe" / name).read_bytes()


def edited(kind: str, data: bytes, *edits: Edit) -> bytes:
    """Change names in a binary, as a linker told so would have made it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(data)
        named(kind).apply(file, edits, filename="file")
        return file.read_bytes()


def asking(kind: str, data: bytes, **names: str) -> bytes:
    """Have a binary ask for other libraries; keywords spell `.` and `-` as `_`."""
    edits = [ReplaceNeeded(old=old.replace("_", "."), new=new) for old, new in names.items()]
    return edited(kind, data, *edits)


def of_toolset(data: bytes, minor: int) -> bytes:
    """Say that a PE file was made by a linker 14.`minor`."""
    at = int.from_bytes(data[0x3C:0x40], "little") + 24 + 2
    return data[:at] + bytes((14, minor)) + data[at + 2 :]


GLIBC = "py3-none-manylinux_2_17_x86_64"
LINUX = "py3-none-linux_x86_64"
MAC = "py3-none-macosx_11_0_arm64"
INTEL = "py3-none-macosx_11_0_x86_64"
WINDOWS = "cp311-cp311-win_amd64"
INIT = {"p/__init__.py": b""}


@cache
def cases() -> Mapping[str, tuple[Case, Case]]:
    """Give hit and near miss of each code."""
    return {**_portability(), **_of_systems(), **_loading(), **_of_libraries(), **_packaging()}


PLAIN = "gcc-x86_64-glibc-lib-plain.so"
INNER = "zig-x86_64-glibc-lib-inner.so"


def _linux(name: str = PLAIN, *options: str, tag: str = GLIBC) -> Case:
    """Give a wheel of one binary, whose library is in the folder beside."""
    return Case(
        tag=tag,
        members={**INIT, "p/a.so": elf(name)},
        libs={"libinner.so.2": elf(INNER)},
        options=options,
    )


def _mac(name: str, *options: str, tag: str = MAC) -> Case:
    return Case(
        tag=tag, members={**INIT, "p/a.so": macho(name)}, options=("--exclude", "*", *options)
    )


def _windows(*files: bytes, tag: str = WINDOWS, **libs: bytes) -> Case:
    members = {f"p/{letter}.pyd": data for letter, data in zip("abcdefgh", files, strict=False)}
    return Case(
        tag=tag,
        members={**INIT, **members},
        libs={f"{name}.dll": data for name, data in libs.items()},
    )


def _portability() -> dict[str, tuple[Case, Case]]:
    plain = _linux()
    inside = plain.but(libs={}, members={**plain.members, "p/libinner.so.2": elf(INNER)})
    newer = _linux("gcc-x86_64-glibc-lib-relr.so")
    fast = _linux("gcc-x86_64-glibc-lib-isa-v3.so")
    python = asking("elf", elf(PLAIN), libinner_so_2="libpython3.11.so.1.0")
    pythons = plain.but(libs={}, members={**INIT, "p/a.so": python})
    snake = plain.but(members={**INIT, "p/a.so": elf(PLAIN)})
    fpectl = elf(PLAIN).replace(b"inner_word\0", b"PyFPE_jbuf\0")
    other = elf("zig-aarch64-glibc-lib-inner.so")
    musl = elf("zig-x86_64-musl-lib-inner.so")
    v3 = plain.but(
        libs={"glibc-hwcaps/x86-64-v3/libinner.so.2": elf(INNER)},
        lib_path="{libs}/glibc-hwcaps/x86-64-v3",
    )
    return {
        "WF101": (plain.but(libs={}), inside),
        "WF102": (plain, inside),
        "WF103": (
            newer.but(options=("--plat", "manylinux_2_17_x86_64")),
            newer.but(options=("--plat", "manylinux_2_36_x86_64")),
        ),
        "WF104": (newer, newer.but(tag="py3-none-manylinux_2_36_x86_64")),
        "WF105": (
            fast.but(options=("--plat", "manylinux_2_17_x86_64")),
            fast.but(tag=LINUX, options=("--plat", "linux_x86_64")),
        ),
        "WF106": (
            plain.but(members={**INIT, "p/a.so": fpectl}, tag=LINUX),
            plain.but(tag=LINUX),
        ),
        "WF107": (plain.but(members={**plain.members, "p/b.so": other}), plain),
        "WF108": (pythons, snake),
        "WF109": (
            plain.but(tag=LINUX, members={**plain.members, "p/b.so": _named_musl(musl)}),
            plain.but(tag=LINUX, members={**plain.members, "p/b.so": elf(INNER)}),
        ),
        "WF110": (
            plain.but(options=("--plat", "manylinux_2_17_aarch64")),
            plain.but(options=("--plat", "manylinux_2_28_x86_64")),
        ),
        "WF115": (
            plain.but(members={**INIT, "p/a.so": other}, libs={}),
            inside,
        ),
        "WF118": (
            inside.but(members={**inside.members, "p/libgomp-a34b3233.so.1": elf(INNER)}),
            inside.but(members={**inside.members, "p/libgompertz.so.1": elf(INNER)}),
        ),
        "WF119": (
            inside.but(members={**inside.members, "p/libpython3.11.so.1.0": elf(INNER)}),
            inside.but(members={**inside.members, "p/libpythonic.so.1.0": elf(INNER)}),
        ),
        "WF121": (
            v3,
            v3.but(libs={"x86-64/libinner.so.2": elf(INNER)}, lib_path="{libs}/x86-64"),
        ),
    }


def _named_musl(data: bytes) -> bytes:
    return edited("elf", data, SetOwnName(name="libother.so"))


def _of_systems() -> dict[str, tuple[Case, Case]]:
    both, arm = "made-universal2-macos-lib-outer.dylib", "lld-arm64-macos-lib-outer.dylib"
    universal = "py3-none-macosx_11_0_universal2"
    asks = pe("lld-amd64-lib-outer.dll")
    inner = pe("lld-amd64-lib-inner.dll")
    newer = of_toolset(asking("pe", asks, inner_dll="msvcp140.dll"), 38)
    runtime = _windows(newer).members
    return {
        "WF111": (
            _mac(arm, "--require-archs", "universal2"),
            _mac(both, "--require-archs", "universal2", tag=universal),
        ),
        "WF112": (_mac(arm, tag=universal), _mac(both, tag=universal)),
        "WF113": (
            _mac("lld-x86_64-macos-lib-outer.dylib", "--macos-target", "10.15", tag=INTEL),
            _mac("lld-x86_64-macos-lib-outer.dylib", "--macos-target", "11.0", tag=INTEL),
        ),
        "WF114": (_mac(arm, tag="py3-none-macosx_14_0_arm64"), _mac(arm)),
        "WF116": (
            _windows(asking("pe", asks, inner_dll="dxcore.dll")),
            _windows(asking("pe", asks, inner_dll="dxgi.dll")),
        ),
        "WF117": (
            _windows(asking("pe", asks, inner_dll="msvcp140d.dll"), msvcp140d=inner),
            _windows(asking("pe", asks, inner_dll="msvcp140.dll"), msvcp140=inner),
        ),
        "WF120": (
            _windows().but(members={**runtime, "p/msvcp140.dll": of_toolset(inner, 29)}),
            _windows().but(members={**runtime, "p/msvcp140.dll": of_toolset(inner, 38)}),
        ),
    }


def _loading() -> dict[str, tuple[Case, Case]]:
    plain = _linux()
    leaks = _linux("gcc-x86_64-glibc-lib-runpath.so")
    stays = edited(
        "elf",
        elf("gcc-x86_64-glibc-lib-runpath.so"),
        SetSearchPath(entries=("$ORIGIN/../inside.libs",), kind=SearchKind.RUNPATH),
    )
    payload = (TESTDATA / "malformed" / "payload.so").read_bytes()
    chain = elf("zig-x86_64-glibc-ext-chain.so")
    libs = {
        "libouter.so.1": elf("zig-x86_64-glibc-lib-outer.so"),
        "libinner.so.2": elf(INNER),
    }
    beside = plain.but(libs={}, members={**INIT, "p/a.so": _origin(chain), **_in("p", libs)})
    apart = beside.but(members={**INIT, "p/a.so": chain, **_in("q", libs)})
    outer, inner = pe("lld-amd64-lib-outer.dll"), pe("lld-amd64-lib-inner.dll")
    signed = pe("made-amd64-lib-signed.dll")
    packed = pe("made-amd64-lib-packed.dll")
    late = pe("lld-amd64-lib-delay.dll")
    noted = _linux("gcc-x86_64-glibc-lib-note-dlopen.so").but(libs=libs)
    alone = Case(tag=WINDOWS, members={"late.pyd": late}, libs={"inner.dll": inner})
    return {
        "WF201": (leaks, leaks.but(members={**INIT, "p/a.so": stays})),
        "WF202": (plain.but(members={**INIT, "p/a.so": payload}), plain),
        "WF203": (
            plain.but(members={"p-1.data/data/lib/a.so": elf(PLAIN)}),
            plain.but(members={"p-1.data/platlib/p/a.so": elf(PLAIN)}),
        ),
        "WF204": (apart, beside),
        "WF205": (_windows(signed, inner=inner), _windows(outer, inner=inner)),
        "WF206": (
            _mac("lld-arm64-macos-lib-unsigned.dylib"),
            _mac("lld-arm64-macos-lib-outer.dylib"),
        ),
        "WF207": (_windows(packed, inner=inner), _windows(outer, inner=inner)),
        "WF208": (alone, alone.but(members={**INIT, "p/late.pyd": late})),
        "WF209": (noted, noted.but(options=("--dlopen", "none"))),
        "WF210": (
            Case(tag="py3-none-manylinux_2_17_i686", members=_one("zig-i686-none-lib-textrel.so")),
            Case(tag="py3-none-manylinux_2_17_i686", members=_one("zig-i686-glibc-lib-inner.so")),
        ),
        "WF211": (
            Case(tag=ARM, members=_one("zig-aarch64-glibc-lib-page-4k.so")),
            Case(tag=ARM, members=_one("zig-aarch64-glibc-lib-inner.so")),
        ),
        "WF212": (
            _mac("made-x86_64-macos-lib-twice.dylib", tag=INTEL),
            _mac("lld-x86_64-macos-lib-outer.dylib", tag=INTEL),
        ),
        "WF215": (_linux("gcc-x86_64-glibc-lib-execstack.so"), plain),
        "WF217": (
            noted.but(libs={}, options=("--dlopen", "none")),
            noted.but(
                libs={},
                options=("--dlopen", "none"),
                members={**noted.members, **_in("p", libs)},
            ),
        ),
        "WF218": (
            _mac("lld-arm64-macos-lib-outer.dylib").but(
                members={**INIT, "p/a.so": _called(macho("lld-arm64-macos-lib-outer.dylib"))}
            ),
            _mac("lld-arm64-macos-lib-outer.dylib"),
        ),
    }


ARM = "py3-none-manylinux_2_17_aarch64"


def _one(name: str) -> dict[str, bytes]:
    return {**INIT, "p/a.so": elf(name)}


def _in(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def _origin(data: bytes) -> bytes:
    return edited("elf", data, SetSearchPath(entries=("$ORIGIN",), kind=SearchKind.RPATH))


def _called(data: bytes) -> bytes:
    return edited("macho", data, SetOwnName(name="/b/out.dylib"))


def _of_libraries() -> dict[str, tuple[Case, Case]]:
    ext = _origin(elf("zig-x86_64-glibc-ext-chain.so"))
    libs = {
        "libouter.so.1": _origin(elf("zig-x86_64-glibc-lib-outer.so")),
        "libinner.so.2": elf(INNER),
    }
    once = Case(tag=GLIBC, members={**INIT, "p/a.so": ext, **_in("p", libs)})
    twice = once.but(members={**once.members, "q/a.so": ext, **_in("q", libs)})
    longer = {**libs, "libouter.so.1": _origin(elf("ld-x86_64-glibc-lib-outer.so"))}
    idle = once.but(members={**once.members, "p.libs/libidle.so.1": elf(INNER)})
    nearly = once.but(members={**once.members, "p/plugin.so": elf(INNER)})
    leads = edited(
        "elf",
        elf(PLAIN),
        SetSearchPath(entries=("$ORIGIN/../other_pkg.libs",), kind=SearchKind.RUNPATH),
    )
    inner = pe("lld-amd64-lib-inner.dll")
    foreign = Case(
        tag=GLIBC, members={**INIT, "p/a.so": leads}, options=("--exclude", "libinner.so.2")
    )
    told = pe("lld-amd64-lib-tight.dll")
    return {
        "WF213": (idle, nearly),
        "WF214": (twice, once),
        "WF216": (once.but(members={**twice.members, **_in("q", longer)}), twice),
        "WF219": (
            _windows(told.replace(b"tight.pdb", b"D:\\b.pdb\0"), inner=inner),
            _windows(told, inner=inner),
        ),
        "WF313": (foreign, foreign.but(metadata="Requires-Dist: Other.Pkg >=1\n")),
        "WF314": (
            _windows(*[pe("mingw-amd64-lib-symbols.dll")] * 8, inner=inner),
            _windows(*[pe("mingw-amd64-lib-stripped.dll")] * 8, inner=inner),
        ),
    }


def _packaging() -> dict[str, tuple[Case, Case]]:
    plain = _linux()
    pure = Case(tag="py3-none-any", members={"p.py": b"x = 1\n"}, purelib=True)
    broken = (TESTDATA / "malformed" / "truncated-half.so").read_bytes()
    two = plain.but(
        members={**plain.members, "p/b.so": _other_name(elf(PLAIN))},
        libs={"libinner.so.2": elf(INNER), "libother.so.2": elf(INNER)},
    )
    inside = plain.but(libs={}, members={**plain.members, "p/libinner.so.2": elf(INNER)})
    return {
        "WF301": (
            plain.but(members={**plain.members, "p/b.so": broken}),
            plain.but(members={**plain.members, "p/b.so": elf("gcc-x86_64-none-obj-alone.o")}),
        ),
        "WF302": (
            plain.but(options=("--exclude", "libiner.so.2")),
            plain.but(options=("--exclude", "libinner.so.*")),
        ),
        "WF303": (pure.but(spoil=_commented), pure),
        "WF304": (plain.but(tag=LINUX), plain),
        "WF305": (
            two.but(
                members={**two.members, "p.libs/libinner.so.2": elf(INNER)},
                options=("--no-mangle", "*"),
            ),
            two.but(options=("--no-mangle", "*")),
        ),
        "WF306": (
            plain.but(options=("--include", "libiner*")),
            plain.but(options=("--include", "libinner*")),
        ),
        "WF307": (inside.but(purelib=True), inside),
        "WF308": (pure.but(spoil=_without_row), pure),
        "WF309": (pure.but(spoil=_lost_file), pure.but(spoil=_with_crlf)),
        "WF310": (
            pure.but(members={"q.py": b"", "Q.py": b""}),
            pure.but(members={"q.py": b"", "q2.py": b""}),
        ),
        "WF311": (pure.but(spoil=_cut), pure),
        "WF312": (pure.but(spoil=_renamed), pure),
    }


def _other_name(data: bytes) -> bytes:
    return asking("elf", data, libinner_so_2="libother.so.2")


def _commented(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.comment = b"made by hand"
    return wheel


def _cut(wheel: Path) -> Path:
    wheel.write_bytes(wheel.read_bytes()[:-30])
    return wheel


def _renamed(wheel: Path) -> Path:
    return wheel.rename(wheel.with_name(wheel.name.replace("py3", "py2.py3")))


def _without_row(wheel: Path) -> Path:
    return _recording(wheel, lambda text: text[text.index("\n") + 1 :])


def _lost_file(wheel: Path) -> Path:
    return _recording(wheel, lambda text: f"gone.py,,\n{text}")


def _with_crlf(wheel: Path) -> Path:
    return _recording(wheel, lambda text: text.replace("\n", "\r\n"))


def _recording(wheel: Path, change: Callable[[str], str]) -> Path:
    return rewritten(wheel, "RECORD", change)


def rewritten(wheel: Path, name: str, change: Callable[[str], str]) -> Path:
    """Write a file of the dist-info folder anew; RECORD does not follow."""
    files = repairs.contents(wheel)
    (path,) = (path for path in files if path.endswith(f".dist-info/{name}"))
    files[path] = change(files[path].decode()).encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            archive.writestr(zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0)), data)
    return wheel
