"""Wheels to repair, programs to judge the result, and what tells that a source was touched."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support.needs import tool
from wheelfix import Options, Outcome, repair

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "testdata" / "wheels"
SAMPLE = WHEELS / "sample-1.0-cp311-abi3-linux_x86_64.whl"
SAMPLE_LIBS = WHEELS / "libs"
STEM = "pkg-1.0-py3-none-linux_x86_64"
LEAVES = ("libword.so.2", "libinner.2.dylib", "inner.dll")
SECONDS = 120
"""How long a command may take on a busy machine."""

HERE_IS_X86_64_LINUX = sys.platform == "linux" and platform.machine() == "x86_64"
loads_here = pytest.mark.skipif(
    not HERE_IS_X86_64_LINUX, reason="needs x86-64 Linux, whose loader is the judge"
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's file systems")
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="needs root, to mount a file system"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The sources of one repair, private copies of one test's, and where its result goes."""

    wheel: Path
    libs: Path
    out: Path
    scratch: Path | None = None

    @property
    def options(self) -> Options:
        return Options(lib_paths=(self.libs,), jobs=2, scratch=self.scratch)

    @property
    def arguments(self) -> list[str]:
        scratch = ["--scratch", str(self.scratch)] if self.scratch else []
        return ["repair", "-l", str(self.libs), "-w", str(self.out), *scratch, str(self.wheel)]

    def in_files(self) -> Job:
        """Have all private copies in files, where large ones lie anyway, and none in memory."""
        return replace(self, scratch=self.out)

    @property
    def leaf(self) -> Path:
        """Give a library that needs none of the others."""
        (leaf,) = (file for name in LEAVES if (file := self.libs / name).exists())
        return leaf

    def repair(self) -> Outcome:
        return repair(self.wheel, self.out, self.options)

    def again(self, folder: Path) -> Job:
        """Copy the sources into another folder."""
        return job(folder, self.wheel, self.libs)


def job(folder: Path, wheel: Path = SAMPLE, libs: Path = SAMPLE_LIBS) -> Job:
    """Copy `wheel` and what it needs into `folder`."""
    (folder / "in").mkdir(parents=True)
    shutil.copytree(libs, folder / "libs")
    return Job(
        wheel=Path(shutil.copy2(wheel, folder / "in")), libs=folder / "libs", out=folder / "out"
    )


def chain_job(folder: Path, arch: str = "x86_64") -> Job:
    """Copy the wheel with programs, an extension and a program in its scripts folder."""
    return job(folder, WHEELS / f"chain-1.0-py3-none-linux_{arch}.whl", WHEELS / arch)


def mac_job(folder: Path) -> Job:
    """Copy the sample wheel for macOS: an extension, a program, a library that needs no edit."""
    wheel = WHEELS / "mac_sample-1.0-cp311-abi3-macosx_11_0_arm64.whl"
    return job(folder, wheel, WHEELS / "macos-libs")


def win_job(folder: Path) -> Job:
    """Make a wheel for Windows: a package with two extensions, and a library that needs no edit.

    One of them has a library loaded when the code runs, so that the package gets a shim.
    """
    outer, inner = (windows_sample("lib", what).read_bytes() for what in ("outer", "inner"))
    members = {
        "win_sample/__init__.py": WINDOWS_INIT,
        "win_sample/_ext.pyd": outer.replace(b"inner.dll", b"outer.dll"),
        "win_sample/_late.pyd": windows_sample("lib", "delay").read_bytes(),
        "win_sample/leaf.dll": inner,
    }
    libs = folder / "libs"
    libs.mkdir(parents=True)
    (libs / "outer.dll").write_bytes(outer)
    (libs / "inner.dll").write_bytes(inner)
    wheel = make_wheel(folder / "in", members, "win_sample-1.0-cp311-abi3-win_amd64")
    return Job(wheel=wheel, libs=libs, out=folder / "out")


WINDOWS_INIT = (
    b'# \xc2\xa9 Somebody\r\n\r\n"""What it is."""\r\n'
    b"from __future__ import annotations\r\n\r\nVALUE = 1\r\n"
)


def windows_sample(kind: str, what: str, arch: str = "amd64") -> Path:
    """Give a PE sample that lld linked."""
    suffix = "exe" if kind == "exe" else "dll"
    return ROOT / "testdata" / "pe" / f"lld-{arch}-{kind}-{what}.{suffix}"


State = tuple[str, int, int, int, int]


def state(*places: Path) -> dict[Path, State]:
    """Give content, mode, mtime, inode and link count of files, and of folders and all in them."""
    files = [*places, *(file for place in places for file in place.rglob("*"))]
    return {file: _state(file) for file in files}


def _state(file: Path) -> State:
    status = file.lstat()
    if stat.S_ISREG(status.st_mode):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
    else:
        content = str(file.readlink()) if file.is_symlink() else "a folder"
    return (content, status.st_mode, status.st_mtime_ns, status.st_ino, status.st_nlink)


