# SPDX-License-Identifier: BSD-3-Clause
"""Probes of the steering through a NIC of whatever kind, and what is made of them.

a worker -> next hop -> NIC -> the worker that the address, or the port, is of

The workers' own rounds run; what decides when to probe, and what the counts mean, is the product's.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from lab import PLAIN, OpenLab
from packets.frames import GATEWAY_MAC, OWN, OWN6, PORT_MAC
from packets.nat import IP_AT
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet
from unit.memory_engine import MemoryEngine
from values import Neighbour, Route, Settings, View
from wire import KINDS, Wire, laddrs

from slb._harness import lib
from slb.model.address import Address
from slb.model.probe import ProbeCount
from slb.steering.probe import GOOD, Probes

pytestmark = pytest.mark.path

MAGIC = b"SLBPROBE"
EACH = 8


class Wired(MemoryEngine):
    """An engine whose probes are the harness's."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._harness = wire.harness

    def probe(self, address: Address, attempt: int) -> int:
        return self._harness.probe(str(address), attempt)

    def probe_list(self) -> list[ProbeCount]:
        return self._harness.probes()


def next_hop(frame: bytes) -> bytes:
    """Sends a frame back to where it is from, as a router does."""
    packet = Ether(frame)
    packet.src, packet.dst = packet.dst, packet.src
    if IP in packet:
        packet[IP].ttl -= 1
        del packet[IP].chksum
    else:
        packet[IPv6].hlim -= 1
    return bytes(packet)


def come_back(wire: Wire, hop: Callable[[bytes], bytes] = next_hop) -> list[bytes]:
    """What the workers send comes back through the NIC; nothing more leaves for that."""
    frames = [frame for _, frame in wire.sent()]
    for frame in map(hop, frames):
        wire.harness.queue(wire.queue(frame), [frame])
        assert not list(wire.sent())
    return frames


def until(wire: Wire, probes: Probes, done: Callable[[set[str]], bool]) -> dict[str, str]:
    """Look again and again, until the states of all addresses are as wanted; returns them."""
    for second in range(200):
        probes.look(float(second))
        come_back(wire)
        states = {view.address: view.state for view in probes.rows()}
        if done(set(states.values())):
            return states
    raise AssertionError(states)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_what_a_nic_does_is_found_out(open_lab: OpenLab, workers: int, name: str) -> None:
    """Where it does as it has been told all is proved, and where not, which addresses are wrong."""
    wire, kind = Wire(open_lab, KINDS[name], workers), KINDS[name]
    probes = Probes(Wired(wire))
    states = until(wire, probes, lambda found: "unproved" not in found)
    broken = {0, 1} & (kind.nic.ignores | kind.nic.confuses) if workers > 1 else set()
    wrong = {wire.rules[number].to for number in broken}
    assert {address for address, state in states.items() if state == "wrong"} == wrong
    assert set(states.values()) <= {*GOOD, "wrong"}
    for view in probes.rows():
        assert (view.state == "handed-over") <= (view.method == "soft")
        everybody = list(range(workers))
        one = [worker for address, worker, _ in laddrs(workers) if address == view.address]
        assert view.workers == (everybody if view.method == "rss-port" else one)
        if view.state == "proved":
            assert view.seen_by == view.workers
        else:
            assert set(view.seen_by) - set(view.workers)
    if name == "neither rules nor RSS" and workers > 1:
        assert "handed-over" in states.values()
    harness = wire.harness
    assert sum(harness.misdirected()) == 0, "probes are no replies"
    assert {reason for _, reason in harness.drops()} == {"STEERING_PROBE"}
    assert harness.sessions() == []
    assert harness.mbufs_in_use() == 0


def test_what_is_said_of_a_wrong_worker(open_lab: OpenLab) -> None:
    """Once; and when the NIC is repaired, that all is well."""
    wire = Wire(open_lab, KINDS["another queue"], 2)
    probes = Probes(Wired(wire))
    assert probes.look(0.0) == []
    come_back(wire)
    said = probes.look(1.0)
    assert len(said) == 2
    assert said[0] == (
        "port lan0: probes to local address 198.18.0.1 came to worker 1, and are for worker 0, "
        "although it is steered by flow; replies are handed over"
    )
    come_back(wire)
    assert probes.look(2.0) == []
    come_back(wire)
    wire.repair()
    for second in range(3, 40):
        said = probes.look(float(second))
        come_back(wire)
        if said:
            break
    assert "port lan0: probes to local address 198.18.0.1 come to their workers now" in said


