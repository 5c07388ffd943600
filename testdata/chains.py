"""The chain of each machine: program, extension, library, library."""

from __future__ import annotations

from pathlib import Path

from toolchain import CACHE, READ_ONLY_TARGETS, TARGETS, TRIPLETS, Sample, gnu_ld, zig

GIB = 1 << 30
SONAMES = {"outer": "libouter.so.1", "inner": "libinner.so.2", "chain": "_ext.so"}
"""Under what name the loader asks for each part of a chain."""


def chains() -> list[Sample]:
    """Build the chains of all machines, and the one library of those that are only read."""
    samples = []
    for (arch, libc), target in TARGETS.items():
        samples += _chain(arch, libc, target)
    for arch in TRIPLETS:
        samples += _by_gnu_ld(arch)
    for (arch, libc), target in READ_ONLY_TARGETS.items():
        samples.append(_inner(arch, libc, target))
    return samples


def _chain(arch: str, libc: str, target: str) -> list[Sample]:
    inner = _inner(arch, libc, target)
    outer = _library(arch, libc, "outer", ("tls", "verdef", "verneed"))
    zig(target, *_shared("outer"), "outer.c", inner.path, "-o", outer.path)
    ext = Sample(
        compiler="zig", arch=arch, libc=libc, kind="ext", what="chain", features=("tls", "verneed")
    )
    soname = f"-Wl,-soname,{SONAMES['chain']}"
    zig(target, "-shared", "-fPIC", soname, "ext.c", outer.path, "-o", ext.path)
    return [inner, outer, ext, *_programs(arch, libc, target, ext=ext, outer=outer)]


def _by_gnu_ld(arch: str) -> list[Sample]:
    """Link the middle of the chain once more: GNU ld puts notes first, and fills pages up."""

    def named(compiler: str, kind: str, what: str, *features: str) -> Sample:
        return Sample(
            compiler=compiler, arch=arch, libc="glibc", kind=kind, what=what, features=features
        )

    outer = named("ld", "lib", "outer", "gnu-ld", "tls", "verdef", "verneed", "build-id")
    ext = named("ld", "ext", "chain", "gnu-ld", "tls", "verneed", "build-id", "hash-sysv")
    inner = named("zig", "lib", "inner").path
    _link(arch, "outer.c", outer, inner, "--hash-style=both", "--version-script=outer.map")
    _link(arch, "ext.c", ext, outer.path, "--hash-style=sysv")
    return [outer, ext]


def _link(arch: str, source: str, sample: Sample, needs: Path, *flags: str) -> None:
    obj = CACHE / "linked-by-gnu-ld.o"
    zig(TARGETS[arch, "glibc"], "-c", "-fPIC", source, "-o", obj)
    layout = ("-z", "norelro", "-z", "noseparate-code", "--build-id=0x0123456789abcdef")
    soname = f"-soname={SONAMES[sample.what]}"
    gnu_ld(arch, "-shared", soname, *layout, *flags, obj, needs, "-o", sample.path)


def _inner(arch: str, libc: str, target: str) -> Sample:
    inner = _library(arch, libc, "inner", ("tls", "verdef"))
    zig(target, *_shared("inner"), "inner.c", "-o", inner.path)
    return inner


def _library(arch: str, libc: str, what: str, features: tuple[str, ...]) -> Sample:
    return Sample(compiler="zig", arch=arch, libc=libc, kind="lib", what=what, features=features)


def _shared(what: str) -> tuple[str, ...]:
    version_script = f"-Wl,--version-script={what}.map"
    return ("-shared", "-fPIC", f"-Wl,-soname,{SONAMES[what]}", version_script)


def _programs(arch: str, libc: str, target: str, *, ext: Sample, outer: Sample) -> list[Sample]:
    beside = ("-DEXT", "-Wl,-rpath,$ORIGIN", ext.path)
    variants = {
        "hello": (beside, ("runpath",)),
        "bss": ((*beside, f"-DBSS={GIB}"), ("runpath", "gib-bss")),
        "script": ((outer.path,), ("verneed",)),
    }
    samples = []
    for kind, how in {"pie": ("-fPIE", "-pie"), "exe": ("-fno-PIE", "-no-pie")}.items():
        for what, (arguments, features) in variants.items():
            sample = Sample(
                compiler="zig", arch=arch, libc=libc, kind=kind, what=what, features=features
            )
            zig(target, *how, "hello.c", *arguments, "-o", sample.path)
            samples.append(sample)
    return samples
