# SPDX-License-Identifier: BSD-3-Clause
"""The frames that both sides are fed: 60-byte UDP packets, one a session, in a pcap file.

Which one it is, each says in its payload.
"""

import random
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

VIP = IPv4Address("10.96.0.10")
VIP_PORT = 80
CLIENTS = IPv4Address("203.0.113.0")
PORTS_A_CLIENT = 50_000
FIRST_PORT = 10_000
# testpmd's 5tswap does not care; the engine's port has this address.
MAC = bytes.fromhex("020000000001")
CLIENT_MAC = bytes.fromhex("020000000002")
UDP = 17
TTL = 64
PAYLOAD_AT = 42
PAYLOAD_BYTES = 18


def write(path: Path, sessions: int) -> None:
    """Write one frame for each session, shuffled, so that neighbours in the file share nothing."""
    order = list(range(sessions))
    random.Random(sessions).shuffle(order)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in map(_frame, order):
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def _frame(number: int) -> bytes:
    client, port = divmod(number, PORTS_A_CLIENT)
    addresses = (CLIENTS + client).packed + VIP.packed
    total = 20 + 8 + PAYLOAD_BYTES
    header = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0, TTL, UDP, 0) + addresses
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    ports = struct.pack("!HH", FIRST_PORT + port, VIP_PORT)
    payload = number.to_bytes(PAYLOAD_BYTES)
    udp = ports + struct.pack("!HH", 8 + len(payload), 0)
    sum_ = checksum(pseudo(addresses, len(udp + payload)) + udp + payload) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", sum_)
    return MAC + CLIENT_MAC + b"\x08\x00" + header + udp + payload


def pseudo(addresses: bytes, length: int) -> bytes:
    """What a datagram of so many bytes, header included, is summed behind."""
    return addresses + struct.pack("!BBH", 0, UDP, length)


def checksum(data: bytes) -> int:
    """RFC 1071's, of an even number of bytes; 0 where the right one is in place."""
    total = sum(_words(data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _words(data: bytes) -> Iterator[int]:
    return (word for (word,) in struct.iter_unpack("!H", data))