def test_nothing_is_proved_by_silence(open_lab: OpenLab) -> None:
    """Nor by half of it."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    probes = Probes(Wired(wire))
    for second in range(3):
        probes.look(float(second))
        list(wire.sent())
    assert {view.state for view in probes.rows()} == {"unproved"}
    assert {view.attempts for view in probes.rows()} == {2}
    for second in range(3, 8):
        probes.look(float(second))
        for _, frame in wire.sent():
            if TCP in Ether(frame):
                wire.harness.queue(wire.queue(frame), [next_hop(frame)])
        list(wire.sent())
    assert {view.state for view in probes.rows()} == {"unproved"}


@pytest.mark.parametrize("name", ["plain rules", "no rules", "neither rules nor RSS"])
def test_the_frames(open_lab: OpenLab, name: str) -> None:
    """From the port's own address to the local one, sound, sent by another worker than sees it."""
    wire = Wire(open_lab, KINDS[name], 2)
    for address, worker, _ in laddrs(2):
        everybody = name == "no rules"
        count = 2 * EACH * (2 if everybody else 1)
        assert wire.harness.probe(address) == count
        sent = list(wire.sent())
        assert len(sent) == count
        for sender, frame in sent:
            packet = Ether(frame)
            assert (packet.src, packet.dst) == (PORT_MAC, GATEWAY_MAC)
            inner = packet[IPv6 if ":" in address else IP]
            assert (inner.src, inner.dst) == (OWN6 if ":" in address else OWN, address)
            assert sound(packet)
            assert packet[TCP if TCP in packet else UDP].dport < 1024
            assert bytes(frame[-16:-8]) == MAGIC
            if everybody:
                assert wire.queue(frame) == 1 - sender
            else:
                assert sender == 1 - worker


def sound(packet: Packet) -> bool:
    """Whether the checksums and lengths are those that are to be."""
    again = Ether(bytes(packet))
    for layer in (IP, TCP, UDP):
        if layer in again:
            del again[layer].chksum
            if layer is not TCP:
                del again[layer].len
    if IPv6 in again:
        del again[IPv6].plen
    return bytes(again) == bytes(packet)


def test_a_tagged_port(open_lab: OpenLab) -> None:
    nic = KINDS["plain rules"].nic
    settings = Settings(workers=1, laddrs=laddrs(1), nics={0: nic}, vlans={0: 7}, ports=1)
    lab = open_lab(settings).usual()
    lab.harness.wire(tx_queues=1, tx_room=64)
    lab.harness.round(0)
    lab.harness.probe("198.18.0.1")
    lab.harness.rounds(0)
    frames = lab.harness.take_sent(0, 0)
    assert len(frames) == 2 * EACH and {Ether(frame)[Dot1Q].vlan for frame in frames} == {7}
    lab.harness.receive(0, [bytes(Ether(f)) for f in frames])
    assert lab.harness.drops() == {(0, "STEERING_PROBE"): 2 * EACH}


def spoilt(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]


