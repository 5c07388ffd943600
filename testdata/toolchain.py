"""The compilers behind the samples, and the names under which what they make is filed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
ELF = HERE / "elf"
CACHE = HERE / ".cache"

ZIG_VERSION = "0.17.0"

LEAN = (
    "-Os",
    "-g0",
    "-fno-sanitize=undefined",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-ident",
    "-Wl,-s",
    "-Wl,--build-id=none",
)

TARGETS = {
    ("x86_64", "glibc"): "x86_64-linux-gnu.2.17",
    ("i686", "glibc"): "x86-linux-gnu.2.17",
    ("aarch64", "glibc"): "aarch64-linux-gnu.2.17",
    ("armv7l", "glibc"): "arm-linux-gnueabihf.2.17",
    ("ppc64le", "glibc"): "powerpc64le-linux-gnu.2.19",
    ("s390x", "glibc"): "s390x-linux-gnu.2.17",
    ("riscv64", "glibc"): "riscv64-linux-gnu.2.27",
    ("x86_64", "musl"): "x86_64-linux-musl",
    ("i686", "musl"): "x86-linux-musl",
    ("aarch64", "musl"): "aarch64-linux-musl",
    ("armv7l", "musl"): "arm-linux-musleabihf",
    ("ppc64le", "musl"): "powerpc64le-linux-musl",
    ("s390x", "musl"): "s390x-linux-musl",
    ("riscv64", "musl"): "riscv64-linux-musl",
}
"""The machines whose chains are run, in zig's words; a number is the oldest glibc to run on."""

READ_ONLY_TARGETS = {
    ("loongarch64", "glibc"): "loongarch64-linux-gnu",
    ("armel", "glibc"): "arm-linux-gnueabi.2.17",
    ("ppc", "musl"): "powerpc-linux-musleabihf",
    ("ppc64", "musl"): "powerpc64-linux-musl",
    ("mips", "glibc"): "mips-linux-gnueabihf.2.17",
    ("aarch64_be", "musl"): "aarch64_be-linux-musl",
    ("x32", "glibc"): "x86_64-linux-gnux32.2.17",
}
"""Machines that are only read: other byte orders and classes, and what must not be mixed up."""


TRIPLETS = {
    "x86_64": "x86_64-linux-gnu",
    "i686": "i686-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
}
"""Under what name Debian has GNU ld and glibc for each machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file to be filed as `compiler-arch-libc-kind-what`."""

    compiler: str
    """`zig`, `gcc`, `ld` (compiled by zig, linked by GNU ld), or `made` for what a script wrote."""
    arch: str
    """As platform tags spell it."""
    libc: str
    """`glibc`, `musl`, `bionic`, or `none` for what links none."""
    kind: str
    """`lib`, `ext`, `pie`, `exe`, `static`, `staticpie`, `obj`, `ar`, `script` or `core`."""
    what: str
    features: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        """Where the file lies."""
        suffix = {"lib": ".so", "ext": ".so", "obj": ".o", "ar": ".a", "script": ".so"}
        stem = f"{self.compiler}-{self.arch}-{self.libc}-{self.kind}-{self.what}"
        return ELF / (stem + suffix.get(self.kind, ""))


def zig(target: str, *arguments: str | Path) -> None:
    """Run zig's C compiler for `target` or give up."""
    _zig("cc", "-target", target, *LEAN, *arguments)


def lld(*arguments: str | Path) -> None:
    """Run zig's lld by itself, for options that zig's driver does not pass on."""
    _zig("ld.lld", "-s", "--eh-frame-hdr", *arguments)


def gnu_ld(arch: str, *arguments: str | Path) -> None:
    """Link by GNU ld against the glibc of that machine or give up."""
    triplet = TRIPLETS[arch]
    cross = Path("/usr", triplet, "lib", "libc.so.6")
    libc = host_libc() if arch == "x86_64" else cross
    libraries = [*sorted(libc.parent.glob("ld*.so.*")), libc]
    run([f"{triplet}-ld", "-s", *map(str, [*arguments, "--as-needed", *libraries])])


def _zig(*arguments: str | Path) -> None:
    run([sys.executable, "-m", "ziglang", *map(str, arguments)], zig_environment())


def zig_environment() -> dict[str, str]:
    """Give the environment in which zig keeps what it caches beside the samples."""
    cache = str(CACHE / "zig")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}


def gcc(*arguments: str | Path) -> None:
    """Run the machine's gcc, which links with GNU ld or give up."""
    run(["gcc", *LEAN, *map(str, arguments)])


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    """Run a program among the sources or give up."""
    done = subprocess.run(
        command, cwd=SOURCES, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def host_libc() -> Path:
    """Find the C library that gcc links against."""
    command = ["gcc", "-print-file-name=libc.so.6"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def compiler_version(compiler: str) -> str:
    """Say which compiler made a sample, for the manifest."""
    match compiler:
        case "zig":
            return f"ziglang {ZIG_VERSION}"
        case "gcc" | "ld":
            command = [compiler, "--version"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return done.stdout.splitlines()[0]
        case _:
            return "build.py"
