# SPDX-License-Identifier: BSD-3-Clause
"""Addresses, endpoints and ops between the model and the structs of slb_abi.h."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from socket import htons, ntohs
from typing import Any

from slb.engine.binding import ffi, names, value
from slb.engine.rows import layout
from slb.model.address import Address
from slb.model.endpoint import PARSED, Endpoint, VsKey
from slb.model.op import Op, OpKind
from slb.model.policy import Policy
from slb.model.reset import Reset
from slb.model.session_filter import Peer

POLICIES = 1024
_OP = layout(
    "struct slb_op",
    *("kind", "scheduler", "weight", "one_packet", "client_address", "syn_proxy"),
    *("vs", "rs", "timeout_s"),
)


def put_address(field: Any, address: Address) -> None:
    """Write an address into a struct slb_address."""
    field.family = address.version
    ffi.memmove(field.bytes, address.packed, len(address.packed))


def get_address(field: Any) -> Address:
    """Read a struct slb_address."""
    if field.family == 6:
        return IPv6Address(bytes(field.bytes))
    return IPv4Address(bytes(field.bytes)[:4])


def put_endpoint(field: Any, endpoint: Endpoint | Peer) -> None:
    """Write an endpoint, with its protocol where it is a VS's key."""
    put_address(field.addr, endpoint.address)
    field.port_be = htons(endpoint.port)
    if isinstance(endpoint, VsKey):
        field.proto = value(f"SLB_PROTO_{endpoint.proto.upper()}")


def get_endpoint(field: Any) -> Endpoint:
    """Read an address and a port."""
    return Endpoint(get_address(field.addr), ntohs(field.port_be))


@lru_cache(PARSED)
def rs_of(octets: bytes) -> Endpoint:
    """Read an RS as it lies in memory."""
    return get_endpoint(ffi.from_buffer("struct slb_endpoint *", octets))


@lru_cache(PARSED)
def vs_of(octets: bytes) -> VsKey:
    """Read a VS's key as it lies in memory."""
    return Keys().vs(ffi.from_buffer("struct slb_endpoint *", octets))


@lru_cache(PARSED)
def rs_text(octets: bytes) -> str:
    """Read an RS as it lies in memory, as a text."""
    return str(rs_of(octets))


@lru_cache(PARSED)
def vs_text(octets: bytes) -> str:
    """Read a VS's key as it lies in memory, as a text."""
    return str(vs_of(octets))


class Keys:
    """Reads VS keys; holds the names of protocols for the length of one listing."""

    def __init__(self) -> None:
        self._protocols = {n: s.lower() for n, s in names("slb_proto", "SLB_PROTO_").items()}

    def vs(self, field: Any) -> VsKey:
        """Read a VS's key."""
        proto = self._protocols.get(field.proto, str(field.proto))
        return VsKey(get_address(field.addr), ntohs(field.port_be), proto)


def put_mac(field: Any, mac: str) -> None:
    """Write a MAC into six octets."""
    ffi.memmove(field, bytes.fromhex(mac.replace(":", "")), 6)


def get_mac(field: Any) -> str:
    """Read six octets as a MAC."""
    return bytes(field).hex(":")


def put_ops(ops: Sequence[Op]) -> Any:
    """Return the ops as an array of struct slb_op."""
    kinds = {kind: value(f"SLB_OP_{kind.name}") for kind in OpKind}
    array = ffi.new("struct slb_op[]", len(ops))
    buffer, at, vs = ffi.buffer(array), 0, None
    for op in ops:
        if op.vs is not vs:  # those of one VS mostly come together
            vs, key = op.vs, _octets(op.vs)
        rs = b"" if op.rs is None else _octets(op.rs)
        scheduler, one_packet, tells, syn_proxy, timeouts = _policy(op.policy)
        numbers = (kinds[op.kind], scheduler, op.weight or 0, one_packet, tells, syn_proxy)
        _OP.pack_into(buffer, at, *numbers, key, rs, timeouts)
        at += _OP.size
    return array


def put_resets(resets: Sequence[Reset]) -> Any:
    """Return whose sessions are to end as an array of struct slb_reset."""
    array = ffi.new("struct slb_reset[]", len(resets))
    for row, reset in zip(array, resets, strict=True):
        put_endpoint(row.vs, reset.vs)
        if reset.rs is not None:
            put_endpoint(row.rs, reset.rs)
    return array


def put_laddrs(laddrs: Sequence[tuple[Address, int]]) -> Any:
    """Return local addresses, each with its port, as an array of struct slb_laddr."""
    array = ffi.new("struct slb_laddr[]", len(laddrs))
    for row, (address, port) in zip(array, laddrs, strict=True):
        put_address(row.addr, address)
        row.port = port
    return array


def put_timeouts(field: Any, seconds: Mapping[str, int]) -> None:
    """Write seconds by the name of their state into an array over enum slb_tcp_state."""
    for name, number in seconds.items():
        field[value(f"SLB_{name.upper()}")] = number


@lru_cache(POLICIES)
def _policy(policy: Policy | None) -> tuple[int, int, int, int, bytes]:
    """A policy as the fields of an op, in their order; None: none."""
    row = ffi.new("struct slb_op *")
    if policy is not None:
        row.scheduler = value(f"SLB_SCHED_{policy.scheduler.upper()}")
        row.one_packet = policy.one_packet
        how = policy.client_address.upper().replace("-", "_")
        row.client_address = value(f"SLB_CLIENT_ADDRESS_{how}")
        row.syn_proxy = policy.syn_proxy
        put_timeouts(row.timeout_s, policy.timeouts.given())
    _, scheduler, _, *flags, _, _, timeouts = _OP.unpack(ffi.buffer(row))
    return (scheduler, *flags, timeouts)


@lru_cache(PARSED)
def _octets(endpoint: Endpoint) -> bytes:
    """An endpoint as it lies in memory."""
    field = ffi.new("struct slb_endpoint *")
    put_endpoint(field, endpoint)
    return bytes(ffi.buffer(field))
