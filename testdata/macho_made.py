"""Mach-O samples that a script wrote: what neither linker here makes."""

from __future__ import annotations

import struct

from machos import INNER_ID, MACHO, MachO

FAT_MAGIC, FAT_MAGIC_64 = 0xCAFEBABE, 0xCAFEBABF
LC_SEGMENT, LC_LOAD_DYLIB, LC_ID_DYLIB, LC_VERSION_MIN = 0x1, 0xC, 0xD, 0x24
LC_RPATH, LC_LAZY_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB = 0x8000001C, 0x20, 0x80000023
LC_UNKNOWN = 0x7B
DYLIB_USE_MARKER, DYLIB_USE_WEAK_LINK, DYLIB_USE_UPWARD = 0x1A741800, 0x1, 0x4
CPU_I386, CPU_POWERPC = 7, 18
MH_DYLIB, MH_DSYM = 6, 10


class Slice:
    """The bytes of a little-endian 64-bit image."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def put(self, form: str, at: int, *values: int) -> None:
        """Overwrite what lies at `at`."""
        struct.pack_into("<" + form, self.data, at, *values)

    def get(self, form: str, at: int) -> int:
        """Read one number."""
        return int(struct.unpack_from("<" + form, self.data, at)[0])

    def commands(self) -> list[tuple[int, int, int]]:
        """Give (cmd, offset, size) of each load command."""
        found, at = [], 32
        for _ in range(self.get("I", 16)):
            found.append((self.get("I", at), at, self.get("I", at + 4)))
            at += found[-1][2]
        return found

    def command(self, cmd: int, index: int = 0) -> int:
        """Give the offset of a load command of that kind."""
        return [at for kind, at, _ in self.commands() if kind == cmd][index]

    def append(self, command: bytes) -> None:
        """Write one more load command behind the last, where there must be room."""
        end = 32 + self.get("I", 20)
        if any(self.data[end : end + len(command)]):
            raise SystemExit("no room for another load command")
        self.data[end : end + len(command)] = command
        self.put("II", 16, self.get("I", 16) + 1, self.get("I", 20) + len(command))


def made() -> list[MachO]:
    """Make them all; what is linked must be there."""
    return [*_universal(), *_archive(), *_kinds(), *_old_machines(), *_others()]


def universal(parts: list[bytes], bits: int = 32) -> bytes:
    """Put images together as lipo does: each at a multiple of its machine's page."""
    form = ">IIIII" if bits == 32 else ">IIQQII"
    data = bytearray(struct.pack(">II", FAT_MAGIC if bits == 32 else FAT_MAGIC_64, len(parts)))
    data += bytes(struct.calcsize(form) * len(parts))
    for number, part in enumerate(parts):
        (_, cpu, subtype) = struct.unpack_from("<III", part)
        align = 14 if cpu == 0x0100000C else 12
        data += bytes(-len(data) % (1 << align))
        entry = (cpu, subtype, len(data), len(part), align, *((0,) * (bits == 64)))
        struct.pack_into(form, data, 8 + number * struct.calcsize(form), *entry)
        data += part
    return bytes(data)


def _linked(arch: str, kind: str, what: str, suffix: str) -> bytes:
    return (MACHO / f"lld-{arch}-macos-{kind}-{what}{suffix}").read_bytes()


def _write(data: bytes | bytearray, sample: MachO) -> MachO:
    sample.path.write_bytes(data)
    sample.path.chmod(0o755)
    return sample


def _sample(arch: str, kind: str, what: str, *features: str) -> MachO:
    return MachO(compiler="made", arch=arch, kind=kind, what=what, features=features or (what,))


def _universal() -> list[MachO]:
    wanted = (
        ("lib", "outer", ".dylib", ("outer", "outer")),
        ("lib", "tight", ".dylib", ("tight", "tight")),
        ("lib", "differs", ".dylib", ("weak", "outer")),
        ("ext", "ext", ".so", ("ext", "ext")),
        ("exe", "hello", "", ("hello", "hello")),
    )
    found = []
    for kind, what, suffix, (intel, arm) in wanted:
        parts = [_linked("x86_64", kind, intel, suffix), _linked("arm64", kind, arm, suffix)]
        found.append(_write(universal(parts), _sample("universal2", kind, what, "universal")))
    parts = [_linked(arch, "lib", "outer", ".dylib") for arch in ("x86_64", "arm64")]
    found.append(_write(universal(parts, 64), _sample("universal2", "lib", "fat64", "fat64")))
    return found


