"""The sample wheels, as a build back end leaves them, and the libraries that they lack."""

from __future__ import annotations

import base64
import hashlib
import shutil
import stat
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

from chains import SONAMES
from toolchain import CACHE, HERE, SOURCES, TARGETS, Sample, zig

WHEELS = HERE / "wheels"
LIBS = WHEELS / "libs"
EPOCH = (2020, 2, 2, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A sample wheel, and the folder of what it needs from outside."""

    path: Path
    libs: Path
    arch: str
    libc: str


def wheels() -> list[Wheel]:
    """Build all wheels; the chains must be there."""
    for old in WHEELS.glob("*.whl"):
        old.unlink()
    made = [_sample()]
    made += [_chain(arch, libc) for arch, libc in TARGETS]
    return made


def _sample() -> Wheel:
    LIBS.mkdir(parents=True, exist_ok=True)
    target = TARGETS["x86_64", "glibc"]
    word, greet, module = LIBS / "libword.so.2", LIBS / "libgreet.so.1", CACHE / "_greet.abi3.so"
    shared = ("-shared", "-fPIC")
    for library, source, needs in ((word, "libword", ()), (greet, "libgreet", (word,))):
        script = f"-Wl,--version-script=sample/{source}.map"
        flags = (*shared, f"-Wl,-soname,{library.name}", script)
        zig(target, *flags, f"sample/{source}.c", *needs, "-o", library)
    include = sysconfig.get_path("include")
    zig(target, *shared, f"-I{include}", "sample/greet_module.c", greet, "-o", module)
    members = {
        "sample/__init__.py": (SOURCES / "sample/__init__.py").read_bytes(),
        "sample/__main__.py": (SOURCES / "sample/__main__.py").read_bytes(),
        "sample/_greet.pyi": (SOURCES / "sample/_greet.pyi").read_bytes(),
        "sample/_greet.abi3.so": module.read_bytes(),
    }
    path = write_wheel("sample-1.0-cp311-abi3-linux_x86_64", members)
    return Wheel(path=path, libs=LIBS, arch="x86_64", libc="glibc")


def mac_wheels() -> list[Wheel]:
    """Pack an extension, a program and a library that is right as it is; samples must be there."""
    libs = WHEELS / "macos-libs"
    shutil.rmtree(libs, ignore_errors=True)
    libs.mkdir()
    for what, name in (("outer", "libouter.1.dylib"), ("inner", "libinner.2.dylib")):
        shutil.copy(_mac("lib", what, ".dylib"), libs / name)
    members = {
        "mac_sample/__init__.py": (SOURCES / "chain/__init__.py").read_bytes(),
        "mac_sample/_ext.abi3.so": _mac("ext", "ext", ".so").read_bytes(),
        "mac_sample/hello": _mac("exe", "hello").read_bytes(),
        "mac_sample/leaf.dylib": _mac("lib", "inner", ".dylib").read_bytes(),
    }
    path = write_wheel("mac_sample-1.0-cp311-abi3-macosx_11_0_arm64", members)
    return [Wheel(path=path, libs=libs, arch="arm64", libc="")]


def _mac(kind: str, what: str, suffix: str = "") -> Path:
    return HERE / "macho" / f"lld-arm64-macos-{kind}-{what}{suffix}"


def _chain(arch: str, libc: str) -> Wheel:
    """Pack a chain: both programs beside the extension, a third in the scripts folder."""

    def built(kind: str, what: str) -> bytes:
        part = Sample(compiler="zig", arch=arch, libc=libc, kind=kind, what=what)
        return part.path.read_bytes()

    libs = WHEELS / (arch if libc == "glibc" else f"{arch}-{libc}")
    shutil.rmtree(libs, ignore_errors=True)
    libs.mkdir()
    for what in ("outer", "inner"):
        library = libs / SONAMES[what]
        library.write_bytes(built("lib", what))
        library.chmod(0o755)
    name = "chain" if libc == "glibc" else f"chain_{libc}"
    members = {
        "chain/__init__.py": (SOURCES / "chain/__init__.py").read_bytes(),
        "chain/_ext.so": built("ext", "chain"),
        "chain/hello": built("pie", "hello"),
        "chain/hello-nopie": built("exe", "hello"),
        "chain/hello-bss": built("pie", "bss"),
        "chain/hello-bss-nopie": built("exe", "bss"),
        f"{name}-1.0.data/scripts/hello": built("pie", "script"),
    }
    path = write_wheel(f"{name}-1.0-py3-none-linux_{arch}", members)
    return Wheel(path=path, libs=libs, arch=arch, libc=libc)


def write_wheel(stem: str, members: dict[str, bytes]) -> Path:
    """Write `stem`.whl with its metadata; the same bytes for the same members and zlib."""
    name, version, tag = stem.split("-", 2)
    info = f"{name}-{version}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: build.py\nRoot-Is-Purelib: false\nTag: {tag}\n"
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    whole = {
        **members,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": wheel.encode(),
    }
    record = "".join(f"{path},{_digest(data)},{len(data)}\n" for path, data in whole.items())
    whole[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = WHEELS / f"{stem}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in whole.items():
            _add(archive, member, data)
    return path


def _add(archive: zipfile.ZipFile, member: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(member, EPOCH)
    mode = 0o755 if data.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe")) else 0o644
    entry.external_attr = (stat.S_IFREG | mode) << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return "sha256=" + digest.rstrip(b"=").decode()
