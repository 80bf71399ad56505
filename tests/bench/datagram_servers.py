# SPDX-License-Identifier: BSD-3-Clause
"""One process that answers UDP and DNS checks as all RS, from the address that was asked."""

import socket
import struct

from rig import dns

# Of <asm-generic/socket.h> and <linux/in.h>, not named by Python 3.11; and its struct in_pktinfo.
SO_RCVBUFFORCE = 33
IP_PKTINFO = 8
_PKTINFO = struct.Struct("i4s4s")
MOST = 2048


def listening() -> socket.socket:
    """Return a socket for every address of the host."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    sock.bind(("0.0.0.0", 0))
    return sock


def serve(sock: socket.socket) -> None:
    """Answer for ever: a query of DNS as such, anything else by the same again."""
    room = socket.CMSG_SPACE(_PKTINFO.size)
    while True:
        packet, said, _, client = sock.recvmsg(MOST, room)
        _, asked, _ = _PKTINFO.unpack(said[0][2])
        how = _PKTINFO.pack(0, asked, bytes(4))
        sock.sendmsg([_answer(packet)], [(socket.IPPROTO_IP, IP_PKTINFO, how)], 0, client)


def _answer(packet: bytes) -> bytes:
    try:
        return dns.answer(dns.question(packet), "rs", ["10.0.0.1"])
    except ValueError:
        return packet
