# SPDX-License-Identifier: BSD-3-Clause
"""Engine and model side by side: each event happens to both, and nothing may differ."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from driver import BURST, Harness, Refused, Result
from structs import port_mac
from values import Laddr
from values import Session as Row

from oracle.drafts import draft_of
from oracle.events import Burst, Change, Event, Noise, Quiesce, Reroute, Scenario, Wait
from oracle.model import Arrival, Model, Verdict
from oracle.observed import Difference, Seen, written
from oracle.packet import IPV4, IPV6, RST, Key, Malformed, number, read, untagged
from oracle.recompute import agrees
from oracle.services import Refusal
from oracle.sessions import TICK_HZ, Session
from oracle.tcp_state import begins


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

    def play(self) -> None:
        """Let everything happen; raises Difference or Illegal."""
        for event in self._events:
            self._happen(event)
        self._audit()

    def _happen(self, event: Event) -> None:
        if isinstance(event, Burst):
            self._burst(event)
        elif isinstance(event, Wait):
            self.engine.advance(event.ticks / TICK_HZ)
            self.model.advance(event.ticks)
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
        frames = []
        for sent in event.packets:
            if isinstance(sent, Noise):
                frames.append(sent.frame)
            elif (draft := draft_of(sent, live, settings)) is not None:
                frames.append(draft.frame(vlan))
        # Cut up, the first piece still holds all headers of most packets.
        segments = event.segments if min(map(len, frames), default=0) >= 160 else 1
        for part in apart(frames[:BURST], vlan):
            self._run(replace(arrival, segments=segments), part)

    def _run(self, arrival: Arrival, frames: Sequence[bytes]) -> None:
        """A burst, and those that the packets it hands over make elsewhere."""
        results = self.engine.run(
            arrival.worker,
            frames,
            port=arrival.port,
            handed=arrival.handed,
            segments=arrival.segments,
        )
        seen = Seen(self.engine, arrival.worker, results, dict(self._settings.vlans))
        verdicts = self.model.burst(arrival, frames, seen)
        handed: dict[int, list[bytes]] = {}
        for frame, verdict, result, sent in zip(frames, verdicts, results, seen.sent, strict=True):
            self._compare(frame, verdict, result)
            if sent is not None:
                after = read(sent)
                agrees(after)
                self._tally[f"{verdict.family} to {after.family}"] += 1
            if result.verdict == "HANDOFF":
                handed.setdefault(result.arg, []).append(result.data)
        self._neighbours_asked_for()
        for worker, passed in handed.items():
            self._run(Arrival(worker, arrival.port, handed=True), passed)

    def _compare(self, frame: bytes, verdict: Verdict, result: Result) -> None:
        what = result.what
        if what != verdict.what:
            raise Difference(f"{frame.hex()}: {what}, expected {verdict.what}")
        if result.data not in verdict.frames:
            either = " or ".join(one.hex() for one in verdict.frames)
            raise Difference(f"{frame.hex()}: {what}\n{result.data.hex()}, expected\n{either}")
        self._tally[what] += 1

    def _neighbours_asked_for(self) -> None:
        """Each neighbour that is missing is asked for, at least once a tick, and no other."""
        asked = {(ip_address(text).packed, port) for text, port in self.engine.events()}
        if not asked <= self.model.wanted:
            raise Difference(f"asked for {asked}, missing are {self.model.wanted}")
        self.model.asked |= asked
        if self.model.asked != self.model.wanted:
            raise Difference(f"missing {self.model.wanted - self.model.asked}, not asked for")

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
        same("drops", dict(engine.drops()), dict(self.model.drops))
        same(
            "VS",
            {key: replace(vs, generation=0) for key, vs in engine.vs().items()},
            {vs.text: vs.row() for vs in services.table.values()},
        )
        same("RS", in_order(engine.rs()), in_order(rs.row() for rs in services.rs()))
        same("sessions", in_order(engine.sessions()), in_order(self._rows()))
        same("local addresses", engine.laddrs(), self._laddrs())
        same("mbufs in use", engine.mbufs_in_use(), 0)

    def _rows(self) -> list[Row]:
        return [
            self._row(worker, session)
            for worker, sessions in enumerate(self.model.workers)
            for session in sessions.live
        ]

    def _row(self, worker: int, session: Session) -> Row:
        now, sessions = self.model.now, self.model.workers[worker]
        ends = (session.client, session.service, session.local, session.rs.endpoint)
        client, vs, local, rs = (written(end, session.proto) for end in ends)
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

    def _laddrs(self) -> dict[str, Laddr]:
        rows = {}
        for text, worker, port in self._settings.laddrs:
            sessions = self.model.workers[worker]
            address = ip_address(text).packed
            active = sum(one.local[0] == address for one in sessions.live)
            rows[text] = Laddr(text, worker, port, active, sessions.laddrs[address])
        return rows


def apart(frames: Sequence[bytes], vlan: int) -> Iterator[list[bytes]]:
    """Cut a burst where a connection that it may have begun and reset is begun once more.

    Nobody could tell afterwards what was chosen for a session that came and went in one burst.
    """
    part: list[bytes] = []
    reset: dict[Key, bool] = {}  # connections begun in this part, and whether they were reset
    for frame in frames:
        with suppress(Malformed):
            bare = untagged(frame, vlan)
            if number(bare, 12) not in (IPV4, IPV6):
                raise Malformed
            packet = read(bare)
            if begins(packet.flags):
                if reset.setdefault(packet.key, False):
                    yield part
                    part, reset = [], {packet.key: False}
            elif packet.flags & RST and packet.key in reset:
                reset[packet.key] = True
        part.append(frame)
    if part:
        yield part


def in_order(rows: Iterable[Any]) -> list[Any]:
    """Rows of a listing whose order nobody promises."""
    return sorted(rows, key=repr)


def same(what: str, engine: Any, model: Any) -> None:
    """Raise Difference if two accounts differ."""
    if engine != model:
        raise Difference(f"{what}: the engine has\n{engine}\nthe model\n{model}")
