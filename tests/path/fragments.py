# SPDX-License-Identifier: BSD-3-Clause
"""Steps of packet cases that send fragments, and follow them from worker to worker.

Datagram(udp(b"x" * 3000), ToRs())              cut, sent in order; all come out translated
Piece(udp(b"x" * 3000), (0, 1400), "TX")        one of them, and what comes of it
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from case import IN, OUT, Back, EchoReply, Run, Send, ToClient, ToRs
from driver import Result
from packets.fragments import Place, cut, data_of, every, ident_of, joined, place_of, split_for
from packets.nat import is_v6
from scapy.packet import Packet

IDENT = 77
Order = Callable[[list[bytes]], list[bytes]]


def backwards(fragments: list[bytes]) -> list[bytes]:
    """The last one first."""
    return fragments[::-1]


def first_last(fragments: list[bytes]) -> list[bytes]:
    """The first one behind all others, which are in order."""
    return [*fragments[1:], fragments[0]]


def shuffled(fragments: list[bytes]) -> list[bytes]:
    """Every other one first."""
    return fragments[1::2] + fragments[::2]


def follow(
    run: Run,
    worker: int,
    frames: Sequence[bytes],
    *,
    port: int = 0,
    segments: int = 1,
) -> list[tuple[int, Result]]:
    """Send a burst and go where its packets go: what came of them last, and on which worker."""
    harness = run.lab.harness
    ended: list[tuple[int, Result]] = []
    results = harness.run(worker, frames, port=port, segments=segments)
    waiting = [(worker, result) for result in results]
    for _ in range(1000):
        for number in range(harness.settings.workers):
            waiting += [(number, result) for result in harness.take(number)]
        if not waiting:
            return ended
        at, result = waiting.pop(0)
        if result.verdict != "HANDOFF":
            ended.append((at, result))
            continue
        assert result.arg != at
        (again,) = harness.run(
            result.arg,
            [result.data],
            port=port,
            handed=True,
            segments=segments,
            notes=[result.note],
        )
        waiting.append((result.arg, again))
    raise AssertionError("handed round and round")


def whole_frame(run: Run, packet: Packet | bytes | Back) -> bytes:
    """The bytes of what is to be cut, which need not fit into a frame."""
    return packet.frame(run) if isinstance(packet, Back) else bytes(packet)


@dataclass(frozen=True)
class Datagram:
    """Fragments of a packet, which all go on, each byte as it must be.

    `workers`: where they arrive, in turn. Each datagram of a case gets another identification.
    """

    packet: Packet | bytes | Back
    to: ToRs | ToClient
    step: int = 1400
    order: Order = list
    workers: Sequence[int] = (0,)
    ident: int = 0  # 0: another one each time
    burst: bool = False
    segments: int = 1
    port: int = 0
    mtu: int = 0  # of the way out, where the fragments are too long for it

    def do(self, run: Run) -> None:
        """Send them one after the other or at once, and compare all that comes out."""
        whole = whole_frame(run, self.packet)
        places = every(len(data_of(whole)), self.step)
        sent = self.order(cut(whole, places, self.ident or IDENT + 1 + len(run.idents)))
        ended = self._send(run, sent)
        assert {result.what for _, result in ended} == {f"TX {self.to.port}"}
        (worker,) = {worker for worker, _ in ended}
        got = [result.data for _, result in ended]
        (ident,) = {ident_of(fragment) for fragment in got}
        if len(places) > 1:
            assert ident not in run.idents, "two datagrams of one identification"
            run.idents.append(ident)
        send = Send(self.packet, self.to, worker=worker, port=self.port)
        expected = self._outcome(run, worker).expect(run, send, whole, joined(got))
        assert sorted(got) == sorted(cut(expected, self._places(expected, places), ident))
        for fragment in sent:
            run.touch(IN if isinstance(self.to, ToRs) else OUT, fragment)

    def _send(self, run: Run, sent: Sequence[bytes]) -> list[tuple[int, Result]]:
        bursts = [sent] if self.burst else [[fragment] for fragment in sent]
        ended: list[tuple[int, Result]] = []
        for number, burst in enumerate(bursts):
            at = self.workers[number % len(self.workers)]
            ended += follow(run, at, burst, port=self.port, segments=self.segments)
        return [(worker, result) for worker, result in ended if result.verdict != "HELD"]

    def _places(self, expected: bytes, places: Sequence[Place]) -> Sequence[Place]:
        """Those places, once more cut for the MTU."""
        if not self.mtu:
            return places
        room = (self.mtu - (48 if is_v6(expected) else 20)) // 8 * 8
        return [(a + c, a + d) for a, b in places for c, d in every(b - a, room)]

    def _outcome(self, run: Run, worker: int) -> ToRs | ToClient:
        """The local address is one of the worker's that the session is on."""
        if not isinstance(self.to, ToRs):
            return self.to
        laddrs = run.lab.harness.settings.laddrs
        of_it = [a for a, owner, _ in laddrs if owner == worker]
        return replace(self.to, local=next(a for a in of_it if (":" in a) == (":" in self.to.rs)))


