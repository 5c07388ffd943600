"""The files of data beside this module, from wherever the package was loaded."""

from __future__ import annotations

from pathlib import Path

from wheelfix.typed import Any


def policy_data(name: str) -> Any:
    """Read `name.json`."""
    import json

    return json.loads(policy_text(f"{name}.json"))


def policy_text(file: str) -> str:
    """Read a file, as `pkgutil.get_data` would, which is slow to import."""
    loader: Any = __spec__.loader
    data: bytes = loader.get_data(str(Path(__file__).with_name(file)))
    return data.decode("utf-8")
