"""PE samples that a script wrote: what no linker here makes."""

from __future__ import annotations

import struct
from pathlib import Path

from pes import PE, Pe
from toolchain import CACHE, SOURCES, run

IMPORT, SECURITY, LOAD_CONFIG, BOUND, IAT, DELAY = 1, 4, 10, 11, 12, 13
OVERLAY = b"what the program looks for behind its own sections, with no magic of any archive\n" * 3
SIGNATURE = SOURCES / "pe" / "signature.p7"
SIGNER = "/CN=wheelfix's tests, worth nothing"


class Binary:
    """The bytes of a PE file."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def put(self, form: str, at: int, *values: int) -> None:
        """Overwrite what lies at `at`."""
        struct.pack_into("<" + form, self.data, at, *values)

    def get(self, form: str, at: int) -> int:
        """Read one number."""
        return int(struct.unpack_from("<" + form, self.data, at)[0])

    @property
    def head(self) -> int:
        """Where the magic of PE lies."""
        return self.get("I", 0x3C)

    @property
    def bits(self) -> int:
        """32 or 64."""
        return 64 if self.get("H", self.head + 24) == 0x20B else 32

    def directory(self, number: int) -> int:
        """Give where a data directory lies in the headers."""
        return self.head + 24 + (112 if self.bits == 64 else 96) + 8 * number

    def sections(self) -> list[int]:
        """Give where the section headers lie."""
        table = self.head + 24 + self.get("H", self.head + 20)
        return [table + 40 * each for each in range(self.get("H", self.head + 6))]

    def offset(self, rva: int) -> int:
        """Give where an RVA lies in the file."""
        for at in self.sections():
            start = self.get("I", at + 12)
            if start <= rva < start + max(self.get("I", at + 8), self.get("I", at + 16)):
                return rva - start + self.get("I", at + 20)
        raise SystemExit(f"RVA {rva:#x} lies in no section")

    def table(self, number: int) -> int:
        """Give where what a data directory points to lies in the file."""
        return self.offset(self.get("I", self.directory(number)))


def pes_made() -> list[Pe]:
    """Make them all; what is linked must be there."""
    made = [_overlay(), _bound(), _signed(), _bare_thunks(), _old_delay(), _packed()]
    return [*made, *_hybrids(), *_not_loaded()]


def _linked(arch: str, what: str) -> Binary:
    return Binary((PE / f"lld-{arch}-lib-{what}.dll").read_bytes())


def _write(image: Binary, sample: Pe) -> Pe:
    sample.path.write_bytes(image.data)
    sample.path.chmod(0o755)
    return sample


def _sample(arch: str, kind: str, what: str, *features: str) -> Pe:
    return Pe(compiler="made", arch=arch, kind=kind, what=what, features=features or (what,))


def _overlay() -> Pe:
    image = _linked("amd64", "outer")
    image.data += OVERLAY
    return _write(image, _sample("amd64", "lib", "overlay"))


def _bound() -> Pe:
    """Bind the imports as bind.exe does: the notes stand right behind the section headers."""
    image = _linked("amd64", "outer")
    at = image.sections()[-1] + 40
    notes = struct.pack("<IHH8x", 0x5EADBEEF, 16, 0) + b"inner.dll\0"
    image.data[at : at + len(notes)] = notes
    image.put("II", image.directory(BOUND), at, len(notes))
    descriptor = image.table(IMPORT)
    image.put("II", descriptor + 4, 0xFFFFFFFF, 0xFFFFFFFF)
    thunk = image.offset(image.get("I", descriptor + 16))
    while image.get("Q", thunk):
        image.put("Q", thunk, 0x180001000 + thunk)
        thunk += 8
    return _write(image, _sample("amd64", "lib", "bound", "bound-imports"))


def _signed() -> Pe:
    """Sign with a certificate of nobody's, once: the signature is kept among the sources.

    It is the same as long as what is signed is; delete it to sign anew.
    """
    image = _linked("amd64", "outer")
    image.data += bytes(-len(image.data) % 8)
    if not SIGNATURE.exists():
        _sign(PE / "lld-amd64-lib-outer.dll")
    signature = SIGNATURE.read_bytes()
    signature += bytes(-len(signature) % 8)
    image.put("II", image.directory(SECURITY), len(image.data), len(signature) + 8)
    image.data += struct.pack("<IHH", len(signature) + 8, 0x200, 2) + signature
    return _write(image, _sample("amd64", "lib", "signed"))


def _sign(path: Path) -> None:
    key, certificate = (str(CACHE / name) for name in ("key.pem", "certificate.pem"))
    made = ("-keyout", key, "-out", certificate, "-subj", SIGNER, "-days", "36500")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made])
    signed = CACHE / "signed.dll"
    signed.unlink(missing_ok=True)
    run(["osslsigncode", "sign", "-certs", certificate, "-key", key, str(path), str(signed)])
    image = Binary(signed.read_bytes())
    at, size = image.get("I", image.directory(SECURITY)), image.get("I", image.directory(4) + 4)
    SIGNATURE.write_bytes(image.data[at + 8 : at + size].rstrip(b"\0"))


def _bare_thunks() -> Pe:
    """Empty directory 12: loaders then make the section of the import directory writable."""
    image = _linked("amd64", "outer")
    image.put("II", image.directory(IAT), 0, 0)
    return _write(image, _sample("amd64", "lib", "no-iat", "no-iat-directory"))


def _old_delay() -> Pe:
    """Write addresses instead of RVAs into the delay-load descriptor, as Visual C++ 6 did."""
    image = _linked("x86", "delay")
    at, base = image.table(DELAY), image.get("I", image.head + 24 + 28)
    image.put("I", at, 0)
    for field in range(at + 4, at + 20, 4):
        image.put("I", field, image.get("I", field) + base)
    return _write(image, _sample("x86", "lib", "old-delay", "old-delay-load"))


def _packed() -> Pe:
    image = _linked("amd64", "outer")
    for number, at in enumerate(image.sections()[:2]):
        image.data[at : at + 8] = b"UPX%d\0\0\0\0" % number
    return _write(image, _sample("amd64", "lib", "packed", "upx"))


def _hybrids() -> list[Pe]:
    """Point to metadata of a second machine, which alone tells a hybrid from others."""
    made = []
    for arch, what in (("arm64", "arm64x"), ("amd64", "arm64ec")):
        image = _linked(arch, "flags")
        base = image.get("Q", image.head + 24 + 24)
        at = image.table(LOAD_CONFIG)
        image.put("H", at + 78, 0)
        image.put("Q", at + 200, base + 0x2000)
        made.append(_write(image, _sample(arch, "lib", what)))
    return made


def _not_loaded() -> list[Pe]:
    """Write a program for DOS, whose header ends where others have e_lfanew, and one for EFI."""
    dos = Binary(struct.pack("<2s13H", b"MZ", 32, 1, 0, 2, 0, 65535, 0, 256, 0, 0, 0, 28, 0))
    dos.data += bytes(4) + b"\xb8\x00\x4c\xcd\x21" + b"a program for DOS, long enough for e_lfanew"
    efi = Binary((PE / "lld-amd64-exe-hello.exe").read_bytes())
    efi.put("H", efi.head + 24 + 68, 10)
    found = [_write(dos, _sample("x86", "dos", "program", "not-loaded"))]
    return [*found, _write(efi, _sample("amd64", "efi", "program", "not-loaded"))]
