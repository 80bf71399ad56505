# SPDX-License-Identifier: BSD-3-Clause
"""Packets of sessions whose RS is told the client's address, and what must come of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from case import IN, OUT, Back, Change, Flow, Run, Send, Step, ToClient, ToRs
from cases_tcp_numbers import WAYS, Way, dressed
from driver import Result
from errors import Error
from packets.client_address import (
    TOA,
    behind,
    counted,
    header_of,
    with_header,
    with_toa,
    without_options,
)
from packets.frames import SYN, SYN_ACK, VIP, VIP6, VIP46, VIP64, answer
from packets.nat import endpoints
from values import Op

FIRST = 1001  # a client's first byte
KEYS = {
    "IPv4": f"{VIP}:80/tcp",
    "IPv6": f"[{VIP6}]:80/tcp",
    "NAT64": f"[{VIP64}]:80/tcp",
    "NAT46": f"{VIP46}:80/tcp",
}
Made = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Tells(ToRs):
    """As a packet that the client has sent with these changes."""

    changes: tuple[Made, ...] = ()

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare every byte with a translation made from scratch."""
        assert result.what == f"TX {self.port}"
        run.touch(IN, frame)
        longer = frame
        for change in self.changes:
            longer = frame if change is behind else change(frame)
            frame = change(frame)
        assert result.data == self.expect(run, send, frame, result.data)
        run.told = Flow(longer, result.data, run.flows[run.latest].shift)


@dataclass(frozen=True)
class Uncounts(ToClient):
    """As a packet of an RS that has had no PROXY header."""

    first: int = FIRST

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare every byte with a translation made from scratch."""
        assert result.what == f"TX {self.port}"
        run.touch(OUT, frame)
        port = endpoints(result.data)[1][1]
        flow = run.flows[port]
        header = len(header_of(flow.before))
        less = counted(frame, self.first + flow.shift.seq, header)
        assert result.data == self.expect(run, send, less, result.data)
        run.answers[port] = replace(run.answers[port], before=frame)


def blank(frame: bytes) -> bytes:
    """Without the client's own options of TOA's kind."""
    return without_options(frame, TOA)


@dataclass(frozen=True)
class Answers(Back):
    """An RS's segment that acknowledges a number as the client counts, and so many bytes more."""

    ack: int = FIRST
    header: int = 0
    options: Callable[[int], bytes] = lambda _: b""  # by what is added to the client's numbers

    def frame(self, run: Run) -> bytes:
        """Make it with the numbers that the RS has seen."""
        flow = run.flows[self.of or run.latest]
        ack = (self.ack + flow.shift.seq + self.header) % 2**32
        packet = answer(flow.after, self.flags, self.payload)
        return dressed(self.change(packet), self.options(flow.shift.seq), ack=ack)


class AboutTold(Error):
    """An error about the client's newest segment."""

    def flow(self, run: Run) -> Flow:
        """As it was sent, but for what the RS is told with it, and as it was seen."""
        assert run.told is not None
        return run.told


@dataclass(frozen=True)
class Talk:
    """A client and its RS, which is told by one of the two means."""

    way: Way
    how: str

    @property
    def header(self) -> int:
        """Bytes of the PROXY header."""
        return 52 if self.way.name in ("IPv6", "NAT64") else 28

    def opened(self) -> tuple[Step, ...]:
        """The first two segments."""
        edit = Op("VS_EDIT", KEYS[self.way.name], client_address=self.how)
        return Change([edit]), self.client(SYN, seq=FIRST - 1), self.server(SYN_ACK)

    def client(
        self,
        flags: str,
        options: bytes = b"",
        payload: bytes = b"",
        *changes: Made,
        seq: int = FIRST,
        **sent: int,
    ) -> Send:
        """A segment of the client with what it must become."""
        frame = dressed(self.way.segment(flags, payload), options, seq=seq, ack=6)
        return Send(frame, Tells(self.way.rs, changes=changes), **sent)  # type: ignore[arg-type]

    def tells(self, flags: str, options: bytes = b"", payload: bytes = b"", **more: int) -> Send:
        """One that tells."""
        change = with_toa if self.how == "toa" else with_header
        return self.client(flags, options, payload, change, **more)

    def server(
        self,
        flags: str,
        payload: bytes = b"",
        ack: int = FIRST,
        header: int = 0,
        options: Callable[[int], bytes] = lambda _: b"",
    ) -> Send:
        """A segment of the RS, which has read so much of a header."""
        answer = Answers(flags, payload, ack=ack, header=header, options=options)
        return Send(answer, Uncounts() if self.how == "proxy-v2" else ToClient())


def talks(how: str) -> list[Talk]:
    """One for every combination of families."""
    return [Talk(way, how) for way in WAYS]
