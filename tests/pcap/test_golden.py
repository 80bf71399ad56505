# SPDX-License-Identifier: BSD-3-Clause
"""Captures through the whole engine: what comes out of a port is what a translation from scratch
makes of what went in, for every frame, in both directions.

client frames -> [FIFO] net_pcap -> worker -> net_pcap [file] -> the test answers as the RS would
"""

from collections import Counter
from pathlib import Path

import pytest
from packets.frames import CLIENT, GATEWAY_MAC, LOCAL, OWN, RS, VIP, answer, icmp, tcp, udp
from packets.nat import Shift, endpoints, translated
from packets.nat import Wire as Leaves
from pcap_rig import PcapRig
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

pytestmark = pytest.mark.pcap

FLOWS = 60
RS_MAC = "bb:bb:bb:00:00:01"
TWO_ARMS = {
    "routes": [
        {"prefix": "192.0.2.0/24", "gateway": None, "port": 0},
        {"prefix": "0.0.0.0/0", "gateway": "192.0.2.1", "port": 0},
        {"prefix": "10.10.0.0/24", "gateway": None, "port": 1},
    ],
    "neighbours": [
        {"address": "192.0.2.1", "mac": GATEWAY_MAC, "port": 0},
        {"address": RS, "mac": RS_MAC, "port": 1},
    ],
    "own": [],
}


JUMBO = 9000


def syn(payload: bytes, *, sport: int) -> Packet:
    """A client's first segment, with data."""
    return tcp("S", payload, sport=sport)


def questions() -> list[bytes]:
    """First packets of many clients, TCP and UDP in turn, told apart by what they carry."""
    return [
        bytes(tcp("S", b"q" * n, sport=1024 + n) if n % 2 else udp(b"q" * n, sport=1024 + n))
        for n in range(FLOWS)
    ]


def by_client(frames: list[bytes], end: int) -> dict[int, bytes]:
    """Frames by the client's port, which is that of the source or of the destination."""
    found = {endpoints(frame)[end][1]: frame for frame in frames}
    assert len(found) == len(frames)
    return found


def match(asked: list[bytes], seen: list[bytes], src_mac: str, dst_mac: str) -> dict[int, bytes]:
    """Find for each question the frame that the RS saw, and compare every byte."""
    service = {80: 8080, 53: 5353}
    left = list(seen)
    found = {}
    for frame in asked:
        (_, port), (_, vs_port) = endpoints(frame)
        for one in left:
            local, server = endpoints(one)
            leaves = Leaves(src_mac, dst_mac, local, server)
            shift = Shift.learn(frame, one)
            if server == (RS, service[vs_port]) and one == translated(frame, one, leaves, shift):
                found[port] = one
                left.remove(one)
                break
    assert not left and len(found) == len(asked)
    return found


def converse(rig: PcapRig, client_port: int, server_port: int, mac: str) -> dict[int, bytes]:
    """Every client asks, every RS answers; returns what the RS saw, by the client's port."""
    asked = questions()
    rig.wires[client_port].send(asked)
    seen = match(asked, rig.receive(FLOWS, server_port), rig.macs[server_port], mac)
    replies = {port: bytes(answer(frame, payload=b"r" * port)) for port, frame in seen.items()}
    rig.wires[server_port].send(replies.values())
    answered(asked, seen, replies, rig.receive(FLOWS, client_port), rig.macs[client_port])
    return seen


