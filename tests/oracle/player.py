# SPDX-License-Identifier: BSD-3-Clause
"""Engine and model side by side: each event happens to both, and nothing may differ."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from driver import BURST, FRAME, Harness, Refused, Result
from structs import port_mac
from values import Laddr
from values import Session as Row

from oracle.drafts import draft_of
from oracle.events import (
    Burst,
    Change,
    ErrorAbout,
    Event,
    Fragmented,
    Noise,
    Quiesce,
    Reroute,
    Scenario,
    Wait,
)
from oracle.fragmenting import fragmented
from oracle.icmp_errors import is_error
from oracle.model import SPARE, Model
from oracle.observed import Difference, Seen, names_of
from oracle.outcome import Arrival, Trail, Verdict
from oracle.packet import (
    ACK,
    BALANCED,
    ETHERNET,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    RST,
    SYN,
    TCP,
    UDP,
    VLAN,
    Key,
    Malformed,
    Packet,
    number,
    read,
    tagged,
    untagged,
)
from oracle.recompute import Datagrams, agrees
from oracle.services import Refusal
from oracle.sessions import TICK_HZ, Session
from oracle.tcp_state import begins

# By worker and the port they came by: frames, notes and trails of what is handed over.
Handed = dict[tuple[int, int], list[tuple[bytes, tuple[int, int], Trail]]]


class Player:
    """One scenario under way. `tally` counts the frames compared by what became of them."""

    def __init__(
        self, scenario: Scenario, tally: Counter[str], engine: type[Harness] = Harness
    ) -> None:
        self._settings = settings = scenario.settings
        self._events = scenario.events
        self._tally = tally
        self.engine = engine(settings)
        macs = [bytes.fromhex(port_mac(port).replace(":", "")) for port in range(settings.ports)]
        self.model = Model(settings, macs)
        self._late: list[bytes] = []  # fragments that come with the next burst
        self._gone: deque[Packet] = deque(maxlen=32)  # of TCP and UDP, sent not long ago
        self._answered: deque[Packet] = deque(maxlen=8)  # SYN-ACKs that clients have got
        self._datagrams = Datagrams()
        # Nobody could tell which session was given up for which of a burst.
        self._most = 1 if settings.options.get("recycle") else BURST

    def play(self) -> None:
        """Let everything happen; raises Difference or Illegal."""
        for event in self._events:
            self._happen(event)
        self._audit()
        self._tally["given up"] += sum(sessions.given_up for sessions in self.model.workers)
        self._tally.update(self.model.tally)
        self._tally["handshakes"] += self.model.handshakes

    def _happen(self, event: Event) -> None:
        if isinstance(event, Burst):
            self._burst(event)
        elif isinstance(event, Wait):
            self.engine.advance(event.ticks / TICK_HZ)
            self._taken(self.model.advance(event.ticks))
        elif isinstance(event, Change):
            self._change(event)
            self._audit()
        elif isinstance(event, Reroute):
            self.engine.forward(event.view)
            self.model.forward(event.view)
        elif isinstance(event, Quiesce):
            self.engine.quiesce()
            self.model.stopping = True

    # Packets

    def _burst(self, event: Burst) -> None:
        live = [one for sessions in self.model.workers for one in sessions.live]
        settings = self._settings
        arrival = Arrival(event.worker % settings.workers, event.port % settings.ports)
        vlan = settings.vlans.get(arrival.port, 0)
        frames, self._late = [tagged(frame, vlan) for frame in self._late], []
        for sent in event.packets:
            if isinstance(sent, Noise):
                frames.append(sent.frame)
            elif isinstance(sent, Fragmented):
                draft = draft_of(sent.sent, live, self._gone, settings, self._answered)
                frames += [] if draft is None else self._in_pieces(draft.frame(), sent, vlan)
            elif draft := draft_of(sent, live, self._gone, settings, self._answered):
                frames.append(draft.frame(vlan))
        # Cut up, the first piece still holds all headers of most packets.
        errors = any(isinstance(sent, ErrorAbout) for sent in event.packets)
        small = min(map(len, frames), default=0) < 160
        segments = 1 if small or errors else event.segments
        # A frame of more than the harness takes is one that was cut off on its way.
        for part in apart([frame[:FRAME] for frame in frames], vlan, self._most):
            self._run(replace(arrival, segments=segments), part)

    def _in_pieces(self, frame: bytes, how: Fragmented, vlan: int) -> Iterator[bytes]:
        """The fragments of a packet that come now; a frame that cannot be fragmented as it is."""
        packet = None
        if len(frame) > ETHERNET and number(frame, 12) in (IPV4, IPV6):
            with suppress(Malformed):
                packet = read(frame)
        if packet is None or packet.fragment or packet.proto not in BALANCED[packet.family]:
            yield tagged(frame, vlan)
            return
        for piece, late in fragmented(packet, how.size, how.how, how.ident):
            if late:
                self._late.append(piece)
            else:
                yield tagged(piece, vlan)

    def _run(
        self,
        arrival: Arrival,
        frames: Sequence[bytes],
        notes: Sequence[tuple[int, int]] = (),
        trails: Sequence[Trail] = (),
    ) -> None:
        """A burst, and those that the packets it hands over make elsewhere."""
        results = self.engine.run(
            arrival.worker,
            frames,
            port=arrival.port,
            handed=arrival.handed,
            segments=arrival.segments,
            notes=notes,
        )
        seen = Seen(self.engine, arrival.worker, results, dict(self._settings.vlans))
        verdicts = self.model.burst(arrival, frames, seen, trails)
        handed: Handed = defaultdict(list)
        self._compare_all(frames, verdicts, seen)
        for verdict, result in zip(verdicts, results, strict=True):
            if result.verdict == "HANDOFF":
                passed = result.data, result.note, verdict.trail
                handed[result.arg, arrival.port].append(passed)
        self._behind(arrival.worker, handed)
        self._neighbours_asked_for()
        for (worker, port), packets in handed.items():
            for first in range(0, len(packets), self._most):
                some = packets[first : first + self._most]
                self._run(Arrival(worker, port, handed=True), *zip(*some, strict=True))

    def _behind(self, worker: int, handed: Handed) -> None:
        """What comes behind a burst: pieces of longer packets, then fragments that have waited."""
        taken = self._without(self.engine.take(worker), self._made(worker), "pieces")
        waited = self.model.reassembly.released
        released, waited[worker] = waited[worker], []
        if released:
            frames, trails = zip(*released, strict=True)
            results, taken = taken[: len(frames)], taken[len(frames) :]
            if len(results) < len(frames):
                raise Difference(f"{len(results)} fragments go on, expected {len(frames)}")
            seen = Seen(self.engine, worker, results, dict(self._settings.vlans))
            verdicts = self.model.burst(Arrival(worker, 0, handed=True), frames, seen, trails)
            self._compare_all(frames, verdicts, seen)
            for trail, verdict, result in zip(trails, verdicts, results, strict=True):
                if result.verdict == "HANDOFF":
                    passed = result.data, result.note, verdict.trail
                    handed[result.arg, trail.port].append(passed)
            taken = self._without(taken, self._made(worker), "pieces")
        if taken:
            raise Difference(f"besides: {taken}")

    def _made(self, worker: int) -> list[Verdict]:
        made, self.model.made[worker] = self.model.made[worker], []
        return made

    def _without(
        self, results: Sequence[Result], expected: Sequence[Verdict], kind: str
    ) -> list[Result]:
        """The results without those that must be among them, which are of this kind."""
        left = list(results)
        # What fits anything takes what nothing else fits.
        for verdict in sorted(expected, key=lambda verdict: not verdict.frames):
            fits = [result for result in left if _fits(result, verdict)]
            if not fits and len(expected) > SPARE:
                continue  # there are no more buffers
            if not fits:
                raise Difference(f"{verdict} is missing among {left}")
            left.remove(fits[0])
            self._tally[kind] += 1
            made = read(bare(fits[0].data))
            agrees(made)
            if made.fragment:
                self._rejoin(made)
        return left

    def _compare_all(
        self, frames: Sequence[bytes], verdicts: Sequence[Verdict], seen: Seen
    ) -> None:
        for frame, verdict, result, sent in zip(
            frames, verdicts, seen.results, seen.sent, strict=True
        ):
            self._compare(frame, verdict, result)
            if sent is None:
                continue
            after = read(sent)
            self._tally[f"{verdict.family} to {after.family}"] += 1
            if verdict.counted:
                self._tally["refusals" if after.proto == TCP else "errors made"] += 1
            elif after.proto in (ICMP, ICMP6) and not after.fragment and is_error(after):
                self._tally["errors translated"] += 1
            agrees(after)
            if after.fragment:
                self._tally["fragments"] += 1
                self._rejoin(after, read(bare(frame)))
                continue
            if after.proto in (TCP, UDP):
                self._gone.append(after)
            if after.flags & (SYN | ACK) == SYN | ACK and self.model.services.is_vip(after.src):
                self._answered.append(after)

    def _rejoin(self, fragment: Packet, came: Packet | None = None) -> None:
        """A fragment was sent, made of this."""
        self._tally["datagrams"] += self._datagrams.sent(fragment, came)

    def _compare(self, frame: bytes, verdict: Verdict, result: Result) -> None:
        what = result.what
        if what != verdict.what:
            raise Difference(f"{frame.hex()}: {what}, expected {verdict.what}")
        if result.data not in verdict.frames and result.verdict != "HELD":
            either = " or ".join(one.hex() for one in verdict.frames)
            raise Difference(f"{frame.hex()}: {what}\n{result.data.hex()}, expected\n{either}")
        self._tally[what] += 1

    def _taken(self, expected: Sequence[Sequence[Verdict]]) -> None:
        """What the workers have sent of themselves, in any order."""
        for worker, verdicts in enumerate(expected):
            if left := self._without(self.engine.take(worker), verdicts, "resets"):
                raise Difference(f"besides: {left}")
        self._neighbours_asked_for()

    def _neighbours_asked_for(self) -> None:
        """Each neighbour that is missing is asked for, at least once a tick, and no other."""
        asked = {(ip_address(text).packed, port) for text, port in self.engine.events()}
        wanted = self.model.wanted
        if not asked <= wanted:
            raise Difference(f"asked for {asked}, missing are {wanted}")
        self.model.asked |= asked
        if not wanted <= self.model.asked:
            raise Difference(f"missing {wanted - self.model.asked}, not asked for")

    # Changes and listings

    def _change(self, event: Change) -> None:
        refusal: tuple[int, str] | None = None
        try:
            self.model.apply(event.ops)
        except Refusal as refused:
            refusal = refused.op, refused.reason
        try:
            self.engine.commit(event.ops)
            said = None
        except Refused as refused:
            said = refused.op, refused.reason
        same("transaction", said, refusal)

    def _audit(self) -> None:
        """Everything that is listed is what the model has."""
        engine, services = self.engine, self.model.services
        same("drops", dict(engine.drops()), dict(+self.model.drops))
        untold = [engine.untold(worker) for worker in range(self._settings.workers)]
        same("untold", untold, self.model.untold)
        same(
            "VS",
            {key: replace(vs, generation=0) for key, vs in engine.vs().items()},
            {vs.text: vs.row() for vs in services.table.values()},
        )
        same("RS", in_order(engine.rs()), in_order(rs.row() for rs in services.rs()))
        same("sessions", in_order(engine.sessions()), in_order(self._rows()))
        same("local addresses", in_order(engine.laddrs()), in_order(self._laddrs()))
        given_up = [sessions.given_up for sessions in self.model.workers]
        same("given up", [self.engine.recycled(w) for w in range(len(given_up))], given_up)
        held = self.model.reassembly.buffers()
        same("mbufs in use", engine.mbufs_in_use(), held)

    def _rows(self) -> list[Row]:
        return [
            self._row(worker, session)
            for worker, sessions in enumerate(self.model.workers)
            for session in sessions.live
        ]

    def _row(self, worker: int, session: Session) -> Row:
        now, sessions = self.model.now, self.model.workers[worker]
        client, vs, local, rs = names_of(session)
        idle, left = now - session.seen, sessions.left(session, now)
        return Row(
            client,
            vs,
            local,
            rs,
            worker,
            session.state,
            idle * 1000 // TICK_HZ,
            left * 1000 // TICK_HZ,
        )

    def _laddrs(self) -> Iterator[Laddr]:
        for text, _, port in self._settings.laddrs:
            address = ip_address(text).packed
            for worker in self.model.owners.workers(address):
                sessions = self.model.workers[worker]
                active = sum(one.local[0] == address for one in sessions.live)
                yield Laddr(text, worker, port, active, sessions.laddrs[address])


def apart(frames: Sequence[bytes], vlan: int, most: int = BURST) -> Iterator[list[bytes]]:
    """Cut a burst where a connection that it may have begun and reset is begun once more.

    Nobody could tell afterwards what was chosen for a session that came and went in one burst. And
    cut it after an ICMP error, so that the session it is for cannot end behind it in the burst.
    """
    part: list[bytes] = []
    reset: dict[Key, bool] = {}  # connections begun in this part, and whether they were reset
    error = False
    for frame in frames:
        with suppress(Malformed):
            bare = untagged(frame, vlan)
            if number(bare, 12) not in (IPV4, IPV6):
                raise Malformed
            packet = read(bare)
            error = (
                not packet.fragment and packet.proto in BALANCED[packet.family] and is_error(packet)
            )
            if packet.flags & (SYN | RST | ACK) == ACK:
                reset.setdefault(packet.key, False)  # behind a SYN proxy this may begin one
            elif begins(packet.flags):
                if reset.setdefault(packet.key, False):
                    yield part
                    part, reset = [], {packet.key: False}
            elif packet.flags & RST and packet.key in reset:
                reset[packet.key] = True
        part.append(frame)
        if error or len(part) == most:
            yield part
            part, reset, error = [], {}, False
    if part:
        yield part


def bare(frame: bytes) -> bytes:
    """A frame without its tag if it has one."""
    return frame[:12] + frame[16:] if number(frame, 12) == VLAN else frame


def _fits(result: Result, verdict: Verdict) -> bool:
    """Whether this is what must come; where the model cannot know the bytes, any will do."""
    return result.what == verdict.what and (not verdict.frames or result.data in verdict.frames)


def in_order(rows: Iterable[Any]) -> list[Any]:
    """Rows of a listing whose order nobody promises."""
    return sorted(rows, key=repr)


def same(what: str, engine: Any, model: Any) -> None:
    """Raise Difference if two accounts differ."""
    if engine != model:
        raise Difference(f"{what}: the engine has\n{engine}\nthe model\n{model}")
