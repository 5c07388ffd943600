"""Write the JSON Schema of what `--json` prints from the values themselves; `--write` saves it.

Without `--write` it says whether docs/wheelfix-json-1.schema.json is as it must be.
"""

from __future__ import annotations

import json
import sys
import types
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from wheelfix import model
from wheelfix.merging import MergeOutcome
from wheelfix.render import SCHEMA_VERSION
from wheelfix.value import fields_of, is_value_class

PAGE = Path(__file__).parent / f"wheelfix-json-{SCHEMA_VERSION}.schema.json"
TAGS = {
    **dict.fromkeys(get_args(model.Edit), "edit"),
    **dict.fromkeys(get_args(model.Provider), "by"),
}
BASIC = {str: "string", int: "integer", bool: "boolean", float: "number", type(None): "null"}


class Definitions:
    """One definition for each class, made when it is first met."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """Give the schema of a type hint."""
        kind = getattr(kind, "__supertype__", kind)
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in get_args(kind)]}
        if origin is tuple:
            return self._tuple(get_args(kind))
        if is_value_class(kind):
            return self._value(kind)
        if issubclass(kind, Enum):
            return {"enum": [each.value for each in kind]}
        return {"type": "string" if issubclass(kind, Path) else BASIC[kind]}

    def _tuple(self, inner: tuple[Any, ...]) -> dict[str, Any]:
        if inner[-1] is Ellipsis:
            return {"type": "array", "items": self.of(inner[0])}
        items = [self.of(each) for each in inner]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}

    def _value(self, kind: Any) -> dict[str, Any]:
        name = kind.__name__
        if name not in self.made:
            self.made[name] = {}
            hints = get_type_hints(kind)
            fields = {field: self.of(hints[field]) for field in fields_of(kind)}
            if kind in TAGS:
                fields[TAGS[kind]] = {"const": name}
            self.made[name] = closed(fields)
        return {"$ref": f"#/$defs/{name}"}


def closed(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an object that has these keys and no other."""
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "additionalProperties": False,
    }


def schema() -> dict[str, Any]:
    """Give the whole schema."""
    made = Definitions()
    text: dict[str, Any] = {"type": "string"}
    common = {"wheel": text, "ok": {"type": "boolean"}}
    error = dict.fromkeys(("type", "code", "subject", "problem", "hint"), text)
    error["details"] = {"type": "array", "items": text}
    links = {"type": "array", "items": made.of(model.Link)}
    answers = [
        closed(common | {"report": made.of(model.Report), "plan": made.of(model.Plan)}),
        closed(common | {"outcome": made.of(model.Outcome)}),
        closed(common | {"outcome": made.of(MergeOutcome)}),
        closed(common | {"roots": {"type": "array", "items": text}, "links": links}),
        closed(common | {"chains": {"type": "array", "items": links}}),
        closed(common | {"ok": {"const": False}, "error": closed(error)}),
    ]
    wheels = {"type": "array", "items": {"anyOf": answers}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What wheelfix prints with --json",
        **closed({"version": {"const": SCHEMA_VERSION}, "wheels": wheels}),
        "$defs": dict(sorted(made.made.items())),
    }


def text() -> str:
    """Give the file's content."""
    return json.dumps(schema(), indent=1, sort_keys=False) + "\n"


def main() -> int:
    """Give 0 when the file is as it must be, 1 when it is not."""
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text(), "utf-8", newline="\n")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text():
        return 0
    print(f"{PAGE.name} is not what --json prints\n\nhint: python docs/json_schema.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
