"""The JSON files beside this module, from wherever the package was loaded."""

from __future__ import annotations

from pathlib import Path

from wheelfix.typed import Any


def policy_data(name: str) -> Any:
    """Read `name.json`, as `pkgutil.get_data` would, which is slow to import."""
    import json

    loader: Any = __spec__.loader
    return json.loads(loader.get_data(str(Path(__file__).with_name(f"{name}.json"))))
