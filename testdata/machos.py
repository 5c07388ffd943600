"""Mach-O samples from compilers: compiled by zig, linked by LLVM's lld and by zig itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from toolchain import CACHE, HERE, SOURCES, ZIG_VERSION

MACHO = HERE / "macho"
LLD = "ld64.lld-22"
ARCHS = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Apple's name of a machine and zig's."""
SYSTEMS = {"macos": "macos.11.0", "ios": "ios.13.0", "iossimulator": "ios.13.0-simulator"}
"""Our name of a system and zig's."""

LEAN = ("-Os", "-g0", "-fno-sanitize=all", "-fno-stack-protector", "-fexceptions", "-fno-ident")
INNER_ID = "/opt/build/lib/libinner.2.dylib"
OUTER_ID = "@rpath/libouter.1.dylib"
RPATHS = ("-rpath", "/opt/build/lib", "-rpath", "@loader_path/../inside.dylibs")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachO:
    """One file to be filed as `compiler-arch-system-kind-what`."""

    compiler: str
    """`zig` (compiled and linked by zig), `lld` (linked by lld), `made` for what a script wrote."""
    arch: str
    """As Apple spells it; `universal2` for x86_64 and arm64 in this order."""
    kind: str
    """`lib`, `ext`, `exe`, `obj`, `ar`, `dsym` or `java`."""
    what: str
    system: str = "macos"
    features: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        """Where the file lies."""
        suffix = {"lib": ".dylib", "ext": ".so", "obj": ".o", "ar": ".a", "java": ".class"}
        stem = f"{self.compiler}-{self.arch}-{self.system}-{self.kind}-{self.what}"
        return MACHO / (stem + suffix.get(self.kind, ""))


def linked() -> list[MachO]:
    """Build them all."""
    made = []
    for arch in ARCHS:
        made += [*_chain(arch), *_rooms(arch), _by_zig(arch), _object(arch)]
    return [*made, *_dependencies(), *_systems(), *_signatures()]


def link(sample: MachO, *arguments: str | Path, version: str = "11.0") -> MachO:
    """Link by lld for the sample's machine and system; its own file name is the install name."""
    platform = {"iossimulator": "ios-simulator"}.get(sample.system, sample.system)
    about = ("-arch", sample.arch, "-platform_version", platform, version, version)
    how = {"lib": ("-dylib",), "ext": ("-bundle",), "exe": ("-execute",)}[sample.kind]
    output = ("-o", sample.path, "macho/libSystem.tbd")
    _run([LLD, *map(str, [*about, *how, "-no_data_const", *arguments, *output])])
    return sample


def compiled(arch: str, source: str, system: str = "macos") -> Path:
    """Compile one source."""
    target = CACHE / f"macho-{arch}-{system}-{source}.o"
    if not target.exists():
        _zig(f"{ARCHS[arch]}-{SYSTEMS[system]}", "-c", f"macho/{source}.c", "-o", target)
    return target


def _chain(arch: str) -> list[MachO]:
    """Link program → libouter → libinner and an extension that needs libouter, both ways."""
    inner, outer, classic, ext, hello = (
        MachO(compiler="lld", arch=arch, kind=kind, what=what, features=features)
        for kind, what, features in (
            ("lib", "inner", ()),
            ("lib", "outer", ("chained-fixups", "init-offsets", "two-rpaths")),
            ("lib", "classic", ("dyld-info", "two-rpaths")),
            ("ext", "ext", ("chained-fixups", "dynamic-lookup")),
            ("exe", "hello", ("chained-fixups",)),
        )
    )
    chained = ("-fixup_chains", "-init_offsets")
    link(inner, "-install_name", INNER_ID, compiled(arch, "inner"))
    own = ("-install_name", OUTER_ID, *RPATHS, compiled(arch, "outer"), inner.path)
    link(outer, *chained, *own)
    link(classic, "-no_fixup_chains", *own)
    link(ext, *chained, "-undefined", "dynamic_lookup", compiled(arch, "ext"), outer.path)
    beside = ("-rpath", "@executable_path/../lib")
    link(hello, *chained, *beside, compiled(arch, "hello"), outer.path, inner.path)
    return [inner, outer, classic, ext, hello]