def environment(**extra: str) -> dict[str, str]:
    """Give a small environment in which `python -m wheelfix` runs."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
        **extra,
    }


def command(
    arguments: Sequence[str],
    *,
    before: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    umask: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, `before` being a command that starts it."""
    return subprocess.run(
        [*before, sys.executable, "-m", "wheelfix", *arguments],
        env={**environment(), **(env or {})},
        cwd=cwd,
        umask=umask,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def in_own_mounts(script: str) -> list[str]:
    """Give a command that runs `script` where its mounts are seen by nobody else, then the rest."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]


def make_wheel(
    folder: Path,
    members: Mapping[str, bytes],
    stem: str = STEM,
    *,
    modes: Mapping[str, int] | None = None,
    tags: Sequence[str] = (),
    purelib: bool = False,
    level: int = 6,
    metadata: str = "",
) -> Path:
    """Write a wheel with these members; a mode is 0755 for ELF and else 0644 if not given.

    `tags` is what its WHEEL says, if that is not word for word what the name says.
    `metadata` are further lines of METADATA.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name, version, tag = stem.split("-", 2)
    info = f"{name}-{version}.dist-info"
    about = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {purelib}\n"
    about += "".join(f"Tag: {each}\n" for each in tags or (tag,))
    start = "Metadata-Version: 2.1\n"
    contents = {
        **members,
        f"{info}/METADATA": f"{start}Name: {name}\nVersion: {version}\n{metadata}".encode(),
        f"{info}/WHEEL": about.replace("True", "true").replace("False", "false").encode(),
    }
    rows = [f"{path},{digest(data)},{len(data)}" for path, data in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{stem}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for member, data in contents.items():
            entry = zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0))
            usual = 0o755 if data.startswith(b"\x7fELF") else 0o644
            entry.external_attr = (stat.S_IFREG | (modes or {}).get(member, usual)) << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def digest(data: bytes) -> str:
    """Give the hash of `data` as RECORD spells it."""
    encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return "sha256=" + encoded.rstrip(b"=").decode()


def contents(wheel: Path) -> dict[str, bytes]:
    """Inflate every member."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def payloads(wheel: Path) -> dict[str, bytes]:
    """Give every member's bytes as they lie in the archive."""
    raw = wheel.read_bytes()
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            at = info.header_offset
            sizes = (int.from_bytes(raw[at + n : at + n + 2], "little") for n in (26, 28))
            begin = at + 30 + sum(sizes)
            found[info.filename] = raw[begin : begin + info.compress_size]
    return found


def modes(wheel: Path) -> dict[str, int]:
    """Give every member's permission bits."""
    with zipfile.ZipFile(wheel) as archive:
        return {i.filename: i.external_attr >> 16 & 0o777 for i in archive.infolist()}


def unpack(wheel: Path, folder: Path) -> Path:
    """Put every member, with its mode, below `folder`, and give that."""
    for path, data in contents(wheel).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for path, mode in modes(wheel).items():
        (folder / path).chmod(mode)
    return folder


def run(*words: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run a program with `env` as its whole environment; give its output, or fail with it."""
    done = subprocess.run(
        [str(word) for word in words],
        env=dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{words[0]} exited with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def greeting(site: Path) -> str:
    """Give what the sample's extension says when it is loaded from `site`."""
    code = "from sample import greet; print(greet('World'))"
    return run(sys.executable, "-c", code, env={"PYTHONPATH": str(site)}).strip()


GREETING = "Hello, World!"
CHAIN_LINE = "ext outer inner 42"
SCRIPT_LINE = "outer inner 42"


def build_library(
    target: Path,
    source: str,
    *needs: Path,
    soname: str | None = None,
    flags: Sequence[str] = (),
) -> Path:
    """Compile C to a library for this machine that needs no libc."""
    if not HERE_IS_X86_64_LINUX:
        pytest.skip("needs x86-64 Linux, to build a library for it")
    target.parent.mkdir(parents=True, exist_ok=True)
    code = target.parent / f".{target.name}.c"
    code.write_text(source)
    run(
        tool("gcc", "gcc"),
        *("-shared", "-fPIC", "-nostdlib", "-fno-stack-protector", "-Wl,--build-id=none"),
        f"-Wl,-soname,{soname or target.name}",
        *flags,
        code,
        *needs,
        *("-o", target),
        env={"PATH": os.environ["PATH"]},
    )
    code.unlink()
    return target


def large_library(target: Path, megabytes: int) -> Path:
    """Build a library whose data do not compress, so that every stage takes its time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    blob = target.parent / ".blob"
    blob.write_bytes(os.urandom(megabytes << 20))
    source = (
        f'__asm__(".data\\n.incbin \\"{blob}\\"\\n.previous");\nint large(void) {{ return 7; }}\n'
    )
    build_library(target, source)
    blob.unlink()
    return target
