# SPDX-License-Identifier: BSD-3-Clause
"""Checks by a query of DNS, by UDP or over TCP.

Of an answer that repeats the question as it was asked nothing but the code is looked at; dnspython,
which takes far longer than all the rest of a check, makes the questions and reads what is unusual.
"""

import os
from collections.abc import Generator
from functools import lru_cache

import dns.exception
import dns.message
import dns.rcode

from slb.health.datagram import MAX, to
from slb.health.dial import PlainDialer
from slb.health.probe import READ, Bad, Waiting, receive
from slb.health.stream import Plain
from slb.health.target import Target
from slb.model.health import DnsCheck

# Of a message over TCP: its length.
_PREFIX = 2

# In a header (RFC 1035, 4.1.1): the identification's octets, what it is, how many questions it has.
_ID_SIZE = 2
_KIND, _ANSWER = 0xF8, 0x80
_HEADER = 12
_ONE = b"\0\1"

Answering = Generator[tuple[int, int], None, dns.rcode.Rcode]


def resolve(target: Target) -> Waiting:
    """Query, and look at the code; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, DnsCheck)
    query = os.urandom(_ID_SIZE) + _question(check.name, check.record)
    code = yield from (_by_tcp if check.protocol == "tcp" else _by_udp)(target, query)
    if (said := dns.rcode.to_text(code)) != check.rcode:
        raise Bad(f"answered {said}")


@lru_cache(16384)
def _question(name: str, record: str) -> bytes:
    """Return a query without its identification."""
    return dns.message.make_query(name, record).to_wire()[_ID_SIZE:]


def _by_udp(target: Target, query: bytes) -> Answering:
    with to(target) as sock:
        sock.send(query)
        while True:
            yield sock.fileno(), READ
            # One of another query's may be under way.
            if (code := _code(query, receive(sock, MAX))) is not None:
                return code


def _by_tcp(target: Target, query: bytes) -> Answering:
    stream = yield from PlainDialer(target).dial()
    try:
        yield from stream.send(len(query).to_bytes(_PREFIX) + query)
        head = yield from _at_least(stream, b"", _PREFIX)
        end = _PREFIX + int.from_bytes(head[:_PREFIX])
        whole = yield from _at_least(stream, head, end)
        code = _code(query, whole[_PREFIX:end])
    finally:
        stream.close()
    if code is None:
        raise Bad("answered another query")
    return code


def _code(query: bytes, answer: bytes) -> dns.rcode.Rcode | None:
    """Return the code of an answer, None of another query's; raises Bad."""
    end = len(query)
    if (
        answer[:_ID_SIZE] == query[:_ID_SIZE]
        and answer[_HEADER:end] == query[_HEADER:]
        and answer[4:6] == _ONE
        and answer[2] & _KIND == _ANSWER
    ):
        # The question has no EDNS, so the code has no more bits.
        return dns.rcode.from_flags(answer[3], 0)
    message = _read(answer)
    return message.rcode() if _read(query).is_response(message) else None


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
