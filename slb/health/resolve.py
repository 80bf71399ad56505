# SPDX-License-Identifier: BSD-3-Clause
"""Checks by a query of DNS, by UDP or over TCP."""

from collections.abc import Generator

import dns.exception
import dns.message
import dns.rcode

from slb.health.datagram import MAX, to
from slb.health.dial import PlainDialer
from slb.health.probe import READ, Bad, Waiting
from slb.health.stream import Plain
from slb.health.target import Target
from slb.model.health import DnsCheck

# Of a message over TCP: its length.
_PREFIX = 2

Answering = Generator[tuple[int, int], None, dns.message.Message]


def resolve(target: Target) -> Waiting:
    """Query, and look at the code; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, DnsCheck)
    query = dns.message.make_query(check.name, check.record)
    answer = yield from (_by_tcp if check.protocol == "tcp" else _by_udp)(target, query)
    if (code := dns.rcode.to_text(answer.rcode())) != check.rcode:
        raise Bad(f"answered {code}")


def _by_udp(target: Target, query: dns.message.Message) -> Answering:
    with to(target) as sock:
        sock.send(query.to_wire())
        while True:
            yield sock.fileno(), READ
            answer = _read(sock.recv(MAX))
            # One of another query's may be under way.
            if query.is_response(answer):
                return answer


def _by_tcp(target: Target, query: dns.message.Message) -> Answering:
    stream = yield from PlainDialer(target).dial()
    try:
        text = query.to_wire()
        yield from stream.send(len(text).to_bytes(_PREFIX) + text)
        head = yield from _at_least(stream, b"", _PREFIX)
        end = _PREFIX + int.from_bytes(head[:_PREFIX])
        whole = yield from _at_least(stream, head, end)
        answer = _read(whole[_PREFIX:end])
    finally:
        stream.close()
    if not query.is_response(answer):
        raise Bad("answered another query")
    return answer


def _at_least(stream: Plain, text: bytes, size: int) -> Generator[tuple[int, int], None, bytes]:
    while len(text) < size:
        more = yield from stream.receive()
        if not more:
            raise Bad("closed without an answer")
        text += more
    return text


def _read(text: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(text, ignore_trailing=True)
    except dns.exception.DNSException as error:
        raise Bad(f"no DNS answer: {error}") from None
