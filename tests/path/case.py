# SPDX-License-Identifier: BSD-3-Clause
"""Packet cases: a sentence, and steps that say what goes in and what must come of it.

    Case("a SYN opens a session", Send(tcp(), ToRs()), Send(Back("SA"), ToClient()))

Silence is checked too: after the steps exactly the drops, the traffic and the wishes for neighbours
that the steps name have been counted, and no mbuf is missing.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from driver import Result
from lab import Lab
from packets.frames import GATEWAY_MAC, LOCAL, LOCAL6, RS, SYN_ACK, answer
from packets.nat import Shift, Wire, endpoints, ip_length, is_v6, right_checksums, translated
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from structs import port_mac
from values import Op, View

PUNTS = {"OSPF": 0, "ARP": 1, "OTHER": 2}
IN, OUT = "in", "out"


@dataclass(frozen=True)
class Flow:
    """What is known of a session: the first packet of one end and what became of it."""

    before: bytes
    after: bytes
    shift: Shift


@dataclass
class Run:
    """A case under way."""

    lab: Lab
    flows: dict[int, Flow] = field(default_factory=dict)  # by the client's port
    answers: dict[int, Flow] = field(default_factory=dict)  # the RS's, newest, by the same
    latest: int = 0
    told: Flow | None = None  # the client's newest segment of which an RS's is more than a copy
    drops: Counter[tuple[int, str]] = field(default_factory=Counter)
    packets: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)
    wanted: list[tuple[str, int]] = field(default_factory=list)
    held_by: int = 0  # the worker that held the last packet that was held
    idents: list[int] = field(default_factory=list)  # that datagrams have got
    flying: dict[int, bytes] = field(default_factory=dict)  # the latest fragments, by their place

    def touch(self, direction: str, frame: bytes) -> None:
        """Expect a packet of a session to be counted."""
        self.packets[direction] += 1
        self.octets[direction] += ip_length(frame)


class Outcome(Protocol):
    """What must come of a packet."""

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Raise AssertionError if something else came of it."""


class FromRun(ABC):
    """A frame that is made of what the case has seen so far."""

    @abstractmethod
    def frame(self, run: Run) -> bytes:
        """Make it."""


@dataclass(frozen=True)
class Back(FromRun):
    """A frame that an RS answers with, to the newest session or to that of a client's port."""

    flags: str = SYN_ACK
    payload: bytes = b""
    of: int = 0
    change: Callable[[Packet], Packet | bytes] = lambda packet: packet

    def frame(self, run: Run) -> bytes:
        """Make it from what the RS received."""
        return bytes(
            self.change(answer(run.flows[self.of or run.latest].after, self.flags, self.payload))
        )


@dataclass(frozen=True)
class ToRs:
    """Sent to an RS from a local address of the worker; a known session keeps its local port.

    `anew`: the packet makes a new session, on another port, in place of the known one. `cut`: so
    many bytes from the end of the frame are not sent.
    """

    rs: str = RS
    mac: str = GATEWAY_MAC
    port: int = 0
    local: str = ""
    anew: bool = False
    cut: int = 0

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare every byte with a translation made from scratch."""
        assert result.what == f"TX {self.port}"
        frame = frame[: len(frame) - self.cut]
        assert result.data == self.expect(run, send, frame, result.data)
        run.touch(IN, frame)

    def expect(self, run: Run, send: "Send", frame: bytes, got: bytes) -> bytes:
        """Check both ends of `got` and note the flow; return the translation made from scratch."""
        (_, client_port), _ = endpoints(frame)
        local, server = endpoints(got)
        if self.anew:
            assert local != endpoints(run.flows.pop(client_port).after)[0]
        if client_port in run.flows:
            assert (local, server) == endpoints(run.flows[client_port].after)
        else:
            local_address = self.local or (LOCAL6 if is_v6(got) else LOCAL)[send.worker]
            assert local[0] == local_address and local[1] >= 1024
            assert server[0] == self.rs
        if client_port not in run.flows:
            run.flows[client_port] = Flow(frame, got, self._shift(run, frame, got))
        wire = Wire(port_mac(self.port), self.mac, local, server)
        expected = translated(frame, got, wire, run.flows[client_port].shift)
        assert right_checksums(frame) == right_checksums(expected)
        run.latest = client_port
        return expected

    def _shift(self, run: Run, frame: bytes, got: bytes) -> Shift:
        """What the engine has chosen for a new session."""
        renumbers = run.lab.harness.settings.renumber
        return Shift.learn(frame, got) if renumbers else Shift()


@dataclass(frozen=True)
class ToClient:
    """Sent back to the client as from the VS."""

    mac: str = GATEWAY_MAC
    port: int = 0

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare every byte with a translation made from scratch."""
        assert result.what == f"TX {self.port}"
        assert result.data == self.expect(run, send, frame, result.data)
        run.touch(OUT, frame)

    def expect(self, run: Run, send: "Send", frame: bytes, got: bytes) -> bytes:
        """Check both ends of `got`, note the answer; return the translation made from scratch."""
        _, client = endpoints(got)
        flow = run.flows[client[1]]
        asked, service = endpoints(flow.before)
        assert asked == client
        wire = Wire(port_mac(self.port), self.mac, service, client)
        expected = translated(frame, got, wire, flow.shift, inwards=False)
        assert right_checksums(frame) == right_checksums(expected)
        run.answers[client[1]] = Flow(frame, got, flow.shift)
        return expected


