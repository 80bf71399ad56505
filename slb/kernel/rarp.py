# SPDX-License-Identifier: BSD-3-Clause
"""Has the switches of a link learn where a MAC is, by a broadcast that nobody answers.

A reverse ARP request for one's own MAC (RFC 903) needs no address and means nothing to hosts; it is
what hypervisors send when a guest has moved.
"""

import struct
from socket import AF_PACKET, SOCK_RAW, socket

from slb.errors import KernelError

ETHERTYPE = 0x8035
ETHERNET, IPV4, REQUEST_REVERSE = 1, 0x0800, 3
BROADCAST = b"\xff" * 6
LEAST = 60


def frame(mac: bytes) -> bytes:
    """Return the whole frame, padded to Ethernet's least length."""
    head = BROADCAST + mac + struct.pack("!H", ETHERTYPE)
    body = struct.pack("!HHBBH", ETHERNET, IPV4, 6, 4, REQUEST_REVERSE)
    return (head + body + (mac + bytes(4)) * 2).ljust(LEAST, b"\0")


def announce(interface: str, mac: str) -> None:
    """Send it out of a kernel interface; raises KernelError."""
    try:
        with socket(AF_PACKET, SOCK_RAW) as out:
            out.bind((interface, 0))
            out.send(frame(bytes.fromhex(mac.replace(":", ""))))
    except OSError as error:
        raise KernelError(f"{interface}: {error.strerror}") from None
