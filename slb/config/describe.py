# SPDX-License-Identifier: BSD-3-Clause
"""What a field of the model takes, in words for an operator."""

from ipaddress import IPv4Address
from typing import Any

from msgspec import inspect

from slb.config.tree import Path
from slb.model.address import Address, AddressRange, Interface, Network
from slb.model.endpoint import Endpoint, VsKey

TEXTS: dict[Any, str] = {
    Address: "an address, 192.0.2.1",
    IPv4Address: "an IPv4 address, 192.0.2.1",
    Interface: "an address with a prefix length, 192.0.2.2/24",
    Network: "a prefix, 10.96.0.0/16",
    AddressRange: "an address or a range, 198.18.0.2-198.18.0.9",
    Endpoint: 'an address and a port in quotes, "10.10.0.1:8080"',
    VsKey: 'an address, a port and a protocol in quotes, "10.96.0.10:80/tcp"',
}


def bare(expected: inspect.Type, value: Any = None) -> inspect.Type:
    """Return the type without its metadata and without None; of several the first.

    Of mappings that differ by a tag it is the one that `value` names.
    """
    if isinstance(expected, inspect.Metadata):
        return bare(expected.type, value)
    if isinstance(expected, inspect.UnionType):
        named = (t for t in tagged(expected) if isinstance(value, dict) and _has_tag(t, value))
        usual = (t for t in expected.types if not isinstance(t, inspect.NoneType))
        return bare(next(named, None) or next(usual), value)
    return expected


def tagged(expected: inspect.Type) -> list[inspect.StructType]:
    """Return the mappings that may stand there and differ by a tag."""
    types = expected.types if isinstance(expected, inspect.UnionType) else [expected]
    return [t for t in types if isinstance(t, inspect.StructType) and t.tag_field]


def _has_tag(struct: inspect.StructType, value: dict[str, Any]) -> bool:
    return value.get(str(struct.tag_field)) == struct.tag


def one_or_list(expected: inspect.Type) -> bool:
    """Tell whether one value may stand there, or a list of such."""
    return isinstance(expected, inspect.UnionType) and any(
        isinstance(t, inspect.VarTupleType) and t.item_type in expected.types
        for t in expected.types
    )


def at(expected: inspect.Type, path: Path, value: Any = None) -> inspect.Type:
    """Return the type of what stands at `path` in `value`, or of the nearest thing around it."""
    for step in path:
        inner = bare(expected, value)
        kinds = tagged(expected)
        if one_or_list(expected) and isinstance(step, int):
            expected = inner
        elif kinds and step == kinds[0].tag_field:
            expected = inspect.LiteralType(tuple(str(kind.tag) for kind in kinds))
        elif isinstance(inner, inspect.StructType):
            expected = next((f.type for f in inner.fields if f.encode_name == step), inner)
        elif isinstance(inner, inspect.VarTupleType):
            expected = inner.item_type
        try:
            value = value[step]
        except (TypeError, KeyError, IndexError):
            value = None
    return expected


def sentence(expected: inspect.Type) -> str:
    """Say what may stand there."""
    if isinstance(expected, inspect.Metadata):
        return str((expected.extra_json_schema or {}).get("description") or sentence(expected.type))
    if one_or_list(expected):
        return f"{sentence(bare(expected))}, or a list of them"
    if words := _words_too(expected):
        return f"{' or '.join(words)}, or {sentence(bare(expected))}"
    match bare(expected):
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(v) for v in values)}"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low} to {high}"
        case inspect.BoolType():
            return "true or false"
        case inspect.VarTupleType(min_length=None):
            return "a list"
        case inspect.VarTupleType(min_length=low, max_length=high):
            return f"a list of {low} to {high}"
        case inspect.StructType(fields=fields):
            return f"a mapping with {', '.join(f.encode_name for f in fields)}"
        case inspect.CustomType(cls=cls):
            return TEXTS[cls]
        case _:
            return "a text in quotes"


def _words_too(expected: inspect.Type) -> list[str]:
    """Return the words that may stand there in place of a mapping."""
    types = expected.types if isinstance(expected, inspect.UnionType) else ()
    if not any(isinstance(t, inspect.StructType) for t in types):
        return []
    return [str(v) for t in types if isinstance(t, inspect.LiteralType) for v in t.values]