def answered(
    asked: list[bytes],
    seen: dict[int, bytes],
    replies: dict[int, bytes],
    came: list[bytes],
    src_mac: str,
) -> None:
    """Compare every byte of what came to the clients with their RS's replies."""
    asked_by = by_client(asked, 0)
    for port, frame in by_client(came, 1).items():
        _, vip = endpoints(asked_by[port])
        leaves = Leaves(src_mac, GATEWAY_MAC, vip, (CLIENT, port))
        shift = Shift.learn(asked_by[port], seen[port])
        assert frame == translated(replies[port], frame, leaves, shift, inwards=False)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_arm(tmp_path: Path, workers: int) -> None:
    """With two workers, the second has no queue: it gets its share by ring and sends by ring."""
    with PcapRig(tmp_path, workers=workers) as rig:
        seen = converse(rig, 0, 0, GATEWAY_MAC)
        end = rig.finish()
        used = Counter(endpoints(frame)[0][0] for frame in seen.values())
        assert set(used) == set(LOCAL[:workers])
        assert end.total("tx_packets") == 2 * FLOWS
        assert end.drops == {"PUNT_NO_KNI": rig.idle_frames()}
        assert end.total("sessions_active") == FLOWS
        (port,) = end.raw["ports"]
        assert (port["tx_packets"], port["rx_queues"]) == (2 * FLOWS, 1)
        traffic = [vs["traffic"] for vs in end.raw["vs"]]
        assert [(t["in_packets"], t["out_packets"]) for t in traffic] == [(FLOWS // 2,) * 2] * 2
        # The second worker's answers go out through the first: sent, but not handed off.
        assert end.total("handed_off") == end.total("handed_in")
        assert [w["handed_off"] for w in end.raw["workers"][1:]] == [0] * (workers - 1)
        listed = {int(s["client"].split(":")[1]): s["local"] for s in end.raw["sessions"]}
        assert listed == {p: "{}:{}".format(*endpoints(f)[0]) for p, f in seen.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_two_arms(tmp_path: Path, workers: int) -> None:
    """Clients on one port, servers on the other."""
    with PcapRig(tmp_path, workers=workers, ports=2, view=TWO_ARMS) as rig:
        converse(rig, 0, 1, RS_MAC)
        end = rig.finish()
        assert [port["tx_packets"] for port in end.raw["ports"]] == [FLOWS, FLOWS]
        assert end.drops == {"PUNT_NO_KNI": rig.idle_frames()}


def test_a_queue_for_each_worker(tmp_path: Path) -> None:
    """Replies come in on the wrong queue, one after the other, and all find their session."""
    with PcapRig(tmp_path, workers=2, queues=2) as rig:
        asked = questions()
        rig.wires[0].send(asked[: FLOWS // 2])
        rig.wires[1].send(asked[FLOWS // 2 :])
        seen = match(asked, rig.receive(FLOWS), rig.macs[0], GATEWAY_MAC)
        owner = {local: worker for worker, local in enumerate(LOCAL)}
        for frame in seen.values():
            rig.wires[1 - owner[endpoints(frame)[0][0]]].send([bytes(answer(frame))])
        by_client(rig.receive(FLOWS), 1)
        end = rig.finish()
        assert end.total("tx_packets") == 2 * FLOWS
        assert end.total("handed_in") >= FLOWS
        assert end.drops == {"PUNT_NO_KNI": rig.idle_frames()}


@pytest.mark.parametrize("workers", [1, 2])
def test_jumbo_frames(tmp_path: Path, workers: int) -> None:
    """Packets up to the port's MTU of 9,000 go both ways."""
    with PcapRig(tmp_path, workers=workers, mtu=JUMBO) as rig:
        asked = [
            bytes(make(b"j" * (JUMBO - 20 - header - less), sport=2000 + 2 * less + tcp_too))
            for tcp_too, (make, header) in enumerate(((udp, 8), (syn, 20)))
            for less in (0, 1, 100, 7000)
        ]
        rig.wires[0].send(asked)
        seen = match(asked, rig.receive(len(asked)), rig.macs[0], GATEWAY_MAC)
        long = b"r" * (JUMBO - 40)
        replies = {port: bytes(answer(frame, payload=long)) for port, frame in seen.items()}
        rig.wires[0].send(replies.values())
        came = rig.receive(len(asked))
        assert {len(frame) for frame in came} == {JUMBO + 14, JUMBO + 2}
        answered(asked, seen, replies, came, rig.macs[0])
        assert rig.finish().drops == {"PUNT_NO_KNI": rig.idle_frames()}


def test_without_a_kernel_interface_punted_packets_are_counted(tmp_path: Path) -> None:
    frames = [
        bytes(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=OWN)),
        bytes(tcp(dst=OWN, dport=22)),
        bytes(udp(dst="224.0.0.251")),
    ]
    with PcapRig(tmp_path) as rig:
        rig.wires[0].send([*frames, bytes(icmp())])
        (reply,) = rig.receive(1)
        assert Ether(reply)[1].src == VIP
        end = rig.finish()
        assert end.drops == {"PUNT_NO_KNI": rig.idle_frames() + len(frames)}
        assert end.total("tx_packets") == 1


def test_repetitions(tmp_path: Path) -> None:
    """A frame that comes five times is one session, and leaves five times alike."""
    with PcapRig(tmp_path) as rig:
        rig.wires[0].send([bytes(tcp("S"))] * 5)
        assert len(set(rig.receive(5))) == 1
        end = rig.finish()
        assert end.total("sessions_created") == 1
        assert end.raw["sessions"][0]["state"] == "syn_sent"
