"""Entitlements: what needs a provisioning profile goes, the rest is encoded as Apple does it."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest
from support.tiny_macho import blob

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho.entitlements import der, is_restricted, permitted

JIT = "com.apple.security.cs.allow-jit"
VALIDATION = "com.apple.security.cs.disable-library-validation"

# The DER entitlements of Node.js as its makers signed it, from a published wheel of Playwright.
NODE = (
    "com.apple.security.cs.allow-jit",
    "com.apple.security.cs.allow-unsigned-executable-memory",
    "com.apple.security.cs.disable-executable-page-protection",
    "com.apple.security.cs.allow-dyld-environment-variables",
    "com.apple.security.cs.disable-library-validation",
    "com.apple.security.get-task-allow",
)
NODE_DER = bytes.fromhex(
    "70820145020101b082013e303b0c36636f6d2e6170706c652e73656375726974792e63732e616c6c6f772d64"
    "796c642d656e7669726f6e6d656e742d7661726961626c65730101ff30240c1f636f6d2e6170706c652e7365"
    "6375726974792e63732e616c6c6f772d6a69740101ff303b0c36636f6d2e6170706c652e7365637572697479"
    "2e63732e616c6c6f772d756e7369676e65642d65786563757461626c652d6d656d6f72790101ff303d0c3863"
    "6f6d2e6170706c652e73656375726974792e63732e64697361626c652d65786563757461626c652d70616765"
    "2d70726f74656374696f6e0101ff30350c30636f6d2e6170706c652e73656375726974792e63732e64697361"
    "626c652d6c6962726172792d76616c69646174696f6e0101ff30260c21636f6d2e6170706c652e7365637572"
    "6974792e6765742d7461736b2d616c6c6f770101ff"
)


def xml(claims: dict[str, Any]) -> bytes:
    return blob(0xFADE7171, plistlib.dumps(claims))


def test_der_is_apples_to_the_byte() -> None:
    assert der(dict.fromkeys(NODE, True)) == NODE_DER


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (True, "0101ff"),
        (False, "010100"),
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        ("ab", "0c026162"),
        (b"\1\2", "04020102"),
        (["a", True], "30060c01610101ff"),
        ({"b": 1, "a": "x"}, "b01030060c01610c01783006" + "0c0162020101"),
    ],
    ids=repr,
)
def test_der_of_every_kind_of_value(value: object, encoded: str) -> None:
    pair = bytes.fromhex("0c0161") + bytes.fromhex(encoded)
    inner = b"\x30" + bytes([len(pair)]) + pair
    outer = b"\2\1\1\xb0" + bytes([len(inner)]) + inner
    assert der({"a": value}) == b"\x70" + bytes([len(outer)]) + outer


def test_long_values_have_long_lengths() -> None:
    assert bytes.fromhex("0c8200c8") not in der({"a": "x" * 200})
    assert bytes.fromhex("0c81c8") + b"x" * 200 in der({"a": "x" * 200})
    assert bytes.fromhex("0c8203e8") + b"x" * 1000 in der({"a": "x" * 1000})


@pytest.mark.parametrize(
    "name",
    [
        "com.apple.developer.team-identifier",
        "com.apple.private.virtualization",
        "com.apple.application-identifier",
        "com.apple.security.application-groups",
        "com.apple.vm.networking",
        "application-identifier",
        "keychain-access-groups",
    ],
)
def test_what_needs_a_provisioning_profile_is_restricted(name: str) -> None:
    assert is_restricted(name)


@pytest.mark.parametrize(
    "name", [JIT, VALIDATION, "com.apple.security.app-sandbox", "com.apple.security.hypervisor"]
)
def test_sandbox_and_hardened_runtime_are_not_restricted(name: str) -> None:
    assert not is_restricted(name)


def test_restricted_ones_go_and_are_named() -> None:
    claims = {JIT: True, "keychain-access-groups": ["T.x"], "com.apple.developer.x": "y"}
    left = permitted(xml(claims))
    assert left.dropped == ("com.apple.developer.x", "keychain-access-groups")
    assert plistlib.loads(left.xml[8:]) == {JIT: True}
    assert left.der[8:] == der({JIT: True})
    assert int.from_bytes(left.xml[4:8], "big") == len(left.xml)
    assert int.from_bytes(left.der[4:8], "big") == len(left.der)


def test_nothing_dropped_leaves_the_xml_as_it_was_written() -> None:
    original = xml({VALIDATION: True, JIT: False})
    assert permitted(original).xml == original


def test_nothing_left_leaves_no_blob() -> None:
    left = permitted(xml({"keychain-access-groups": []}))
    assert (left.xml, left.der) == (b"", b"")
    assert left.dropped


def test_a_debugger_is_let_in_only_by_true() -> None:
    name = "com.apple.security.get-task-allow"
    assert permitted(xml({name: True})).debuggable
    assert not permitted(xml({name: False})).debuggable


def one_dropped(kept: str) -> bytes:
    """Write a list of which one entry stays, with this value: what stays must be written anew."""
    dropped = "<key>keychain-access-groups</key><array/>"
    return f"<plist><dict><key>{JIT}</key>{kept}{dropped}</dict></plist>".encode()


def nested(depth: int) -> Any:
    value: Any = True
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff",
        b"bplist00",
        b"<plist><dict><key>a</key></dict></plist>",
        b"<plist><dict><key>com.apple.security.a</key><integer>x</integer></dict></plist>",
        b"<plist><array/></plist>",
        plistlib.dumps({JIT: 1.5}),
        plistlib.dumps({JIT: nested(40)}),
        one_dropped("<array>" * 5000 + "</array>" * 5000),
        one_dropped(f"<integer>{1 << 64}</integer>"),
        b'<!DOCTYPE x [<!ENTITY e "v">]><plist><dict><key>&e;</key><true/></dict></plist>',
    ],
    ids=range(11),
)
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(CannotEdit, match="entitlements cannot be read"):
        permitted(blob(0xFADE7171, content))
