"""Machines: their names in platform tags, and their largest page."""

from __future__ import annotations

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import Codec, Header
from wheelfix.typed import Final

_NAMES: Final = {
    (c.EM_386, 32, "<"): "i686",
    (c.EM_X86_64, 64, "<"): "x86_64",
    (c.EM_X86_64, 32, "<"): "x32",
    (c.EM_AARCH64, 64, "<"): "aarch64",
    (c.EM_AARCH64, 64, ">"): "aarch64_be",
    (c.EM_AARCH64, 32, "<"): "aarch64_ilp32",
    (c.EM_PPC, 32, ">"): "ppc",
    (c.EM_PPC64, 64, "<"): "ppc64le",
    (c.EM_PPC64, 64, ">"): "ppc64",
    (c.EM_S390, 64, ">"): "s390x",
    (c.EM_S390, 32, ">"): "s390",
    (c.EM_RISCV, 64, "<"): "riscv64",
    (c.EM_RISCV, 32, "<"): "riscv32",
    (c.EM_LOONGARCH, 64, "<"): "loongarch64",
}

_LINUX_ABIS = frozenset({0, 3})
"""EI_OSABI that glibc and the kernel load: System V and GNU."""

_PAGES: Final = {
    c.EM_386: 4096,
    c.EM_X86_64: 4096,
    c.EM_S390: 4096,
    c.EM_RISCV: 4096,
}
_LARGEST_PAGE = 65536
_ANDROID_PAGE = 16384


def arch(codec: Codec, header: Header, osabi: int) -> str:
    """Name the machine as platform tags do; `em_<number>_<bits><le|be>` for one without a tag."""
    key = (header.machine, codec.bits, codec.order)
    ends = "le" if codec.order == "<" else "be"
    name = _NAMES.get(key, f"em_{header.machine}_{codec.bits}{ends}")
    if key == (c.EM_ARM, 32, "<"):
        name = _arm(header.flags)
    known = osabi in _LINUX_ABIS or header.machine == c.EM_ARM
    return name if known else f"{name}_osabi{osabi}"


def _arm(flags: int) -> str:
    if flags & c.EF_ARM_EABIMASK != c.EF_ARM_EABI_VER5:
        return "arm_oabi"
    return "armv7l" if flags & c.EF_ARM_ABI_FLOAT_HARD else "armel"


def page(machine: int, *, bionic: bool) -> int:
    """Bytes of the largest page that a kernel for this machine may use."""
    size = _PAGES.get(machine, _LARGEST_PAGE)
    return max(size, _ANDROID_PAGE) if bionic else size
