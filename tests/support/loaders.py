"""The real loaders of a Linux machine: its own, musl's, and those of other machines under qemu.

A loader that is not there skips the test with a sentence that names Debian's packages. With
WHEELFIX_REQUIRE_LOADERS=1 in the environment it fails the test instead.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.needs import missing

SECONDS = 60
"""How long a program may run: qemu needs a few on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """How to run programs of one machine and libc here."""

    arch: str
    libc: str
    loader: Path
    """The dynamic loader itself, on this machine."""
    packages: tuple[str, ...]
    """What Debian calls that which brings it."""
    qemu: str | None = None
    """qemu's name of the machine; None when this machine runs the program itself."""
    sysroot: Path | None = None
    """Where qemu finds the loader and the libc that programs name."""
    page: int = 4096
    """The machine's largest page, in bytes."""

    @property
    def name(self) -> str:
        """Name it as test ids do."""
        return f"{self.arch}-{self.libc}"


def _cross(arch: str, triplet: str, *, qemu: str, loader: str, debian: str, page: int) -> Loader:
    sysroot = Path("/usr") / triplet
    return Loader(
        arch=arch,
        libc="glibc",
        loader=sysroot / "lib" / loader,
        packages=("qemu-user-static", f"libc6-{debian}-cross"),
        qemu=qemu,
        sysroot=sysroot,
        page=page,
    )


LOADERS = (
    Loader(
        arch="x86_64",
        libc="glibc",
        loader=Path("/lib64/ld-linux-x86-64.so.2"),
        packages=("libc6",),
    ),
    Loader(
        arch="x86_64",
        libc="musl",
        loader=Path("/lib/ld-musl-x86_64.so.1"),
        packages=("musl",),
    ),
    _cross(
        "i686",
        "i686-linux-gnu",
        qemu="i386",
        loader="ld-linux.so.2",
        debian="i386",
        page=4096,
    ),
    _cross(
        "aarch64",
        "aarch64-linux-gnu",
        qemu="aarch64",
        loader="ld-linux-aarch64.so.1",
        debian="arm64",
        page=65536,
    ),
    _cross(
        "armv7l",
        "arm-linux-gnueabihf",
        qemu="arm",
        loader="ld-linux-armhf.so.3",
        debian="armhf",
        page=65536,
    ),
    _cross(
        "ppc64le",
        "powerpc64le-linux-gnu",
        qemu="ppc64le",
        loader="ld64.so.2",
        debian="ppc64el",
        page=65536,
    ),
    _cross(
        "s390x",
        "s390x-linux-gnu",
        qemu="s390x",
        loader="ld64.so.1",
        debian="s390x",
        page=4096,
    ),
    _cross(
        "riscv64",
        "riscv64-linux-gnu",
        qemu="riscv64",
        loader="ld-linux-riscv64-lp64d.so.1",
        debian="riscv64",
        page=4096,
    ),
)
"""Debian has musl's loader only for the machine itself, so the other machines have glibc's."""


def find(arch: str, libc: str = "glibc") -> Loader:
    """Give the loader for that machine and libc, or skip or fail the test when it is not here."""
    loader = next(each for each in LOADERS if (each.arch, each.libc) == (arch, libc))
    if loader.qemu is None and platform.machine() != loader.arch:
        missing(f"needs a machine that runs {loader.arch} programs, this is {platform.machine()}")
    if not loader.loader.exists() or (loader.qemu and not _emulator(loader.qemu)):
        missing(
            f"needs the loader of {loader.name}: on Debian, "
            f"`apt-get install {' '.join(loader.packages)}`"
        )
    return loader


def run(
    program: Path,
    arch: str,
    *,
    libc: str = "glibc",
    env: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `program` as its machine would, with `env` as its whole environment.

    Skips or fails the test when that is not possible here; never raises for what the program does.
    """
    loader = find(arch, libc)
    prefix: list[str] = []
    if loader.qemu is not None:
        prefix = [str(_emulator(loader.qemu)), "-L", str(loader.sysroot)]
    return subprocess.run(
        [*prefix, str(program), *arguments],
        env=dict(env or {}),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
    )


def _emulator(machine: str) -> str | None:
    return shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")
