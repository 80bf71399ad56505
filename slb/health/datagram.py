# SPDX-License-Identifier: BSD-3-Clause
"""Checks by one datagram and its answer: UDP, ICMP echo."""

import os
import socket
import struct

from slb.health.probe import READ, Bad, Waiting, family, receive
from slb.health.target import Target
from slb.model.health import UdpCheck, octets

MAX = 65535
_ECHO = {4: (8, 0), 6: (128, 129)}


def udp(target: Target) -> Waiting:
    """Send, and look at what comes; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, UdpCheck)
    with to(target) as sock:
        sock.send(octets(check.send))
        yield sock.fileno(), READ
        if octets(check.expect) not in receive(sock, MAX):
            raise Bad("the answer lacks what is expected")


def echo(target: Target) -> Waiting:
    """Ping; raises Bad, OSError.

    The socket is one that needs no privilege, where net.ipv4.ping_group_range allows it.
    """
    version = target.at.address.version
    request, reply = _ECHO[version]
    protocol = socket.IPPROTO_ICMPV6 if version == 6 else socket.IPPROTO_ICMP
    mark = os.urandom(16)
    # The kernel fills in identifier and checksum.
    head = struct.pack("!BBHHH", request, 0, 0, 0, 1)
    with socket.socket(family(target), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol) as sock:
        sock.connect((str(target.at.address), 0))
        sock.send(head + mark)
        while True:
            yield sock.fileno(), READ
            packet = receive(sock, MAX)
            if packet[:1] == bytes([reply]) and packet[8:] == mark:
                return


def to(target: Target) -> socket.socket:
    """Return a UDP socket that speaks with a target alone."""
    sock = socket.socket(family(target), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.connect((str(target.at.address), target.at.port))
    except OSError:
        sock.close()
        raise
    return sock
