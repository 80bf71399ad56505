# SPDX-License-Identifier: BSD-3-Clause
"""OSPFv3's signature on the wire, computed here as RFC 7166 says, without another router.

lb ── slb0 fe80::2, slbd's BIRD ───── lan0 ── switch, which listens
"""

import hmac
import socket
from ipaddress import IPv6Address
from typing import Any

import pytest
from netns.bird_lan import LB_LINK, Lan

from ospf.model import IPV6
from slb.model.config import Ospf, OspfAuth, OspfKey

pytestmark = pytest.mark.netns

SECRETS = {"/first": "the-one-that-signs", "/second": "the-one-that-is-accepted"}
KEYS = (OspfKey(201, "/first"), OspfKey(7, "/second"))
OSPF, IPV6_TYPE = 89, 0x86DD
# Of the frame, of IPv6, and of the trailer before its data.
ETHERNET, HEADER, TRAILER = 14, 40, 16
APAD = bytes.fromhex("878fe1f3")
HEARD_S = 20


def hello(listening: socket.socket) -> tuple[bytes, bytes]:
    """The LB's next packet of OSPF, and what follows it."""
    while True:
        frame = listening.recv(2048)
        packet = frame[ETHERNET:]
        source = IPv6Address(packet[8:24])
        if packet[6] == OSPF and source == IPv6Address(LB_LINK):
            payload = packet[HEADER : HEADER + int.from_bytes(packet[4:6])]
            length = int.from_bytes(payload[2:4])
            return payload[:length], payload[length:]


def listen() -> socket.socket:
    """A socket that has every packet of the link."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV6_TYPE))
    made.bind(("lan0", 0))
    made.settimeout(HEARD_S)
    return made


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_the_first_key_signs(lan: Lan, bits: int) -> None:
    """HMAC over the packet and its trailer, with the source's address in the place of the data."""
    algorithm: Any = f"hmac-sha-{bits}"
    ospf = Ospf(mode="managed", auth=OspfAuth(algorithm, KEYS))
    with lan.switch.call(listen) as listening:
        lan.announcer(ospf, "ptp", (IPV6,), SECRETS)
        packet, trailer = hello(listening)
    # Type HMAC, its length, the association: the key's id, in full.
    assert trailer[:8].hex() == f"0001{TRAILER + bits // 8:04x}0000{KEYS[0].id:04x}"
    assert len(trailer) == TRAILER + bits // 8
    # The key has the number of the protocol, OSPFv3, behind it (sections 4.5 and 7).
    key = SECRETS["/first"].encode() + b"\x00\x01"
    address = IPv6Address(LB_LINK).packed
    filled = trailer[:TRAILER] + (address + APAD * 12)[: bits // 8]
    digest = hmac.digest(key, packet + filled, f"sha{bits}")
    assert trailer[TRAILER:] == digest
