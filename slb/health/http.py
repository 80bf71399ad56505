# SPDX-License-Identifier: BSD-3-Clause
"""Checks by HTTP, with and without TLS: a request, and its answer as far as it matters."""

import re
from collections.abc import Generator
from functools import partial

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from slb.health.dial import PlainDialer, TlsDialer
from slb.health.kept import checks
from slb.health.probe import Bad, Waiting
from slb.health.stream import Stream
from slb.health.target import Target
from slb.model.health import HttpCheck, HttpsCheck

MAX_ANSWER = 64 << 10
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")
# A status line that is longer is none.
_MAX_LINE = 64


def http(target: Target) -> Waiting:
    """Ask, and look at status and body; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, HttpCheck)
    return checks(PlainDialer(target), partial(_Talk, target, check), check.reuse_s)


def https(target: Target) -> Waiting:
    """The same by TLS; raises Bad, OSError."""
    check = target.check
    assert isinstance(check, HttpsCheck)
    dialer = TlsDialer(target, check.host, check.verify)
    return checks(dialer, partial(_Talk, target, check), check.reuse_s)


class _Talk:
    """Requests over one connection, each after the answer to the one before."""

    __slots__ = ("_check", "_request", "heard", "stream")

    def __init__(self, target: Target, check: HttpCheck, stream: Stream) -> None:
        self.stream = stream
        self.heard = False
        self._check = check
        text = f"{check.method} {check.path} HTTP/1.1\r\nHost: {check.host or target.at}\r\n"
        text += "User-Agent: slb-agent\r\nAccept: */*\r\n"
        text += "\r\n" if check.reuse_s else "Connection: close\r\n\r\n"
        self._request = text.encode()

    def rests(self) -> bool:
        """Tell whether nothing has come unasked, the end included."""
        return self.stream.come() is None

    def ask(self) -> Generator[tuple[int, int], None, bool]:
        """Ask once; tells whether the connection serves for more. Raises Bad, OSError."""
        self.heard = False
        yield from self.stream.send(self._request)
        answer = _Answer(self._check)
        while not answer.settled():
            more = yield from self.stream.receive()
            if not more:
                break
            self.heard = True
            answer.take(more)
        answer.judge()
        return answer.whole and answer.keeps


def _parser(answer: "_Answer") -> HttpResponseParser:
    parser = HttpResponseParser(answer)
    # Servers that are careless are up all the same.
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_chunked_length=True,
        lenient_transfer_encoding=True,
        lenient_optional_cr_before_lf=True,
        lenient_spaces_after_chunk_size=True,
    )
    return parser


class _Answer:
    """What has come. Of an answer that need not end nothing but its first line is looked at."""

    def __init__(self, check: HttpCheck) -> None:
        self.keeps = False
        self.whole = False
        self._check = check
        self._wanted = check.body.encode()
        self._text = bytearray()
        self._body = bytearray()
        # The parser knows this object, which therefore must not know it for long.
        self._parser = _parser(self) if check.body or check.reuse_s else None

    def take(self, more: bytes) -> None:
        """Take what came."""
        self._text += more
        if self._parser is None:
            return
        try:
            self._parser.feed_data(more)
        except (HttpParserError, HttpParserUpgrade):
            # What came before it counts.
            self._parser, self.keeps, self.whole = None, False, True

    def settled(self) -> bool:
        """Tell whether what comes behind this makes no difference."""
        if self.whole or len(self._text) >= MAX_ANSWER:
            self._parser = None
            return True
        if self._check.reuse_s:
            return False
        if self._wanted:
            return self._wanted in self._body
        return len(self._text) >= _MAX_LINE or b"\n" in self._text

    def judge(self) -> None:
        """Raise Bad unless it is as it must be."""
        self._parser = None
        line = _STATUS.match(self._text)
        if line is None:
            raise Bad("no HTTP answer" if self._text else "closed without an answer")
        if not self._check.has_status(int(line[1])):
            raise Bad(f"status {int(line[1])}")
        if self._wanted not in self._body:
            raise Bad(f"status {int(line[1])}, but the body lacks the text")

    def on_headers_complete(self) -> None:
        """Be told by the parser that the body comes next."""
        if self.whole or self._parser is None:
            # Another answer, which nobody has asked for.
            self.keeps = False
            return
        self.keeps = self._parser.should_keep_alive()
        # Whatever is said of the body's length, there is none.
        self.whole = self._check.method == "HEAD"

    def on_body(self, body: bytes) -> None:
        """Be told a part of the body."""
        if not self.whole:
            self._body += body

    def on_message_complete(self) -> None:
        """Be told the end."""
        self.whole = True