@dataclass(frozen=True)
class Drop:
    """Dropped for a reason, unchanged; `session`: counted as traffic in this direction before."""

    reason: str
    session: str = ""
    wanted: str = ""  # neighbour that is asked for, on port `on`
    on: int = 0

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare reason and bytes."""
        assert result.what == f"DROP {self.reason}"
        assert result.data == frame
        run.drops[send.worker, self.reason] += 1
        if self.session:
            run.touch(self.session, frame)
        if self.wanted:
            run.wanted.append((self.wanted, self.on))


@dataclass(frozen=True)
class Punt:
    """Given to the kernel, unchanged."""

    kind: str

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare class and bytes."""
        assert result.what == f"PUNT {PUNTS[self.kind]}"
        assert result.data == frame


@dataclass(frozen=True)
class HandTo:
    """Passed on to another worker, unchanged."""

    worker: int

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare worker and bytes."""
        assert result.what == f"HANDOFF {self.worker}"
        assert result.data == frame


@dataclass(frozen=True)
class EchoReply:
    """Answered on the spot, out of the port it came in by."""

    def check(self, run: Run, send: "Send", frame: bytes, result: Result) -> None:
        """Compare with a reply that scapy puts together."""
        assert result.what == f"TX {send.port}"
        assert result.data == self.reply(frame)

    def reply(self, frame: bytes) -> bytes:
        """The reply to a whole request."""
        asked = Ether(frame)
        reply = asked.copy()
        reply.src, reply.dst = asked.dst, asked.src
        layer = IPv6 if IPv6 in asked else IP
        reply[layer].src, reply[layer].dst = asked[layer].dst, asked[layer].src
        if layer is IPv6:
            reply.hlim, reply[ICMPv6EchoRequest].type = 64, 129
            del reply[ICMPv6EchoRequest].cksum
        else:
            reply[IP].ttl, reply[ICMP].type = 64, 0
            del reply[IP].chksum, reply[ICMP].chksum
        return bytes(reply)


class Step(Protocol):
    """One thing that a case does."""

    def do(self, run: Run) -> None:
        """Do it and check what can be checked at once."""


@dataclass(frozen=True)
class Send:
    """A packet and what must come of it."""

    packet: Packet | bytes | FromRun
    outcome: Outcome
    worker: int = 0
    handed: bool = False
    port: int = 0
    segments: int = 1

    def frame(self, run: Run) -> bytes:
        """The bytes to send."""
        return self.packet.frame(run) if isinstance(self.packet, FromRun) else bytes(self.packet)

    def do(self, run: Run) -> None:
        """Send it in a burst of its own."""
        Burst([self]).do(run)


@dataclass(frozen=True)
class Burst:
    """Packets that arrive together; worker and port are those of the first."""

    sends: Sequence[Send]

    def do(self, run: Run) -> None:
        """Send them all, then check them in order."""
        first = self.sends[0]
        frames = [send.frame(run) for send in self.sends]
        results = run.lab.harness.run(
            first.worker,
            frames,
            port=first.port,
            handed=first.handed,
            segments=first.segments,
        )
        for send, frame, result in zip(self.sends, frames, results, strict=True):
            send.outcome.check(run, send, frame, result)


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float

    def do(self, run: Run) -> None:
        """Move the clock."""
        run.lab.harness.advance(self.seconds)


@dataclass(frozen=True)
class Sessions:
    """So many sessions live now; the state, if given, is that of each."""

    count: int
    state: str = ""

    def do(self, run: Run) -> None:
        """Count and compare."""
        assert run.lab.active() == self.count
        if self.state:
            states = {session.state for session in run.lab.harness.sessions()}
            assert states == {self.state}


@dataclass(frozen=True)
class Change:
    """The operator changes VS and RS."""

    ops: Sequence[Op]

    def do(self, run: Run) -> None:
        """Commit one transaction."""
        run.lab.harness.commit(self.ops)


@dataclass(frozen=True)
class Reroute:
    """Routes or neighbours change."""

    view: View

    def do(self, run: Run) -> None:
        """Set the view."""
        run.lab.harness.forward(self.view)


@dataclass(frozen=True, init=False)
class Case:
    """A sentence and its steps."""

    sentence: str
    steps: Sequence[Step]

    def __init__(self, sentence: str, *steps: Step) -> None:
        object.__setattr__(self, "sentence", sentence)
        object.__setattr__(self, "steps", steps)

    def run(self, lab: Lab) -> None:
        """Do every step, then make sure that nothing else has happened."""
        drops, traffic = lab.harness.drops(), _traffic(lab)
        run = Run(lab)
        for step in self.steps:
            step.do(run)
        assert lab.harness.drops() - drops == run.drops
        moved = [after - before for after, before in zip(_traffic(lab), traffic, strict=True)]
        assert moved == [run.packets[IN], run.octets[IN], run.packets[OUT], run.octets[OUT]]
        assert lab.harness.events() == run.wanted
        assert lab.harness.mbufs_in_use() == 0


def _traffic(lab: Lab) -> list[int]:
    servers = lab.harness.vs().values()
    names = ("in_packets", "in_bytes", "out_packets", "out_bytes")
    return [sum(getattr(vs.traffic, name) for vs in servers) for name in names]