@dataclass(frozen=True)
class Split:
    """A whole packet that leaves in pieces for an MTU, each byte as it must be."""

    packet: Packet | bytes | Back
    to: ToRs | ToClient
    mtu: int
    worker: int = 0
    segments: int = 1

    def do(self, run: Run) -> None:
        """Send it and compare all that comes out, in order."""
        frame = whole_frame(run, self.packet)
        ended = follow(run, self.worker, [frame], segments=self.segments)
        assert {result.what for _, result in ended} == {f"TX {self.to.port}"}
        got = [result.data for _, result in ended]
        assert len(got) > 1
        send = Send(self.packet, self.to, worker=self.worker)
        expected = self.to.expect(run, send, frame, joined(got))
        assert got == split_for(expected, self.mtu, ident_of(got[0]))
        run.touch(IN if isinstance(self.to, ToRs) else OUT, frame)


@dataclass(frozen=True)
class Ping:
    """An echo request in fragments, answered fragment by fragment."""

    packet: Packet | bytes
    order: Order = list
    workers: Sequence[int] = (0,)

    def do(self, run: Run) -> None:
        """Send them and compare all that comes out."""
        whole = bytes(self.packet)
        places = every(len(data_of(whole)), 1400)
        got: list[bytes] = []
        for number, fragment in enumerate(self.order(cut(whole, places, IDENT))):
            ended = follow(run, self.workers[number % len(self.workers)], [fragment])
            got += [result.data for _, result in ended if result.what == "TX 0"]
        (ident,) = {ident_of(fragment) for fragment in got}
        assert sorted(got) == sorted(cut(EchoReply().reply(whole), places, ident))


@dataclass(frozen=True)
class Piece:
    """One fragment and, in words, what comes of it and then of those that waited for it.

    What is sent to a client or an RS is counted as traffic; so is what is dropped if `counted`.
    `told`: it is sent back as an error, and counted as this drop.
    """

    packet: Packet | bytes | Back
    place: Place
    what: str
    also: Sequence[str] = ()
    end: int = 0  # of the datagram as this fragment has it
    ident: int = IDENT
    worker: int = 0
    direction: str = IN
    counted: bool = False
    told: str = ""
    change: Callable[[bytes], bytes] = bytes

    def do(self, run: Run) -> None:
        """Send it and compare the words; count what was dropped and what was sent."""
        pieces = cut(whole_frame(run, self.packet), [self.place], self.ident, end=self.end)
        frame = self.change(pieces[0])
        ended = follow(run, self.worker, [frame])
        words = [result.what.removesuffix(" 0") for _, result in ended]
        assert words == [self.what, *self.also]
        run.flying[place_of(frame)] = frame
        for worker, result in ended:
            if result.verdict == "DROP":
                run.drops[worker, result.what.removeprefix("DROP ")] += 1
            elif result.verdict == "HELD":
                run.held_by = worker
            elif self.told:
                run.drops[worker, self.told] += 1
                continue
            if self.counted or result.verdict == "TX":
                place = place_of(result.data) if result.verdict == "TX" else place_of(frame)
                run.touch(self.direction, run.flying[place])


@dataclass(frozen=True)
class Lost:
    """So many that waited have been dropped, at the home of the last one held."""

    reason: str
    count: int = 1

    def do(self, run: Run) -> None:
        """Expect them to be counted."""
        run.drops[run.held_by, self.reason] += self.count


@dataclass(frozen=True)
class Waiting:
    """So many mbufs are held now."""

    count: int

    def do(self, run: Run) -> None:
        """Compare."""
        assert run.lab.harness.mbufs_in_use() == self.count
