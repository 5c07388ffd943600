"""What an edit does to the bytes, and what it must not do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support import loaders
from support.elf_checks import (
    by_lief,
    by_pyelftools,
    by_us,
    complaints,
    image,
    layout_faults,
)
from support.samples import Sample, chain, sample, samples

from wheelfix.errors import CannotEdit
from wheelfix.formats import elf
from wheelfix.model import (
    DropNeeded,
    Edit,
    ReplaceNeeded,
    SearchKind,
    SearchPath,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    after,
)

EDITABLE = [each for each in samples() if each.kind in {"lib", "ext", "pie", "exe"}]
PAGES = {"aarch64": 65536, "aarch64_be": 65536, "armv7l": 65536, "armv5tel": 65536} | {
    "ppc64le": 65536,
    "ppc64": 65536,
    "ppc": 65536,
    "mips": 65536,
    "loongarch64": 65536,
}
PLAIN = "gcc-x86_64-glibc-lib-plain.so"
INNER = "libinner.so.2"
LONG = "lib-with-a-name-that-fits-into-no-slot-there-is-0123456789abcdef.so.1"
LONGER = (
    ReplaceNeeded(old=INNER, new="libinner-of-a-considerably-longer-name.so.2"),
    SetOwnName(name=LONG),
    SetSearchPath(entries=("$ORIGIN/../a-folder-beside-it.libs", "$ORIGIN")),
)


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copy(sample(name), folder / "copy.so"))


def loads(library: Path) -> str:
    """Load it in a child with the chain's libraries around; give what went wrong."""
    loaders.find("x86_64")
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1], 2)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(library)],
        env={"LD_LIBRARY_PATH": str(chain("x86_64", "glibc").libs)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


def allocated(path: Path) -> dict[str, bytes]:
    with path.open("rb") as handle:
        return {s.name: s.data() for s in ELFFile(handle).iter_sections() if s["sh_flags"] & 2}


def headers(path: Path) -> list[tuple[str, int, int]]:
    with path.open("rb") as handle:
        found = ELFFile(handle).iter_segments()
        return [(s["p_type"], s["p_offset"], s["p_vaddr"]) for s in found]


@pytest.mark.parametrize("each", EDITABLE, ids=lambda each: each.path.name)
def test_a_longer_edit_holds_on_every_machine(each: Sample, tmp_path: Path) -> None:
    copy = copied(each.path.name, tmp_path)
    before = image(copy)
    edits: tuple[Edit, ...] = (
        *LONGER,
        *(ReplaceNeeded(old=n.name, new=f"longer-{n.name}") for n in before.needed),
    )
    expected = after(before, edits)
    elf.apply(copy, edits)
    assert by_us(image(copy)) == by_us(expected)
    assert layout_faults(copy, PAGES.get(each.arch, 16384 if each.libc == "bionic" else 4096)) == []
    assert copy.stat().st_size - each.path.stat().st_size < 65536
    if "no-section-headers" not in each.features:
        assert by_pyelftools(copy) == by_us(expected)
        assert by_lief(copy) == by_us(expected)


@pytest.mark.parametrize(
    "each",
    [e for e in EDITABLE if e.arch == "x86_64" and "no-section-headers" not in e.features],
    ids=lambda each: each.path.name,
)
def test_only_the_edited_sections_change(each: Sample, tmp_path: Path) -> None:
    copy = copied(each.path.name, tmp_path)
    elf.apply(copy, LONGER)
    old, new = allocated(each.path), allocated(copy)
    assert old.keys() == new.keys()
    changed = {name for name in old if old[name] != new[name]}
    assert changed <= {".dynstr", ".dynamic", ".gnu.version_r", ".dynsym"}
    assert new[".dynstr"].startswith(old[".dynstr"])


def test_no_change_writes_nothing(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    own_name = image(copy).own_name or ""
    before = copy.stat().st_mtime_ns
    elf.apply(copy, (SetOwnName(name=own_name), SetSearchPath(entries=())))
    elf.apply(copy, (ReplaceNeeded(old="libnobody.so", new="x"), DropNeeded(name="libnobody.so")))
    elf.apply(copy, (SetOwnName(name="other", arch="aarch64"),))
    assert copy.stat().st_mtime_ns == before
    assert copy.read_bytes() == sample(PLAIN).read_bytes()


def test_there_and_back_again_restores_the_bytes(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    elf.apply(copy, (ReplaceNeeded(old=INNER, new="libc.so.6"), SetOwnName(name=INNER)))
    assert copy.read_bytes() != sample(PLAIN).read_bytes()
    own_name = image(sample(PLAIN)).own_name or ""
    elf.apply(copy, (DropNeeded(name="libnobody.so"), SetOwnName(name=own_name)))
    assert image(copy).own_name == own_name


def test_what_fits_is_overwritten_in_place(tmp_path: Path) -> None:
    name = "gcc-x86_64-glibc-lib-rpath.so"
    copy = copied(name, tmp_path)
    elf.apply(copy, (SetSearchPath(entries=("$ORIGIN/../x.libs",)),))
    assert copy.stat().st_size == sample(name).stat().st_size
    assert headers(copy) == headers(sample(name))
    assert b"/opt/build/lib" not in copy.read_bytes()
    assert image(copy).search == SearchPath(entries=("$ORIGIN/../x.libs",))


def test_a_shared_string_is_never_overwritten(tmp_path: Path) -> None:
    # The SONAME is also the name of the base version: only the first of them may change.
    name = "zig-x86_64-glibc-lib-outer.so"
    copy = copied(name, tmp_path)
    elf.apply(copy, (SetOwnName(name="x.so"),))
    base = subprocess.run(["readelf", "-VW", copy], capture_output=True, text=True, check=True)
    assert "Name: libouter.so.1" in base.stdout
    assert image(copy).own_name == "x.so"


def test_a_name_that_is_there_is_pointed_to(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    elf.apply(copy, (SetOwnName(name="so.6"),))  # the end of libc.so.6
    assert copy.stat().st_size == sample(PLAIN).stat().st_size
    assert image(copy).own_name == "so.6"


def test_editing_again_does_not_grow_again(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    elf.apply(copy, LONGER)
    once, table = copy.stat().st_size, headers(copy)
    for number in range(20):
        elf.apply(copy, (SetOwnName(name=f"{LONG}.{number:02}"),))
    assert copy.stat().st_size - once < 100
    assert [kind for kind, _, _ in headers(copy)] == [kind for kind, _, _ in table]
    assert loads(copy).endswith(
        "libinner-of-a-considerably-longer-name.so.2: cannot open shared "
        "object file: No such file or directory\n"
    )


def test_the_same_end_by_another_way_is_as_small(tmp_path: Path) -> None:
    copy, other = copied(PLAIN, tmp_path), Path(shutil.copy(sample(PLAIN), tmp_path / "other.so"))
    elf.apply(copy, LONGER)
    elf.apply(other, (SetOwnName(name="q" * 3000),))
    elf.apply(other, LONGER)
    assert other.stat().st_size <= copy.stat().st_size + 64


@pytest.mark.parametrize("tool", ["strip", "objcopy", "eu-strip", "llvm-strip"])
def test_a_stripped_file_can_be_edited_again(tool: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}: `apt-get install binutils elfutils llvm`")
    copy = copied(PLAIN, tmp_path)
    elf.apply(copy, LONGER[1:])
    subprocess.run([tool, copy], check=True)
    count = len(headers(copy))
    elf.apply(copy, (SetOwnName(name=LONG * 2),))
    assert len(headers(copy)) == count
    assert image(copy).own_name == LONG * 2
    assert layout_faults(copy, 4096) == []
    assert loads(copy) == ""


def test_patchelf_can_edit_after_us_and_we_after_it(tmp_path: Path) -> None:
    if shutil.which("patchelf") is None:
        pytest.skip("needs patchelf: `apt-get install patchelf`")
    copy = copied(PLAIN, tmp_path)
    elf.apply(copy, LONGER[1:])
    subprocess.run(["patchelf", "--set-rpath", "/" + "p" * 300, copy], check=True)
    assert loads(copy) == ""
    elf.apply(copy, (SetOwnName(name=LONG * 3), *LONGER[2:]))
    assert image(copy).own_name == LONG * 3
    assert loads(copy) == ""


@pytest.mark.parametrize("name", [PLAIN, "zig-x86_64-glibc-lib-outer.so"])
def test_dropping_a_library_drops_its_versions(name: str, tmp_path: Path) -> None:
    copy = copied(name, tmp_path)
    before = image(copy)
    elf.apply(copy, (DropNeeded(name=INNER),))
    assert image(copy) == after(before, (DropNeeded(name=INNER),))
    assert by_pyelftools(copy) == by_us(image(copy))
    assert complaints(copy) <= complaints(sample(name))
    # Bound lazily, so that the functions nobody brings any more are not missed.
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1], 1)"
    command = [sys.executable, "-I", "-S", "-c", code, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "INNER_1" not in done.stderr
    assert done.returncode >= 0


def test_dropping_all_libraries_leaves_no_version_table(tmp_path: Path) -> None:
    copy = copied("zig-x86_64-glibc-lib-outer.so", tmp_path)
    elf.apply(copy, tuple(DropNeeded(name=need.library) for need in image(copy).version_needs))
    assert image(copy).version_needs == ()
    assert by_lief(copy).versions == ()


@pytest.mark.parametrize("kind", SearchKind)
def test_both_search_path_tags_become_one(kind: SearchKind, tmp_path: Path) -> None:
    copy = copied("made-x86_64-glibc-lib-rpath-and-runpath.so", tmp_path)
    elf.apply(copy, (SetSearchPath(entries=("$ORIGIN",), kind=kind),))
    assert image(copy).search == SearchPath(kind=kind, entries=("$ORIGIN",))
    assert (
        copy.stat().st_size == sample("made-x86_64-glibc-lib-rpath-and-runpath.so").stat().st_size
    )


def test_no_entries_remove_both_search_path_tags(tmp_path: Path) -> None:
    copy = copied("made-x86_64-glibc-lib-rpath-and-runpath.so", tmp_path)
    elf.apply(copy, (SetSearchPath(entries=()),))
    assert image(copy).search == SearchPath()
    seen = by_pyelftools(copy)
    assert (seen.rpath, seen.runpath) == (None, None)


def test_a_dynamic_array_without_room_moves_into_a_writable_segment(tmp_path: Path) -> None:
    copy = copied("zig-x86_64-glibc-lib-outer.so", tmp_path)
    elf.apply(copy, (SetSearchPath(entries=("$ORIGIN/../a.libs",)),))
    with copy.open("rb") as handle:
        file = ELFFile(handle)
        last = [*file.iter_segments("PT_LOAD")][-1]
        (dynamic,) = file.iter_segments("PT_DYNAMIC")
        section = file.get_section_by_name(".dynamic")
        assert section is not None
        assert last["p_offset"] < dynamic["p_offset"]
        assert last["p_flags"] == dynamic["p_flags"] == 6
        assert section["sh_offset"] == dynamic["p_offset"]
        assert section["sh_size"] == dynamic["p_filesz"]
    assert loads(copy) == ""


@pytest.mark.parametrize("kind", ["static", "staticpie"])
def test_static_programs_are_refused(kind: str, tmp_path: Path) -> None:
    copy = copied(f"gcc-x86_64-none-{kind}-alone", tmp_path)
    before = copy.read_bytes()
    with pytest.raises(CannotEdit, match=r"must not be edited: it is (a )?static"):
        elf.apply(copy, (SetOwnName(name="x"),))
    assert copy.read_bytes() == before


@pytest.mark.parametrize(
    "edit",
    [
        SetOwnName(name=""),
        SetOwnName(name="a\0b"),
        SetOwnName(name="\ud800"),
        ReplaceNeeded(old=INNER, new=""),
        SetSearchPath(entries=("a:b",)),
        SetSearchPath(entries=("",)),
        SetMinimumSystem(version="1"),
    ],
)
def test_what_elf_cannot_say_is_refused(edit: Edit, tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    with pytest.raises(CannotEdit):
        elf.apply(copy, (edit,))
    assert copy.read_bytes() == sample(PLAIN).read_bytes()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from wheelfix.errors import CannotWrite
from wheelfix.formats import elf
from wheelfix.model import SetOwnName
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    elf.apply(Path(sys.argv[1]), (SetOwnName(name="x" * 5000),))
except CannotWrite as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes, as POSIX has it")
def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    root = Path(elf.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-B", "-c", FULL_DISK, str(copy)],  # -B: no bytecode is cut short
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{copy}: File too large\n"


FRONT = """
__attribute__((section(".front"), used)) const char front[256] = "must stay where it is";
#include <stdio.h>
int main(void) { puts(front); return 0; }
"""


def linked(source: Path, kind: str, first: str) -> Path:
    """Link with section `first` right behind the program headers; kind is `shared` or `pie`."""
    if shutil.which("gcc") is None or shutil.which("ld") is None:
        pytest.skip("needs gcc and GNU ld: `apt-get install gcc`")
    verbose = subprocess.run(
        ["ld", f"-{kind}", "--verbose"], capture_output=True, text=True, check=True
    )
    ahead = "+ SIZEOF_HEADERS;"
    placed = verbose.stdout.split("=" * 50)[1].replace(
        ahead, f"{ahead} {first} : {{ KEEP(*({first})) }}", 1
    )
    script, target = source.with_suffix(".ld"), source.with_name(kind)
    script.write_text(placed)
    subprocess.run(
        ["gcc", f"-{kind}", "-fPIC", f"-Wl,-T,{script}", source, "-o", target], check=True
    )
    return target


@pytest.fixture(scope="session", params=["shared", "pie"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with data right behind its program headers, which code refers to: it cannot move."""
    source = tmp_path_factory.mktemp("front") / "front.c"
    source.write_text(FRONT)
    return linked(source, str(request.param), ".front")


def test_program_headers_move_where_nothing_else_can(front: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(front, tmp_path / "copy"))
    edits = LONGER[1:]
    elf.apply(copy, edits)
    assert headers(copy)[0][0] == "PT_PHDR"
    assert headers(copy)[0][1] >= front.stat().st_size
    assert by_pyelftools(copy) == by_lief(copy) == by_us(image(copy))
    assert by_us(image(copy)) == by_us(after(image(front), edits))
    assert layout_faults(copy, 4096) == []
    assert complaints(copy) <= complaints(front)
    size, count = copy.stat().st_size, len(headers(copy))
    elf.apply(copy, (SetOwnName(name=LONG + ".2"),))
    assert copy.stat().st_size - size < 80
    assert len(headers(copy)) == count


def test_moved_program_headers_are_found_by_loaders(front: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(front, tmp_path / "copy"))
    elf.apply(copy, LONGER[1:])
    if front.name == "shared":
        assert loads(copy) == ""
        return
    qemu = shutil.which("qemu-x86_64-static")  # tells where they are as kernels before 5.18 did
    for command in ([str(copy)], [qemu, str(copy)] if qemu else []):
        if command:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stdout == "must stay where it is\n"


NOTED = """
.section .note.first, "a", @note
.balign 4
.globl noted
.type noted, @object
noted: .long 4, 4, 1
.asciz "abc"
.long 0x11223344
.size noted, . - noted
.section .note.GNU-stack, "", @progbits
"""
READ_NOTE = """
import ctypes, sys
print((ctypes.c_uint32 * 5).in_dll(ctypes.CDLL(sys.argv[1]), "noted")[4])
"""


def test_a_symbol_in_a_moved_section_follows(tmp_path: Path) -> None:
    (tmp_path / "noted.s").write_text(NOTED)
    file = linked(tmp_path / "noted.s", "shared", ".note.first")
    before, said = file.stat().st_size, complaints(file)
    elf.apply(file, LONGER[1:])
    assert any(kind == "PT_NOTE" and offset > before for kind, offset, _ in headers(file))
    done = subprocess.run(
        [sys.executable, "-c", READ_NOTE, str(file)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == 0x11223344
    assert complaints(file) <= said


def test_a_spare_program_header_is_used_first(tmp_path: Path) -> None:
    copy = copied(PLAIN, tmp_path)
    data = bytearray(copy.read_bytes())
    kinds = [kind for kind, _, _ in headers(copy)]
    at = 64 + 56 * kinds.index("PT_GNU_STACK")
    data[at : at + 4] = bytes(4)
    copy.write_bytes(data)
    elf.apply(copy, LONGER[1:])
    assert len(headers(copy)) == len(kinds)
    assert [kind for kind, _, _ in headers(copy)].count("PT_LOAD") == kinds.count("PT_LOAD") + 1
    assert layout_faults(copy, 4096) == []
    assert loads(copy) == ""
