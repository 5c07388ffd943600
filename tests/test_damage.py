"""Whatever is damaged, however: an expected failure or a good wheel, and nothing in between."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support import repairs
from support.index_rules import breaches

from wheelfix import Options, Verify, WheelfixError, repair

ROUNDS = 60
CHAINS = ("x86_64", "i686", "s390x")


def _overwrite(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])


def _overwrite_word(data: bytearray, at: int, chance: random.Random) -> None:
    words = (b"\xff" * 8, bytes(8), b"\0\0\0\x80\0\0\0\0", chance.randbytes(8))
    data[at : at + 8] = chance.choice(words)


def _cut(data: bytearray, at: int, chance: random.Random) -> None:
    del chance
    del data[at + 1 :]


def _insert(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = chance.randbytes(chance.randrange(1, 20))


DAMAGES = (_overwrite, _overwrite, _overwrite, _overwrite_word, _cut, _insert)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, half of them near the beginning, where the headers are."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 5, 20])):
        end = chance.choice([len(data), min(len(data), 700)])
        chance.choice(DAMAGES)(data, chance.randrange(end), chance)
    return bytes(data)


def _wheel(job: repairs.Job, chance: random.Random) -> None:
    job.wheel.write_bytes(damaged(job.wheel.read_bytes(), chance))


def _member(job: repairs.Job, chance: random.Random) -> None:
    members = {n: d for n, d in repairs.contents(job.wheel).items() if ".dist-info/" not in n}
    name = chance.choice([name for name, data in members.items() if data.startswith(b"\x7fELF")])
    members[name] = damaged(members[name], chance)
    repairs.make_wheel(job.wheel.parent, members, job.wheel.stem)


def _library(job: repairs.Job, chance: random.Random) -> None:
    file = chance.choice(sorted(job.libs.iterdir()))
    file.write_bytes(damaged(file.read_bytes(), chance))


PARTS: Mapping[str, Callable[[repairs.Job, random.Random], None]] = {
    "wheel": _wheel,
    "member": _member,
    "library": _library,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_damage_is_an_expected_failure_or_does_no_harm(
    tmp_path: Path, part: str, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        job = repairs.chain_job(folder, chance.choice(CHAINS))
        PARTS[part](job, chance)
        before = repairs.state(job.wheel.parent, job.libs)
        verify = chance.choice([Verify.HEADER, Verify.FULL])
        options = Options(lib_paths=(job.libs,), jobs=1, verify=verify)
        try:
            output = repair(job.wheel, job.out, options).output
        except WheelfixError:
            assert not job.out.exists() or list(job.out.iterdir()) == []
        else:
            assert part == "wheel" or breaches(output) == []
        assert repairs.state(job.wheel.parent, job.libs) == before
        shutil.rmtree(folder)