@pytest.mark.parametrize("address", ["198.18.0.1", "2001:db8:18::1"])
def test_nobody_else_makes_one(open_lab: OpenLab, address: str) -> None:
    """Any other nonce, word, length or port, and a fragment: a packet without a session."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    wire.harness.probe(address)
    frames = [next_hop(frame) for _, frame in wire.sent()]
    ip_len = 40 if ":" in address else 20
    forged: list[bytes] = []
    for frame in frames:
        forged += [spoilt(frame, len(frame) - 1 - n) for n in range(16)]
        high = bytearray(frame)
        high[IP_AT + ip_len + 2] |= 0x80
        forged.append(bytes(high))
        longer = Ether(frame)
        longer[TCP if TCP in longer else UDP].add_payload(b"x")
        forged.append(fitted(longer))
        shorter = Ether(frame)
        shorter[TCP if TCP in shorter else UDP].payload.load = MAGIC
        forged.append(fitted(shorter))
    for frame in forged:
        wire.harness.queue(0, [frame])
        assert not list(wire.sent())
    assert wire.harness.drops() == {(0, "NO_SESSION"): len(forged)}
    assert not any(any(row.right + row.elsewhere) for row in wire.harness.probes())


def fitted(packet: Packet) -> bytes:
    """With the lengths and checksums of what it has become."""
    for layer in (IP, TCP, UDP, IPv6):
        if layer in packet:
            for name in ("len", "plen", "chksum"):
                if name in packet[layer].fields:
                    packet[layer].delfieldval(name)
    return bytes(packet)


def test_another_life_has_another_nonce(open_lab: OpenLab) -> None:
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    wire.harness.probe("198.18.0.1")
    frames = [next_hop(frame) for _, frame in wire.sent()]
    again = Wire(open_lab, KINDS["plain rules"], 2)
    for frame in frames:
        again.harness.queue(0, [frame])
    assert not list(again.sent())
    assert again.harness.drops() == {(0, "NO_SESSION"): 2 * EACH}


@pytest.mark.parametrize(
    "view",
    [
        replace(PLAIN, neighbours=()),
        replace(PLAIN, own=()),
        replace(PLAIN, own=("fe80::2",)),
        replace(PLAIN, routes=(Route("192.0.2.0/24"), Route("2001:db8::/64"))),
    ],
    ids=["no MAC", "no address", "only of the link", "no router"],
)
def test_no_way_to_send_one(open_lab: OpenLab, view: View) -> None:
    """It is asked again, every second."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    wire.harness.forward(view)
    probes = Probes(Wired(wire))
    for second in range(4):
        probes.look(float(second))
    assert not list(wire.sent())
    assert {(row.state, row.attempts) for row in probes.rows()} == {("unproved", 0)}
    wire.harness.forward(PLAIN)
    states = until(wire, probes, lambda found: found == {"proved"})
    assert len(states) == len(laddrs(2))


def test_attempts_take_turns_with_the_next_hops(open_lab: OpenLab) -> None:
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    others = {f"aa:aa:aa:00:01:{n:02x}": f"192.0.2.{100 + n}" for n in range(3)}
    routes = [Route(f"10.{n}.0.0/16", hop) for n, hop in enumerate(others.values())]
    neighbours = [Neighbour(hop, mac) for mac, hop in others.items()]
    view = replace(
        PLAIN, routes=(*PLAIN.routes, *routes), neighbours=(*PLAIN.neighbours, *neighbours)
    )
    wire.harness.forward(view)
    used: list[str] = []
    for attempt in range(8):
        wire.harness.probe("198.18.0.1", attempt)
        (mac,) = {Ether(frame).dst for _, frame in wire.sent()}
        used.append(mac)
    assert sorted(used) == sorted(2 * [GATEWAY_MAC, *others])


def test_addresses_that_come_and_go(open_lab: OpenLab) -> None:
    """One that comes is proved, as are those whose port it is; one that has gone is not probed."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    probes = Probes(Wired(wire))
    until(wire, probes, lambda found: found == {"proved"})
    old = [address for address, _, _ in laddrs(2)]
    wire.set_laddrs(*old[1:], "198.18.0.99")
    assert wire.harness.probe(old[0]) == 0
    probes.look(300.0)
    assert {view.state for view in probes.rows()} == {"unproved"}
    states = until(wire, probes, lambda found: found == {"proved"})
    assert set(states) == {*old[1:], "198.18.0.99"}


def test_a_worker_that_stands_still_holds_nobody_up(open_lab: OpenLab) -> None:
    """Its inbox fills, and there is still room to change things."""
    wire = Wire(open_lab, KINDS["plain rules"], 2)
    sent = [wire.harness.probe("198.18.0.1") for _ in range(100)]
    assert 0 in sent and sent.count(2 * EACH) > 50
    list(wire.sent())
    assert wire.harness.probe("198.18.0.1") == 2 * EACH
    list(wire.sent())


def test_without_buffers(open_lab: OpenLab) -> None:
    """Nothing is sent, and nothing lost."""
    lab = open_lab(Settings(workers=1, laddrs=laddrs(1), ports=1)).usual()
    lib.harness_spare(0)
    lab.harness.probe("198.18.0.1")
    lab.harness.forward(PLAIN)
    assert lab.harness.take(0) == []
    assert lab.harness.drops() == {(0, "NO_MBUF"): 2 * EACH}
