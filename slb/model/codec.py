# SPDX-License-Identifier: BSD-3-Clause
"""JSON and plain values to and from the model's types; the one place that knows their texts."""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, TypeVar

import msgspec

from slb.model.address import (
    Address,
    AddressRange,
    Interface,
    Network,
    parse_address,
    parse_interface,
    parse_ipv4,
    parse_network,
)
from slb.model.endpoint import Endpoint, VsKey

T = TypeVar("T")

PARSERS: dict[Any, Callable[[str], Any]] = {
    Address: parse_address,
    IPv4Address: parse_ipv4,
    Interface: parse_interface,
    Network: parse_network,
    AddressRange: AddressRange.parse,
    Endpoint: Endpoint.parse,
    VsKey: VsKey.parse,
}


def from_text(kind: type, value: Any) -> Any:
    """Build one of the model's own types from its text; raises TextError, TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return PARSERS[kind](value)


def decode(body: bytes | str, kind: type[T]) -> T:
    """Decode JSON; raises msgspec.MsgspecError with the path of the wrong field."""
    return msgspec.json.decode(body, type=kind, dec_hook=from_text)


def encode(value: Any) -> bytes:
    """Encode a model value as JSON."""
    return msgspec.json.encode(value, enc_hook=str)


def convert(value: Any, kind: type[T]) -> T:
    """Turn plain values into `kind`; raises msgspec.ValidationError with the path."""
    return msgspec.convert(value, kind, dec_hook=from_text)


def to_plain(value: Any) -> Any:
    """Turn a model value into plain dicts, lists, numbers and texts."""
    return msgspec.to_builtins(value, enc_hook=str)