def _rooms(arch: str) -> list[MachO]:
    inner, outer = (MACHO / f"lld-{arch}-macos-lib-{what}.dylib" for what in ("inner", "outer"))
    own = ("-install_name", OUTER_ID, *RPATHS, compiled(arch, "outer"), inner)
    tight, roomy = ("-headerpad", "0"), ("-headerpad_max_install_names",)
    fixups = {"": ("-fixup_chains", "-init_offsets"), "-classic": ("-no_fixup_chains",)}
    made = [
        link(
            MachO(compiler="lld", arch=arch, kind="lib", what="roomy", features=("roomy",)),
            *roomy,
            *own,
        )
    ]
    for suffix, how in fixups.items():
        library, program = (
            MachO(compiler="lld", arch=arch, kind=kind, what=f"tight{suffix}", features=("tight",))
            for kind in ("lib", "exe")
        )
        made.append(link(library, *tight, *how, *own))
        made.append(link(program, *tight, *how, compiled(arch, "hello"), outer, inner))
    return made


def _by_zig(arch: str) -> MachO:
    sample = MachO(compiler="zig", arch=arch, kind="lib", what="plain", features=("zig-linker",))
    inner = MACHO / f"lld-{arch}-macos-lib-inner.dylib"
    name = ("-install_name", OUTER_ID, "-Wl,-rpath,/opt/build/lib")
    _zig(
        f"{ARCHS[arch]}-{SYSTEMS['macos']}",
        "-shared",
        *name,
        "macho/outer.c",
        inner,
        "-o",
        sample.path,
    )
    return sample


def _object(arch: str) -> MachO:
    sample = MachO(compiler="zig", arch=arch, kind="obj", what="alone", features=("not-loaded",))
    sample.path.write_bytes(compiled(arch, "inner").read_bytes())
    return sample


def _dependencies() -> list[MachO]:
    inner = MACHO / "lld-x86_64-macos-lib-inner.dylib"
    plain = compiled("x86_64", "outer")
    ways: dict[str, tuple[str | Path, ...]] = {
        "weak": ("-weak_library", inner),
        "reexport": ("-reexport_library", inner),
        "no-rpath": (inner,),
    }
    return [
        link(
            MachO(compiler="lld", arch="x86_64", kind="lib", what=what, features=(what,)),
            *("-install_name", f"@rpath/lib{what}.1.dylib", plain, *arguments),
        )
        for what, arguments in ways.items()
    ]


def _systems() -> list[MachO]:
    old = MachO(compiler="lld", arch="x86_64", kind="lib", what="old", features=("version-min",))
    link(old, "-install_name", INNER_ID, compiled("x86_64", "inner"), version="10.9.5")
    made = [old]
    for system in ("ios", "iossimulator"):
        sample = MachO(
            compiler="lld",
            arch="arm64",
            system=system,
            kind="lib",
            what="phone",
            features=(system,),
        )
        name = ("-install_name", "@rpath/libphone.dylib")
        made.append(link(sample, *name, compiled("arm64", "inner", system), version="13.2.1"))
    return made


def _signatures() -> list[MachO]:
    made = []
    ways = {"x86_64": ("signed", "-adhoc_codesign"), "arm64": ("unsigned", "-no_adhoc_codesign")}
    for arch, (what, flag) in ways.items():
        sample = MachO(compiler="lld", arch=arch, kind="lib", what=what, features=(what,))
        made.append(link(sample, flag, "-install_name", INNER_ID, compiled(arch, "inner")))
    return made


def _zig(target: str, *arguments: str | Path) -> None:
    cache = str(CACHE / "zig")
    env = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    command = (sys.executable, "-m", "ziglang", "cc", "-target", target, *LEAN)
    _run([*command, *map(str, arguments)], env)


def _run(command: list[str], env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=SOURCES, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def made_by(compiler: str) -> str:
    """Say which program made a sample, for the manifest."""
    if compiler == "made":
        return "build.py"
    if compiler == "zig":
        return f"ziglang {ZIG_VERSION}"
    done = subprocess.run([LLD, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
