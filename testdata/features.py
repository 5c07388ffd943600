"""Samples of one peculiarity each: layouts, search paths, notes, and files that no loader loads."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from toolchain import CACHE, ELF, SOURCES, TARGETS, Sample, gcc, host_libc, lld, zig

X86_64 = TARGETS["x86_64", "glibc"]

GNU_LD: dict[str, tuple[str, ...]] = {
    "plain": (),
    "separate-code": ("-Wl,-z,separate-code",),
    "noseparate-code": ("-Wl,-z,noseparate-code",),
    "page-64k": ("-Wl,-z,max-page-size=65536", "-Wl,-z,noseparate-code", "-Wl,-z,norelro"),
    "page-2m": ("-Wl,-z,max-page-size=2097152", "-Wl,-z,noseparate-code", "-Wl,-z,norelro"),
    "rpath": ("-Wl,--disable-new-dtags", "-Wl,-rpath,/opt/build/lib:$ORIGIN/../inside.libs"),
    "runpath": ("-Wl,--enable-new-dtags", "-Wl,-rpath,/opt/build/lib:$ORIGIN/../inside.libs"),
    "no-spare": ("-Wl,--spare-dynamic-tags=1",),
    "hash-sysv": ("-Wl,--hash-style=sysv",),
    "hash-gnu": ("-Wl,--hash-style=gnu",),
    "hash-both": ("-Wl,--hash-style=both",),
    "execstack": ("-Wl,-z,execstack",),
    "isa-v3": ("-march=x86-64-v3", "-Wl,-z,x86-64-v3"),
    "relr": ("-Wl,-z,pack-relative-relocs",),
    "norelro": ("-Wl,-z,norelro",),
    "lazy": ("-Wl,-z,lazy",),
    "now": ("-Wl,-z,now",),
    "filter": ("-Wl,--auxiliary,libauxiliary.so.1",),
    "build-id": ("-Wl,--build-id=0x0123456789abcdef",),
    "no-soname": (),
    "many-notes": ("-Wl,--build-id=0x0123456789abcdef", "-fcf-protection=full", "-Wl,-z,shstk"),
}
"""What gcc and GNU ld are told for the sample of this name, beside `-shared`.

One spare tag is the DT_NULL at the end; with none GNU ld leaves even that out.
"""

LLD: dict[str, tuple[str, ...]] = {
    "plain": (),
    "separate-code": ("-z", "separate-code"),
    "separate-loadable-segments": ("-z", "separate-loadable-segments"),
    "noseparate-code": ("-z", "noseparate-code"),
    "page-64k": ("-z", "max-page-size=65536"),
    "rpath": ("--disable-new-dtags", "-rpath=/opt/build/lib:$ORIGIN/../inside.libs"),
    "hash-sysv": ("--hash-style=sysv",),
    "hash-gnu": ("--hash-style=gnu",),
    "rodynamic": ("-z", "rodynamic"),
    "norelro": ("-z", "norelro"),
    "norosegment": ("--no-rosegment",),
    "relr": ("-z", "pack-relative-relocs"),
}
"""The same for zig's lld."""


def features() -> list[Sample]:
    """Build them all; the chains must be there."""
    inner = ELF / "zig-x86_64-glibc-lib-inner.so"
    outer = ELF / "zig-x86_64-glibc-lib-outer.so"
    samples = [_gnu(what, flags, inner) for what, flags in GNU_LD.items()]
    samples += [_lld(what, flags, inner) for what, flags in LLD.items()]
    samples += [_rpath_and_runpath(), *_sections_gone(), *_dlopening(), _aliases(), _textrel()]
    samples.append(_small_pages())
    samples += [*_gnu_programs(inner, outer), *_static(), *_not_loaded()]
    samples += _bionic(ELF / "zig-aarch64-musl-lib-inner.so")
    return samples


def _x86_64(compiler: str, kind: str, what: str, *features: str) -> Sample:
    return Sample(
        compiler=compiler, arch="x86_64", libc="glibc", kind=kind, what=what, features=features
    )


def _soname(what: str) -> str:
    return f"-Wl,-soname,lib{what}.so.1"


