"""What the steps of one edit share."""

from __future__ import annotations

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.blocks import Block, own_segment
from wheelfix.formats.elf.draft import Draft
from wheelfix.formats.elf.layout import Section, Segment
from wheelfix.formats.elf.raw import Raw
from wheelfix.value import Value


class Job(Value):
    """One file to be edited: what stands in it, and what shall be changed."""

    raw: Raw
    page: int
    """Bytes of the machine's largest page."""
    sections: tuple[Section, ...]
    """None at all when they were stripped."""
    blocks: tuple[Block, ...]
    strings: bytes
    """The dynamic string table as it is."""
    draft: Draft

    @property
    def users(self) -> tuple[Section, ...]:
        """The sections whose names stand in the dynamic string table."""
        address = self.raw.tag(c.DT_STRTAB)
        mine = {
            number
            for number, section in enumerate(self.sections)
            if section.type == c.SHT_STRTAB and section.flags and section.addr == address
        }
        return tuple(section for section in self.sections if section.link in mine)

    @property
    def own(self) -> Segment | None:
        """The segment that an earlier edit appended."""
        return own_segment(self.raw, self.blocks, self.page)
