# SPDX-License-Identifier: BSD-3-Clause
"""Checks by ping, on a host of its own that answers, does not, or has somebody else answer."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from unit.health_servers import ONCE, once

from rig.netns import Namespace
from rig.probes import missing
from rig.registry import Registry
from slb.model.health import IcmpCheck

PINGS = Path(__file__).parents[2] / "configs/sysctl.d/50-slb-ping.conf"
NO_ANSWERS = ("net.ipv4.icmp_echo_ignore_all=1", "net.ipv6.icmp.echo_ignore_all=1")
HEAD = 8


@pytest.fixture
def host() -> Iterator[Namespace]:
    """One with a loopback, where our package's file has been read."""
    if reason := missing("root", "netns"):
        pytest.skip(reason)
    registry = Registry.create("slbt")
    try:
        namespace = Namespace(registry, "host", ipv6=True)
        namespace.ip("link", "set", "lo", "up")
        namespace.run("sysctl", "-qp", str(PINGS))
        yield namespace
    finally:
        registry.remove()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_ping(host: Namespace, address: str) -> None:
    assert pinged(host, address) == ("up", "")
    host.run("sysctl", "-qw", *NO_ANSWERS)
    assert pinged(host, address) == ("down", "no answer within 0.4 s")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_another_answer_does_not_count(host: Namespace, address: str) -> None:
    """As one to an older ping may come, by the same socket; ours may come after it."""
    host.run("sysctl", "-qw", *NO_ANSWERS)
    with answering(host, address, lambda mark: [mark[HEAD:] + mark[:HEAD]]):
        assert pinged(host, address) == ("down", "no answer within 0.4 s")
    with answering(host, address, lambda mark: [mark[HEAD:] + mark[:HEAD], mark]):
        assert pinged(host, address) == ("up", "")


def pinged(host: Namespace, address: str) -> tuple[str, str]:
    """The state after the first ping, and its reason."""
    return host.call(partial(once, IcmpCheck(**ONCE), 0, address))


@contextmanager
def answering(
    host: Namespace, address: str, reply: Callable[[bytes], list[bytes]]
) -> Iterator[None]:
    """Have pings answered, in the kernel's stead, by these for what they carry."""
    six = ":" in address
    request, echo = (128, 129) if six else (8, 0)
    family = socket.AF_INET6 if six else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    end, ended = socket.socketpair()
    server = host.call(partial(socket.socket, family, socket.SOCK_RAW, protocol))

    def serve() -> None:
        while ended not in select.select([server, ended], [], [])[0]:
            packet, sender = server.recvfrom(65535)
            # Of IPv4 the packet's header comes along.
            text = packet if six else packet[4 * (packet[0] & 15) :]
            if text[0] != request:
                continue
            for mark in reply(text[HEAD:]):
                # Of IPv6 the kernel fills the checksum in.
                answer = bytes([echo, 0, 0, 0]) + text[4:HEAD] + mark
                total = checksum(answer).to_bytes(2)
                server.sendto(answer[:2] + total + answer[4:], sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.close()
        thread.join(5)
        server.close()
        ended.close()


def checksum(text: bytes) -> int:
    """The Internet's, of an even number of octets."""
    total = sum(int.from_bytes(text[n : n + 2]) for n in range(0, len(text), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
