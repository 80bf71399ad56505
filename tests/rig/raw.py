# SPDX-License-Identifier: BSD-3-Clause
"""A host without a kernel's TCP: packets as bytes, to and from a link."""

import socket
import struct
import time
from collections.abc import Callable

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

from rig.addresses import V4, family_of
from rig.netns import Namespace
from rig.waiting import RigError

LAYERS = {0x0800: IP, 0x86DD: IPv6}


class Raw:
    """Sends by the kernel's routes, and sees everything on eth0, both ways."""

    def __init__(self, namespace: Namespace) -> None:
        """Open the sockets in `namespace`."""
        self._out4, self._out6, self._seen = namespace.call(_open)

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._out4, self._out6, self._seen):
            each.close()

    def send(self, packet: bytes) -> None:
        """Send a packet of either family."""
        if packet[0] >> 4 == 4:
            self._out4.sendto(packet, (socket.inet_ntop(socket.AF_INET, packet[16:20]), 0))
        else:
            self._out6.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))

    def see(self, wanted: Callable[[IP | IPv6], bool], timeout: float = 5) -> IP | IPv6:
        """Wait for a packet; those that come before it are gone. Raises RigError."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._seen.settimeout(left)
            try:
                data, source = self._seen.recvfrom(65536)
            except TimeoutError:
                break
            layer = LAYERS.get(source[1])
            if layer is not None and wanted(packet := layer(data)):
                return packet
        raise RigError("the packet that was waited for did not come")

    def forget(self) -> None:
        """What was seen so far no longer counts."""
        self._seen.settimeout(0)
        try:
            while True:
                self._seen.recv(65536)
        except BlockingIOError:
            pass


def _open() -> tuple[socket.socket, socket.socket, socket.socket]:
    out4, out6 = (
        socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for family in (socket.AF_INET, socket.AF_INET6)
    )
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    seen.bind(("eth0", 3))
    return out4, out6, seen


def flood_syn(target: tuple[str, int], number: int) -> bytes:
    """The SYN of one of very many clients, its TCP checksum wrong: no server answers it."""
    host, port = divmod(number, 60_000)
    tcp = struct.pack("!HHIIBBHHH", 1024 + port, target[1], number, 0, 0x50, 2, 1024, 0, 0)
    if family_of(target[0]) is V4:
        source, vip = bytes((203, 0, 113, 128 + host)), socket.inet_aton(target[0])
        return struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + vip + tcp
    source = socket.inet_pton(socket.AF_INET6, f"2001:db8:203::{0x80 + host:x}")
    vip = socket.inet_pton(socket.AF_INET6, target[0])
    return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + source + vip + tcp