def _gnu(what: str, flags: tuple[str, ...], inner: Path) -> Sample:
    sample = _x86_64("gcc", "lib", what, "gnu-ld", what)
    soname = () if what == "no-soname" else (_soname(what),)
    gcc("-shared", "-fPIC", *soname, *flags, "feature.c", inner, "-o", sample.path)
    return sample


def _lld(what: str, flags: tuple[str, ...], inner: Path) -> Sample:
    sample = _x86_64("zig", "lib", what, "lld", what)
    obj = CACHE / "feature.o"
    if not obj.exists():
        zig(X86_64, "-c", "-fPIC", "feature.c", "-o", obj)
    lld("-shared", f"-soname=lib{what}.so.1", *flags, obj, inner, host_libc(), "-o", sample.path)
    return sample


def _rpath_and_runpath() -> Sample:
    """Turn a spare DT_NULL into DT_RPATH; its string is the tail of the DT_RUNPATH's."""
    sample = _x86_64("made", "lib", "rpath-and-runpath", "gnu-ld", "rpath", "runpath")
    data = bytearray((ELF / "gcc-x86_64-glibc-lib-runpath.so").read_bytes())
    start, size = dynamic_table(data)
    entries = [struct.unpack_from("<qQ", data, at) for at in range(start, start + size, 16)]
    tags = [tag for tag, _ in entries]
    runpath = entries[tags.index(29)][1]
    struct.pack_into("<qQ", data, start + 16 * tags.index(0), 15, runpath + len("/opt/build/lib:"))
    write(sample.path, data)
    return sample


def _sections_gone() -> list[Sample]:
    """Cut everything behind the last segment off: what sstrip does."""
    made = []
    for compiler in ("gcc", "zig"):
        sample = _x86_64("made", "lib", f"no-sections-{compiler}", "no-section-headers")
        data = bytearray((ELF / f"{compiler}-x86_64-glibc-lib-plain.so").read_bytes())
        struct.pack_into("<Q", data, 40, 0)
        struct.pack_into("<HHH", data, 58, 0, 0, 0)
        write(sample.path, data[: end_of_segments(data)])
        made.append(sample)
    return made


def _dlopening() -> list[Sample]:
    only = _x86_64("gcc", "lib", "dlopen", "dlopen")
    noted = _x86_64("gcc", "lib", "note-dlopen", "dlopen", "note-dlopen")
    program = _x86_64("zig", "pie", "dlopen", "dlopen")
    gcc("-shared", "-fPIC", _soname("dlopen"), "dlopen.c", "-o", only.path)
    gcc("-shared", "-fPIC", _soname("note-dlopen"), "-DNOTE", "dlopen.c", "-o", noted.path)
    flags = ("-fPIE", "-pie", "-DMAIN", "-DNOTE", "-ldl")
    zig(X86_64, "dlopen.c", *flags, "-o", program.path)
    return [only, noted, program]


def _aliases() -> Sample:
    old, new = CACHE / "libalias.so", CACHE / "libalias.so.1"
    for library, word in ((old, "alias_old"), (new, "alias_new")):
        how = (f"-DWORD={word}", f"-Wl,-soname,{library.name}")
        gcc("-shared", "-fPIC", "-nostdlib", *how, "alias.c", "-o", library)
    sample = Sample(
        compiler="gcc",
        arch="x86_64",
        libc="none",
        kind="lib",
        what="aliases",
        features=("aliases",),
    )
    flags = ("-shared", "-fPIC", "-nostdlib", _soname("aliases"))
    gcc(*flags, "aliases.c", old, new, "-o", sample.path)
    return sample


def _textrel() -> Sample:
    sample = Sample(
        compiler="zig",
        arch="i686",
        libc="none",
        kind="lib",
        what="textrel",
        features=("text-relocations",),
    )
    target = TARGETS["i686", "glibc"]
    flags = ("-shared", "-nostdlib", "-Wl,-z,notext", _soname("textrel"))
    zig(target, *flags, "textrel.c", "-o", sample.path)
    return sample


def _small_pages() -> Sample:
    """Link for the usual page of a machine that has kernels with larger ones."""
    sample = Sample(
        compiler="zig",
        arch="aarch64",
        libc="glibc",
        kind="lib",
        what="page-4k",
        features=("lld", "page-4k"),
    )
    flags = ("-shared", "-Wl,-z,max-page-size=4096", _soname("page-4k"))
    zig(TARGETS["aarch64", "glibc"], *flags, "inner.c", "-fPIC", "-o", sample.path)
    return sample


