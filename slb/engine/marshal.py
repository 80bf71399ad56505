# SPDX-License-Identifier: BSD-3-Clause
"""Addresses, endpoints and ops between the model and the structs of slb_abi.h."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from socket import htons, ntohs
from typing import Any

from slb.engine.binding import ffi, names, value
from slb.model.address import Address
from slb.model.endpoint import Endpoint, VsKey
from slb.model.op import Op
from slb.model.policy import Policy
from slb.model.session_filter import Peer


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
    array = ffi.new("struct slb_op[]", len(ops))
    for row, op in zip(array, ops, strict=True):
        row.kind = value(f"SLB_OP_{op.kind.name}")
        put_endpoint(row.vs, op.vs)
        if op.rs is not None:
            put_endpoint(row.rs, op.rs)
        if op.policy is not None:
            _put_policy(row, op.policy)
        row.weight = op.weight or 0
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


def _put_policy(row: Any, policy: Policy) -> None:
    row.scheduler = value(f"SLB_SCHED_{policy.scheduler.upper()}")
    row.one_packet = policy.one_packet
    how = policy.client_address.upper().replace("-", "_")
    row.client_address = value(f"SLB_CLIENT_ADDRESS_{how}")
    row.syn_proxy = policy.syn_proxy
    put_timeouts(row.timeout_s, policy.timeouts.given())
