# SPDX-License-Identifier: BSD-3-Clause
"""A client's segments with what tells its address, and an RS's without what it says of that.

Written from TOA's and the PROXY protocol's definitions, on whole frames; checksums stay as wrong as
they were.
"""

from collections.abc import Callable
from ipaddress import ip_address

from packets.nat import (
    ACK_FLAG,
    IP_AT,
    IPV6_HEADER,
    OPTION_END,
    OPTION_NOP,
    OPTION_SACK,
    as_wrong,
    endpoints,
    ip_length,
    is_v6,
    l4_at,
    tcp_options,
)

TOA, FAST_OPEN = 254, 34
PUSH = 0x08
HEADER_MOST = 60
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
MODULO = 1 << 32


def toa(client: tuple[str, int]) -> bytes:
    """The option that tells a client."""
    value = client[1].to_bytes(2, "big") + ip_address(client[0]).packed
    return bytes([TOA, 2 + len(value)]) + value


def proxy_header(client: tuple[str, int], service: tuple[str, int]) -> bytes:
    """PROXY protocol, version 2, command PROXY, over TCP."""
    both = ip_address(client[0]).packed + ip_address(service[0]).packed
    ports = client[1].to_bytes(2, "big") + service[1].to_bytes(2, "big")
    family = 0x11 if len(both) == 8 else 0x21
    return SIGNATURE + bytes([0x21, family]) + len(both + ports).to_bytes(2, "big") + both + ports


def header_of(frame: bytes) -> bytes:
    """The PROXY header of a client's connection."""
    return proxy_header(*endpoints(frame))


def with_toa(frame: bytes) -> bytes:
    """A client's segment with the option behind those it has."""
    l4 = l4_at(frame)
    data = l4 + (frame[l4 + 12] >> 4) * 4
    end = l4 + 20
    for at, _, length in tcp_options(frame):
        end = at + length
    while end < data and frame[end] == OPTION_NOP:
        end += 1
    option = toa(endpoints(frame)[0])
    options = frame[l4 + 20 : end] + option
    options = options.ljust(max(-(-len(options) // 4) * 4, data - l4 - 20), b"\0")
    assert len(options) <= HEADER_MOST - 20 and (end == data or frame[end] == OPTION_END)
    changed = bytearray(frame[: l4 + 20] + options + frame[data:])
    changed[l4 + 12] = (20 + len(options)) // 4 << 4 | frame[l4 + 12] & 15
    return _longer(frame, changed, l4 + 20 + len(options) - data)


def without_options(frame: bytes, *kinds: int) -> bytes:
    """The segment with NOPs in place of options of these kinds."""
    changed = bytearray(frame)
    for at, kind, length in tcp_options(frame):
        if kind in kinds:
            changed[at : at + length] = bytes([OPTION_NOP]) * length
    return as_wrong(bytes(changed), frame)


def with_header(frame: bytes) -> bytes:
    """A client's segment with the PROXY header before its data."""
    l4, header = l4_at(frame), header_of(frame)
    data = l4 + (frame[l4 + 12] >> 4) * 4
    changed = bytearray(frame[:data] + header + frame[data:])
    if data == IP_AT + ip_length(frame):
        changed[l4 + 13] |= PUSH
    return _longer(frame, changed, len(header))


def behind(frame: bytes) -> bytes:
    """A client's segment whose data is behind the PROXY header."""
    return _with_numbers(frame, (l4_at(frame) + 4,), lambda n: n + len(header_of(frame)))


def counted(frame: bytes, first: int, header: int) -> bytes:
    """An RS's segment as one that has had no header: its `first` byte has the header before it."""
    l4 = l4_at(frame)
    places = [l4 + 8] if frame[l4 + 13] & ACK_FLAG else []
    for at, kind, length in tcp_options(frame):
        if kind == OPTION_SACK and length % 8 == 2:
            places += range(at + 2, at + length, 4)

    def less(number: int) -> int:
        ahead = (number - first) % MODULO
        return number - min(ahead, header) if ahead < MODULO // 2 else number

    return _with_numbers(frame, places, less)


def _with_numbers(
    frame: bytes, places: "tuple[int, ...] | list[int]", change: Callable[[int], int]
) -> bytes:
    changed = bytearray(frame)
    for at in places:
        number = change(int.from_bytes(frame[at : at + 4], "big")) % MODULO
        changed[at : at + 4] = number.to_bytes(4, "big")
    return as_wrong(bytes(changed), frame)


def _longer(before: bytes, changed: bytearray, more: int) -> bytes:
    """The frame with a length that says so."""
    length = ip_length(before) + more
    if is_v6(before):
        changed[IP_AT + 4 : IP_AT + 6] = (length - IPV6_HEADER).to_bytes(2, "big")
    else:
        changed[IP_AT + 2 : IP_AT + 4] = length.to_bytes(2, "big")
    return as_wrong(bytes(changed), before)