def _archive() -> list[MachO]:
    archive = b"!<arch>\n" + b"alone.o/".ljust(48) + b"8".ljust(10) + b"`\n" + b"contents"
    head = struct.pack(">II", FAT_MAGIC, 1)
    data = head + struct.pack(">IIIII", 0x0100000C, 0, 32, len(archive), 3)
    sample = _sample("arm64", "ar", "alone", "universal", "not-loaded")
    return [_write(data.ljust(32, b"\0") + archive, sample)]


def _kinds() -> list[MachO]:
    """Turn one kind of dependency into another."""
    found = []
    for what, cmd in (("lazy", LC_LAZY_LOAD_DYLIB), ("upward", LC_LOAD_UPWARD_DYLIB)):
        image = Slice(_linked("x86_64", "lib", "classic", ".dylib"))
        image.put("I", image.command(LC_LOAD_DYLIB), cmd)
        found.append(_write(image.data, _sample("x86_64", "lib", what)))
    image = Slice(_linked("x86_64", "lib", "roomy", ".dylib"))
    for name, flags in (("/usr/lib/liba.dylib", DYLIB_USE_WEAK_LINK), ("@rpath/b", 4)):
        text = name.encode() + b"\0"
        size = -(-(28 + len(text)) // 8) * 8
        head = struct.pack("<7I", LC_LOAD_DYLIB, size, 28, DYLIB_USE_MARKER, 0, 0, flags)
        image.append((head + text).ljust(size, b"\0"))
    found.append(_write(image.data, _sample("x86_64", "lib", "use-flags")))
    image = Slice(_linked("x86_64", "lib", "roomy", ".dylib"))
    image.append(struct.pack("<3I", LC_RPATH, 32, 12) + b"/opt/build/lib".ljust(20, b"\0"))
    found.append(_write(image.data, _sample("x86_64", "lib", "twice", "rpath-twice")))
    image = Slice(_linked("x86_64", "lib", "roomy", ".dylib"))
    image.append(struct.pack("<4I", LC_UNKNOWN, 16, 1, 2))
    found.append(_write(image.data, _sample("x86_64", "lib", "unknown-command")))
    return found


def _old_machines() -> list[MachO]:
    """Write two 32-bit libraries, one of them big-endian: a segment, two names and a version."""
    found = []
    for arch, order, cpu in (("i386", "<", CPU_I386), ("ppc", ">", CPU_POWERPC)):
        code, end = 0x200, 0x210
        section = struct.pack(order + "16s16s9I", b"__text", b"__TEXT", code, 8, code, *[0] * 6)
        limits = (0, 0x1000, 0, code + 8, 7, 5, 1, 0)
        commands = [_command(order, LC_SEGMENT, b"__TEXT".ljust(16, b"\0"), *limits)]
        commands[0] += section
        commands.append(_named(order, LC_ID_DYLIB, INNER_ID))
        commands.append(_named(order, LC_LOAD_DYLIB, "/usr/lib/libSystem.B.dylib"))
        commands.append(_command(order, LC_VERSION_MIN, b"", 10 << 16 | 4 << 8, 10 << 16 | 4 << 8))
        limits = (0x1000, 0x1000, end, 16, 7, 1, 0, 0)
        commands.append(_command(order, LC_SEGMENT, b"__LINKEDIT".ljust(16, b"\0"), *limits))
        size = sum(map(len, commands))
        fixed = [_sized(order, command) for command in commands]
        head = struct.pack(order + "7I", 0xFEEDFACE, cpu, 3, MH_DYLIB, len(fixed), size, 0x85)
        data = (head + b"".join(fixed)).ljust(code, b"\0") + b"\xc3" * 8
        sample = _sample(arch, "lib", "old", "32-bit")
        found.append(_write(data.ljust(end, b"\0") + b"linkedit".ljust(16, b"\0"), sample))
    return found


def _command(order: str, cmd: int, name: bytes, *numbers: int) -> bytes:
    return (
        struct.pack(order + "II", cmd, 0) + name + struct.pack(f"{order}{len(numbers)}I", *numbers)
    )


def _named(order: str, cmd: int, name: str) -> bytes:
    text = name.encode() + b"\0"
    return _command(order, cmd, b"", 24, 2, 0, 0) + text + bytes(-len(text) % 4)


def _sized(order: str, command: bytes) -> bytes:
    return command[:4] + struct.pack(order + "I", len(command)) + command[8:]


def _others() -> list[MachO]:
    image = Slice(_linked("arm64", "lib", "inner", ".dylib"))
    image.put("I", 12, MH_DSYM)
    debug = _write(image.data[:4096], _sample("arm64", "dsym", "inner", "not-loaded"))
    java = MachO(compiler="made", arch="none", system="none", kind="java", what="Empty")
    data = struct.pack(">IHHH", FAT_MAGIC, 0, 52, 1) + bytes(16)
    return [debug, _write(data, java)]
