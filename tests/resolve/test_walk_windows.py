"""Windows' loader goes by the names of files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.facts import wheel_info
from support.machines import Machine, said

from wheelfix.formats import pe
from wheelfix.host import Host
from wheelfix.hostfile import HostFile
from wheelfix.model import Artifact, Options, WheelPath
from wheelfix.resolve.walk import Walk

SAMPLES = Path(__file__).parents[2] / "testdata" / "pe"


def member(path: str, sample: str) -> Artifact:
    with HostFile(SAMPLES / f"lld-amd64-lib-{sample}.dll") as source:
        images = pe.read(source, watch={})
        return Artifact(
            place=WheelPath(path), format="pe", images=images, size=source.size, mode=0o644
        )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("pkg/leaf.dll", "Missing"),
        ("pkg/inner-0123456789abcdef.dll", "Missing"),
        ("pkg/INNER.Dll", "pkg/INNER.Dll"),
        ("other/inner.dll", "other/inner.dll (lost)"),
    ],
)
def test_the_name_inside_a_dll_is_nobodys_name(path: str, expected: str) -> None:
    """An export directory still says `inner.dll` when the file has another name."""
    artifacts = (member("pkg/a.pyd", "outer"), member(path, "inner"))
    assert "inner.dll" in {image.own_name for image in artifacts[1].images}
    walk = Walk(
        wheel=wheel_info("pkg-1.0-cp311-cp311-win_amd64.whl"),
        artifacts=artifacts,
        host=Machine([], {}),
        options=Options(),
        watch={},
    )
    for artifact in artifacts:
        walk.from_root(artifact)
    assert {link.needed: said(link) for link in walk.sorted_links()} == {"inner.dll": expected}


@pytest.mark.parametrize("given", [True, False], ids=["--lib-path", "PATH"])
def test_a_dll_of_wine_is_not_taken(given: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A search on Linux meets them, under the names of Windows' own; they need Wine's kernel."""
    data = bytearray((SAMPLES / "lld-amd64-lib-inner.dll").read_bytes())
    data[64:80] = b"Wine builtin DLL"
    (tmp_path / "inner.dll").write_bytes(data)
    walk = Walk(
        wheel=wheel_info("pkg-1.0-cp311-cp311-win_amd64.whl"),
        artifacts=(member("pkg/a.pyd", "outer"),),
        host=Host({} if given else {"PATH": str(tmp_path)}),
        options=Options(lib_paths=(tmp_path,) if given else ()),
        watch={},
    )
    walk.from_root(member("pkg/a.pyd", "outer"))
    (link,) = walk.sorted_links()
    assert said(link) == "Missing"
    assert "a part of Wine" in str(link.tried)