def _gnu_programs(inner: Path, outer: Path) -> list[Sample]:
    ext = ELF / "zig-x86_64-glibc-ext-chain.so"
    made = []
    for kind, how in {"pie": ("-fPIE", "-pie"), "exe": ("-fno-PIE", "-no-pie")}.items():
        sample = _x86_64("gcc", kind, "hello", "gnu-ld", "runpath")
        flags = ("-DEXT", "-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined")
        gcc(*how, *flags, "hello.c", ext, outer, inner, "-o", sample.path)
        made.append(sample)
    return made


def _static() -> list[Sample]:
    """Link no libc at all: a static one would weigh a megabyte."""
    made = []
    entry = ("-nostdlib", "-Wl,-e,main", "alone.c")
    for kind, how in {"static": ("-static", "-no-pie"), "staticpie": ("-static-pie",)}.items():
        sample = Sample(compiler="gcc", arch="x86_64", libc="none", kind=kind, what="alone")
        gcc("-fPIE" if kind == "staticpie" else "-fno-PIE", *how, *entry, "-o", sample.path)
        made.append(sample)
    return made


def _not_loaded() -> list[Sample]:
    def plain(compiler: str, kind: str, what: str) -> Sample:
        return Sample(compiler=compiler, arch="x86_64", libc="none", kind=kind, what=what)

    obj, archive = plain("gcc", "obj", "alone"), plain("gcc", "ar", "alone")
    script, core = plain("made", "script", "libscript"), plain("made", "core", "header")
    gcc("-c", "alone.c", "-o", obj.path)
    archive.path.unlink(missing_ok=True)
    subprocess.run(["ar", "rcD", archive.path, obj.path], check=True)
    write(script.path, (SOURCES / "libscript.so").read_bytes())
    head = bytearray((ELF / "gcc-x86_64-glibc-lib-plain.so").read_bytes()[:64])
    struct.pack_into("<H", head, 16, 4)  # e_type = ET_CORE
    struct.pack_into("<QQ", head, 32, 0, 0)
    struct.pack_into("<HHHHH", head, 54, 0, 0, 0, 0, 0)
    write(core.path, head)
    return [obj, archive, script, core]


def _bionic(inner: Path) -> list[Sample]:
    """Link as the NDK does, against a stand-in for bionic's libc.so."""
    target = "aarch64-linux-musl"
    libc = CACHE / "libc.so"
    bare = ("-nostdlib", "-fPIC", "-Wl,--allow-shlib-undefined")
    script = "-Wl,--version-script=bionic_libc.map"
    zig(target, *bare, "-shared", "-Wl,-soname,libc.so", script, "bionic_libc.c", "-o", libc)
    layout = ("-Wl,-z,max-page-size=16384", "-Wl,--hash-style=gnu", "-Wl,--enable-new-dtags")
    made = []
    for kind, how in {
        "lib": ("-shared", _soname("bionic")),
        "pie": ("-pie", "-DPROGRAM", "-Wl,--dynamic-linker=/system/bin/linker64"),
    }.items():
        sample = Sample(
            compiler="zig",
            arch="aarch64",
            libc="bionic",
            kind=kind,
            what="bionic",
            features=("note-android", "page-16k"),
        )
        zig(target, *bare, *how, *layout, "bionic.c", inner, libc, "-o", sample.path)
        made.append(sample)
    return made


def segments(data: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Give (p_type, p_offset, p_filesz) of each program header of a little-endian ELF64 file."""
    (table,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    places = range(table, table + 56 * count, 56)
    return [struct.unpack_from("<I4xQ16xQ", data, at) for at in places]


def dynamic_table(data: bytes | bytearray) -> tuple[int, int]:
    """Give offset and size of PT_DYNAMIC."""
    return next((offset, size) for kind, offset, size in segments(data) if kind == 2)


def end_of_segments(data: bytes | bytearray) -> int:
    """Give the offset behind the last byte that a loader maps."""
    return max(offset + size for kind, offset, size in segments(data) if kind == 1)


def write(path: Path, data: bytes | bytearray) -> None:
    """Write `data`, executable as compilers leave their output."""
    path.write_bytes(data)
    path.chmod(0o755)
