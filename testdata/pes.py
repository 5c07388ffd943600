"""PE samples from compilers: compiled by zig, linked by LLVM's lld, by GNU ld and by zig itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain import CACHE, HERE, SOURCES, ZIG_VERSION, run, zig_environment

PE = HERE / "pe"
LLD = "lld-link-22"
DLLTOOL = "llvm-dlltool-22"
TARGETS = {"amd64": "x86_64", "x86": "x86", "arm64": "aarch64"}
"""A machine as platform tags spell it, and zig's name of it."""
MACHINES = {"amd64": ("x64", "i386:x86-64"), "x86": ("x86", "i386"), "arm64": ("arm64", "arm64")}
"""The same for lld and for dlltool."""
GNU = {"amd64": "x86_64-w64-mingw32", "x86": "i686-w64-mingw32"}
"""The same for Debian's mingw-w64, which has no arm64."""
LEAN = (
    *("-Os", "-g0", "-ffreestanding", "-fno-sanitize=undefined", "-fno-stack-protector"),
    *("-fno-ident", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
)
SUFFIXES: Mapping[str, str] = {"lib": ".dll", "exe": ".exe", "dos": ".exe", "efi": ".efi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pe:
    """One file to be filed as `compiler-arch-kind-what`."""

    compiler: str
    """`lld` (compiled by zig, linked by lld), `zig`, `mingw` (gcc and GNU ld), `made`."""
    arch: str
    """As platform tags spell it."""
    kind: str
    """`lib`, `exe`, `dos` or `efi`."""
    what: str
    features: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        """Where the file lies."""
        stem = f"{self.compiler}-{self.arch}-{self.kind}-{self.what}"
        return PE / (stem + SUFFIXES[self.kind])


def linked() -> list[Pe]:
    """Build them all."""
    made: list[Pe] = []
    for arch in TARGETS:
        made += [*_chain(arch), *_pair(arch), *_peculiar(arch)]
    for arch in GNU:
        made += _by_gnu_ld(arch)
    return [*made, _by_zig("arm64")]


def _lld(arch: str, kind: str, what: str, *features: str) -> Pe:
    return Pe(compiler="lld", arch=arch, kind=kind, what=what, features=features)


def _chain(arch: str) -> list[Pe]:
    """Link program → outer → inner, and outer three more times."""
    inner, outer, delay, forward, hello = (
        _lld(arch, kind, what, *features)
        for kind, what, features in (
            ("lib", "inner", ()),
            ("lib", "outer", ("imports",)),
            ("lib", "delay", ("delay-load",)),
            ("lib", "forward", ("forwarder",)),
            ("exe", "hello", ("imports",)),
        )
    )
    helper = (compiled(arch, "helper"), _imports(arch, "kernel32"))
    link(inner, compiled(arch, "inner"))
    link(outer, compiled(arch, "outer"), _library(inner))
    link(delay, "/delayload:inner.dll", compiled(arch, "outer"), *helper, _library(inner))
    link(forward, "/def:pe/forward.def", compiled(arch, "forward"))
    needed = (_library(outer), _imports(arch, "kernel32"))
    link(hello, "/subsystem:console", "/entry:start", compiled(arch, "hello"), *needed)
    return [inner, outer, delay, forward, hello]


def _pair(arch: str) -> list[Pe]:
    """Link two DLLs that import each other."""
    made = []
    for own, other in (("left", "right"), ("right", "left")):
        sample = _lld(arch, "lib", own, "circular")
        made.append(link(sample, compiled(arch, own), _imports(arch, other)))
    return made


def _peculiar(arch: str) -> list[Pe]:
    """Link outer in other ways."""
    inner = _library(_lld(arch, "lib", "inner"))
    tight, flags = (
        _lld(arch, "lib", "tight", "no-header-room", "debug-directory", "coff-symbols"),
        _lld(arch, "lib", "flags", "dependent-load-flags"),
    )
    pdb = CACHE / f"pe-{arch}.pdb"
    debug = ("/debug", f"/pdb:{pdb}", "/pdbaltpath:tight.pdb", "/debug:symtab")
    link(tight, *debug, "/merge:.data=.rdata", compiled(arch, "outer"), inner)
    both = (compiled(arch, "outer"), compiled(arch, "config"))
    link(flags, "/dependentloadflag:0x800", *both, inner)
    return [tight, flags]


def _by_gnu_ld(arch: str) -> list[Pe]:
    """Link by GNU ld: with all of its symbols, and without; both with a checksum."""
    made = []
    own = f"{GNU[arch]}-gcc"
    inner = PE / f"lld-{arch}-lib-inner.dll"
    for what, flags in (("symbols", ()), ("stripped", ("-s",))):
        features = ("gnu-ld", "checksum", *(("coff-symbols",) if what == "symbols" else ()))
        sample = Pe(compiler="mingw", arch=arch, kind="lib", what=what, features=features)
        how = ("-shared", "-nostdlib", "-Wl,--no-insert-timestamp", "-Wl,-e,0", *flags)
        named = CACHE / arch / "inner.dll"
        named.parent.mkdir(exist_ok=True)
        named.write_bytes(inner.read_bytes())
        lean = [flag for flag in LEAN if "sanitize" not in flag]
        run([own, *lean, *how, "-o", str(sample.path), "pe/outer.c", str(named)])
        made.append(sample)
    return made


def _by_zig(arch: str) -> Pe:
    sample = Pe(compiler="zig", arch=arch, kind="lib", what="plain", features=("mingw-abi",))
    inner = _library(_lld(arch, "lib", "inner"))
    how = ("-shared", "-nostdlib", "-s", "-Wl,--no-entry")
    named = CACHE / f"pe-{arch}" / "plain.dll"  # beside it zig leaves an import library
    _zig(f"{TARGETS[arch]}-windows-gnu", *how, "pe/outer.c", inner, "-o", named)
    sample.path.write_bytes(named.read_bytes())
    sample.path.chmod(0o755)
    return sample


def link(sample: Pe, *arguments: str | Path) -> Pe:
    """Link by lld; a DLL calls itself by its last part, and leaves an import library."""
    implib = _library(sample)
    implib.parent.mkdir(parents=True, exist_ok=True)
    dll = ("/dll", "/noentry", f"/implib:{implib}") if sample.kind == "lib" else ()
    named = implib.with_name(f"{sample.what}{SUFFIXES[sample.kind]}")
    about = (f"/machine:{MACHINES[sample.arch][0]}", "/nodefaultlib", "/Brepro", "/safeseh:no")
    run([LLD, *about, *dll, f"/out:{named}", *map(str, arguments)])
    sample.path.write_bytes(named.read_bytes())
    sample.path.chmod(0o755)
    return sample


def compiled(arch: str, source: str) -> Path:
    """Compile one source."""
    target = CACHE / f"pe-{arch}-{source}.obj"
    if not target.exists():
        _zig(f"{TARGETS[arch]}-windows-msvc", "-c", f"pe/{source}.c", "-o", target)
    return target


def _library(sample: Pe) -> Path:
    """Where the import library of a sample lies."""
    return CACHE / f"pe-{sample.arch}" / f"{sample.what}.lib"


def _imports(arch: str, dll: str) -> Path:
    """Make an import library from a list of names, of which only x86 decorates any."""
    target = CACHE / f"pe-{arch}" / f"{dll}-list.lib"
    target.parent.mkdir(parents=True, exist_ok=True)
    names = (SOURCES / "pe" / f"{dll}.def").read_text()
    given = target.with_suffix(".def")
    given.write_text(names if arch == "x86" else re.sub(r"@\d+", "", names))
    run([DLLTOOL, "-m", MACHINES[arch][1], "-k", "-d", str(given), "-l", str(target)])
    return target


def _zig(target: str, *arguments: str | Path) -> None:
    command = (sys.executable, "-m", "ziglang", "cc", "-target", target, *LEAN)
    run([*command, *map(str, arguments)], zig_environment())


def pe_made_by(compiler: str) -> str:
    """Say which program made a sample, for the manifest."""
    if compiler == "made":
        return "build.py"
    if compiler == "zig":
        return f"ziglang {ZIG_VERSION}"
    command = [LLD if compiler == "lld" else f"{GNU['amd64']}-gcc", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
