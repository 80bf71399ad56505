# SPDX-License-Identifier: BSD-3-Clause
"""The KNI core's own receive queue: who gets one, what the NIC is told, and what becomes of frames.

NIC -> queue behind the workers' -> KNI core -> kernel interface
                                       '-> worker 0, what has come there by mistake
"""

import random
from dataclasses import replace
from typing import Any

import pytest
from driver import Harness, Refused
from lab import PLAIN, Lab, OpenLab
from packets.frames import (
    CLIENT,
    GATEWAY,
    GATEWAY6,
    OWN,
    OWN6,
    answer,
    ip,
    ip6,
    patched,
    tcp,
    tcp6,
    udp,
)
from packets.nic import Nic, NicRule
from packets.rss import random_rss
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS
from scapy.layers.l2 import ARP, Ether
from values import Settings

pytestmark = pytest.mark.path

ROUTERS = ("224.0.0.5", "224.0.0.6", "ff02::5", "ff02::6")
OWN_NETS = (f"{OWN}/24", f"{OWN6}/64")
MANY = 600
PPS = 1600
DEPTH = PPS // 4
NO_QUEUE = "no queue for the KNI core: "
VLAN = 7
PING = bytes(ip(CLIENT, OWN) / ICMP(id=1, seq=1) / b"payload")
HELLO = bytes(ip(GATEWAY, "224.0.0.5", proto=89) / bytes(44))
KERNELS = {
    "OSPF to all routers": HELLO,
    "OSPF to the designated ones": bytes(ip(GATEWAY, "224.0.0.6", proto=89) / bytes(44)),
    "OSPF to the host": bytes(ip(GATEWAY, OWN, proto=89) / bytes(44)),
    "OSPF in a fragment": bytes(ip(GATEWAY, OWN, proto=89, flags="MF") / bytes(48)),
    "ping": PING,
    "ssh": bytes(tcp(dst=OWN, dport=22)),
    "DNS": bytes(udp(dst=OWN)),
    "OSPFv3 to all routers": bytes(ip6(GATEWAY6, "ff02::5", nh=89) / bytes(36)),
    "OSPFv3 to the designated ones": bytes(ip6(GATEWAY6, "ff02::6", nh=89) / bytes(36)),
    "ping over IPv6": bytes(ip6(dst=OWN6) / ICMPv6EchoRequest()),
    "ssh over IPv6": bytes(tcp6(dst=OWN6, dport=22)),
    "a neighbour's question": bytes(ip6(GATEWAY6, OWN6) / ICMPv6ND_NS(tgt=OWN6)),
}


def laddrs(workers: int) -> tuple[tuple[str, int, int], ...]:
    """A local address of each family for each worker."""
    return (
        *((f"198.18.0.{n + 1}", n, 0) for n in range(workers)),
        *((f"2001:db8:18::{n + 1:x}", n, 0) for n in range(workers)),
    )


def nic_for(workers: int, **other: Any) -> Nic:
    """A NIC with a queue more than there are workers, and what it takes to use it."""
    rss = random_rss(random.Random(workers), workers + 1, 128)
    return replace(Nic(rss, queues=workers + 1, rules_max=MANY), **other)


def settings(workers: int = 2, nic: Nic | None = None, **other: Any) -> Settings:
    """A port with such a NIC, a kernel interface and addresses."""
    plain = Settings(
        workers=workers,
        ports=1,
        laddrs=laddrs(workers),
        nics={0: nic or nic_for(workers)},
        kni=True,
        own=OWN_NETS,
    )
    return replace(plain, **other)


def kni_rules(workers: int) -> list[NicRule]:
    """The rules for the KNI core where each address needs one."""
    return [NicRule(address, workers) for address in (*ROUTERS, OWN, OWN6)]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_queue_behind_the_workers(open_lab: OpenLab, workers: int) -> None:
    """Rules lead there before those of the local addresses, and RSS to the workers alone."""
    harness = open_lab(settings(workers)).harness
    assert harness.kni_queue() == workers
    rss, rules = harness.nic()
    assert set(rss.table) == set(range(workers))
    local = [NicRule(address, worker) for address, worker, _ in laddrs(workers)]
    assert rules == kni_rules(workers) + (local if workers > 1 else [])
    reason = "one worker: nothing to steer" if workers == 1 else ""
    assert harness.steering() == ("SINGLE" if workers == 1 else "FLOW", reason)


def test_rules_of_a_kind(open_lab: OpenLab) -> None:
    """Where filters know the kinds of packets apart, each address has one for each."""
    harness = open_lab(settings(nic=nic_for(2, driver="net_i40e", kinds=True))).harness
    shapes = ("TCP", "UDP", "ANY", "FRAGMENT")
    wanted = [replace(rule, shape=shape) for rule in kni_rules(2) for shape in shapes]
    assert harness.nic()[1][: len(wanted)] == wanted


def test_a_driver_without_rules_for_ipv6(open_lab: OpenLab) -> None:
    """IPv6 is left to the workers; the rules for IPv4 count among those that there is room for."""
    many = tuple((f"198.18.{n // 200}.{n % 200 + 1}", n % 2, 0) for n in range(150))
    nic = nic_for(2, driver="net_ixgbe", faults=("NO_V6",))
    harness = open_lab(settings(nic=nic, laddrs=many)).harness
    rules = harness.nic()[1]
    assert [rule.to for rule in rules[:3]] == ["224.0.0.5", "224.0.0.6", OWN]
    assert len(rules) == 128
    why = harness.steering()[1]
    assert "the device has room for 128 rules" in why
    assert "the KNI core's queue: the device takes no rules by IPv6 destination alone" in why


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("vlan", [0, VLAN])
def test_the_kernel_gets_what_is_its(open_lab: OpenLab, name: str, vlan: int) -> None:
    """By the NIC's rules to the KNI core, and from there on, without the tag."""
    lab = open_lab(settings(vlans={0: vlan}))
    frame = KERNELS[name]
    assert queue_of(lab, frame) == 2
    lab.harness.wire(tx_queues=2, tx_room=64)
    lab.harness.queue(2, [tagged(frame, vlan) if vlan else frame])
    assert lab.harness.kni_rounds() == 1
    assert lab.harness.take_kernel() == [frame]
    assert lab.harness.kni_dropped() == 0
    assert lab.harness.mbufs_in_use() == 0


def queue_of(lab: Lab, frame: bytes) -> int:
    """That the NIC gives a frame."""
    rss, rules = lab.harness.nic()
    nic = replace(lab.harness.settings.nics[0], rss=rss)
    return nic.queue(frame, rules, lab.harness.settings.workers)


def tagged(frame: bytes, vlan: int) -> bytes:
    """The frame with a VLAN tag."""
    return patched(frame, 12, b"\x81\0" + vlan.to_bytes(2, "big") + frame[12:])


def test_what_is_the_workers_does_not_come(open_lab: OpenLab) -> None:
    """Clients by any hash, ARP, groups that are no routers', other hosts."""
    lab = open_lab(settings())
    clients = [bytes(tcp(sport=port)) for port in range(1000, 1300)]
    others = [ip(GATEWAY, "224.0.0.9"), ip(GATEWAY, "192.0.2.9"), ip6(GATEWAY6, "ff02::1")]
    frames = [*clients, *(bytes(other / ICMP()) for other in others)]
    assert {queue_of(lab, frame) for frame in frames} <= {0, 1}


FALLBACKS = {
    "a table that cannot be written": (
        nic_for(2, faults=("TABLE_FIXED",)),
        {},
        "the redirection table cannot be written: Operation not supported",
    ),
    "nor read": (
        nic_for(2, faults=("TABLE_FIXED", "TABLE_HIDDEN")),
        {},
        "the redirection table cannot be written",
    ),
    "a table that stays as it was": (
        nic_for(2, faults=("TABLE_STUCK",)),
        {},
        "the redirection table is not as it was written",
    ),
    "no rules": (nic_for(2, rules_max=0), {}, "the device takes no rule by destination: no rules"),
    "no rules for IPv6": (
        nic_for(2, faults=("NO_V6",)),
        {},
        "the device takes no rule by destination: no IPv6 here",
    ),
    "room for all rules but one": (
        nic_for(2, rules_max=5),
        {},
        "the device takes no further rule: no room",
    ),
    "the last rule breaks": (
        nic_for(2, breaks_at=6),
        {},
        "the device takes no further rule: broken",
    ),
    "as many queues as workers": (nic_for(2, queues=2), {}, "the device has 2 receive queues"),
    "so many configured": (nic_for(2), {"queues": 2}, "`queues` is 2"),
    "no RSS": (nic_for(2, rss=None), {}, "the device has no RSS with a redirection table"),
}


@pytest.mark.parametrize("name", FALLBACKS)
def test_who_cannot_have_one(open_lab: OpenLab, name: str) -> None:
    """Nothing of it is left in the NIC, and it is said why."""
    nic, other, words = FALLBACKS[name]
    harness = open_lab(settings(nic=nic, **other)).harness
    assert harness.kni_queue() is None
    assert not {rule.to for rule in harness.nic()[1]} & {*ROUTERS, OWN, OWN6}
    assert NO_QUEUE + words in harness.steering()[1]


def test_local_addresses_have_rules_all_the_same(open_lab: OpenLab) -> None:
    """Where those for the KNI core were not to be had, by the table or the one that broke."""
    for nic in (nic_for(2, faults=("TABLE_FIXED",)), nic_for(2, queues=2)):
        harness = open_lab(settings(nic=nic)).harness
        assert harness.nic()[1] == [NicRule(address, to) for address, to, _ in laddrs(2)]


@pytest.mark.parametrize("other", [{"kni": False}, {"steering": "SOFT"}, {"steering": "RSS_PORT"}])
def test_who_is_not_meant_to_have_one(open_lab: OpenLab, other: dict[str, Any]) -> None:
    """Without a kernel interface, or without rules wanted, there is nothing to explain."""
    harness = open_lab(settings(**other)).harness
    assert harness.kni_queue() is None
    assert "KNI" not in harness.steering()[1]


def test_a_port_with_clients_alone(open_lab: OpenLab) -> None:
    """It needs no local addresses for that."""
    both = settings(2, ports=2, nics={1: nic_for(2)})
    harness = open_lab(both).harness
    assert harness.kni_queue(1) == 2
    assert harness.nic(1)[1] == [NicRule(address, 2) for address in ROUTERS]


def wired(open_lab: OpenLab, **other: Any) -> Harness:
    """The KNI core and two workers between rings, with services."""
    harness = open_lab(settings(**other)).usual().harness
    harness.wire(tx_queues=2, tx_room=1024)
    return harness


def flood(harness: Harness, frame: bytes, count: int) -> int:
    """Let so many frames come to the KNI core's queue; returns how many the kernel was given."""
    given = 0
    for first in range(0, count, 32):
        harness.queue(2, [frame] * min(32, count - first))
        assert harness.kni_rounds() == 1
        given += len(harness.take_kernel())
    assert harness.mbufs_in_use() == 0
    return given


FLOODS = {
    "ping": PING,
    "OSPF from behind a router": bytes(ip(CLIENT, OWN, proto=89) / bytes(44)),
    "OSPF from behind a router, to all routers": bytes(ip(CLIENT, "224.0.0.5", proto=89) / b"."),
    "another protocol to all routers": bytes(ip(GATEWAY, "224.0.0.5") / ICMP()),
    "OSPFv3 from behind a router": bytes(ip6("2001:db8:c::9", OWN6, nh=89) / bytes(36)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_does_not_cost_the_hellos(open_lab: OpenLab, name: str) -> None:
    """The meters have the whole process's rates, one for OSPF from the link."""
    harness = wired(open_lab, pps=dict.fromkeys(("ospf", "arp", "other"), PPS))
    assert flood(harness, FLOODS[name], 1000) == DEPTH
    assert harness.kni_dropped() == 1000 - DEPTH
    for hello in ("OSPF to all routers", "OSPF to the host", "OSPFv3 to all routers"):
        assert flood(harness, KERNELS[hello], 50) == 50
    assert flood(harness, KERNELS["a neighbour's question"], 50) == 50
    harness.move_clock(0.0625)
    assert flood(harness, FLOODS[name], 1000) == PPS // 16


def test_a_flood_of_ospf_is_cut_too(open_lab: OpenLab) -> None:
    harness = wired(open_lab, pps={"ospf": PPS, "arp": PPS, "other": PPS})
    assert flood(harness, HELLO, 1000) == DEPTH
    assert flood(harness, PING, 100) == 100


def test_a_round_is_a_burst(open_lab: OpenLab) -> None:
    """However many wait."""
    harness = wired(open_lab)
    for _ in range(3):
        harness.queue(2, [HELLO] * 32)
    assert harness.kni_round()
    assert len(harness.take_kernel()) == 32
    assert harness.kni_rounds() == 2
    assert len(harness.take_kernel()) == 64


@pytest.mark.parametrize(
    "frame", [HELLO, tagged(HELLO, VLAN + 1), tagged(HELLO, VLAN)[:16], tagged(HELLO, 0)]
)
def test_frames_of_no_vlan_or_another(open_lab: OpenLab, frame: bytes) -> None:
    harness = wired(open_lab, vlans={0: VLAN})
    harness.queue(2, [frame])
    harness.kni_rounds()
    assert (harness.take_kernel(), harness.kni_dropped()) == ([], 1)
    assert harness.rounds(0) == 0
    assert harness.mbufs_in_use() == 0


def settled(harness: Harness) -> dict[int, list[bytes]]:
    """Run the workers until nobody has anything to do; what has left by the worker that sent it."""
    while any(harness.round(worker) for worker in (0, 1)):
        pass
    return {worker: sent for worker in (0, 1) if (sent := harness.take_sent(0, worker))}


@pytest.mark.parametrize("vlan", [0, VLAN])
def test_what_has_come_by_mistake(open_lab: OpenLab, vlan: int) -> None:
    """Worker 0 takes it as if it had received it: a client's goes on, a reply to its owner."""
    harness = wired(open_lab, vlans={0: vlan})
    with_tag = (lambda f: tagged(f, vlan)) if vlan else (lambda f: f)
    plain = (lambda f: f[:12] + f[16:]) if vlan else (lambda f: f)
    harness.queue(1, [with_tag(bytes(tcp()))])
    ((_, (forwarded,)),) = settled(harness).items()
    reply = with_tag(bytes(answer(plain(forwarded))))
    harness.queue(2, [reply, with_tag(bytes(udp()))])
    assert harness.kni_rounds() == 1
    assert harness.take_kernel() == []
    sent = settled(harness)
    assert {worker: len(frames) for worker, frames in sent.items()} == {0: 1, 1: 1}
    assert Ether(plain(sent[1][0])).dst == Ether(bytes(answer(bytes(tcp())))).src
    assert harness.misdirected() == [1, 0]
    assert (harness.drops(), harness.kni_dropped()) == ({}, 0)


def test_an_address_that_is_the_hosts_no_more(open_lab: OpenLab) -> None:
    """The rule stays, and brings what is a worker's, until the address is the host's again."""
    harness = wired(open_lab)
    harness.forward(replace(PLAIN, own=(OWN6,)))
    harness.queue(2, [PING, KERNELS["ping over IPv6"]])
    harness.kni_rounds()
    assert harness.take_kernel() == [KERNELS["ping over IPv6"]]
    settled(harness)
    assert harness.drops() == {(0, "NOT_FOR_US"): 1}
    harness.forward(PLAIN)
    harness.queue(2, [PING])
    harness.kni_rounds()
    assert harness.take_kernel() == [PING]


def test_what_has_come_by_mistake_and_is_the_kernels(open_lab: OpenLab) -> None:
    """ARP, and what is malformed, are the worker's to punt and to drop by name."""
    harness = wired(open_lab)
    question = bytes(Ether(src="aa:aa:aa:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP())
    harness.queue(2, [question, PING[:20], b"short", patched(PING, 14, b"\x44")])
    harness.kni_rounds()
    settled(harness)
    assert harness.take_punted(0) == [question]
    assert harness.drops() == {(0, "SHORT"): 2, (0, "BAD_IHL"): 1}


def test_a_flood_by_mistake_leaves_room_for_the_kernel(open_lab: OpenLab) -> None:
    """What the kernel sends goes by the same ring to worker 0, of which half is its own."""
    harness = wired(open_lab)
    client = bytes(udp())
    for _ in range(20):
        harness.queue(2, [client] * 32)
        harness.kni_rounds()
    assert harness.kni_dropped() == 20 * 32 - 512
    assert harness.mbufs_in_use() == 512, "the queue's own buffers are back"
    harness.kernel_sends([HELLO])
    harness.kni_rounds()
    assert harness.kni_dropped() == 20 * 32 - 512
    assert HELLO in settled(harness)[0]


def test_the_workers_punting_goes_on(open_lab: OpenLab) -> None:
    """What no rule has brought to the KNI core's queue comes by a worker's ring."""
    harness = wired(open_lab)
    harness.receive(1, [HELLO, PING])
    harness.kni_rounds()
    assert harness.take_kernel() == [HELLO, PING]
    harness.kernel_sends([PING])
    harness.kni_rounds()
    harness.rounds(0)
    assert harness.take_sent(0, 0) == [PING]


def given(harness: Harness, *addresses: str) -> list[NicRule]:
    """Replace the local addresses while the host has no IPv4 address; returns the NIC's rules."""
    harness.forward(replace(PLAIN, own=(OWN6,)))
    harness.set_laddrs(*addresses)
    return harness.nic()[1]


OLD = [address for address, _, _ in laddrs(2)]


@pytest.mark.parametrize("room", [MANY, 10])
def test_the_hosts_address_becomes_a_local_one(open_lab: OpenLab, room: int) -> None:
    """Its rule to the KNI core gives way to one to its worker, where there is no other room too."""
    harness = open_lab(settings(nic=nic_for(2, rules_max=room))).harness
    rules = given(harness, *OLD, OWN)
    kept = [rule for rule in kni_rules(2) if rule.to != OWN]
    local = [NicRule(address, to) for address, to, _ in laddrs(2)]
    assert sorted(map(str, rules)) == sorted(map(str, [*kept, *local, NicRule(OWN, 0)]))
    assert OWN not in {rule.to for rule in given(harness, *OLD)}


@pytest.mark.parametrize(("workers", "room"), [(1, MANY), (2, 6)])
def test_it_becomes_one_without_rules(open_lab: OpenLab, workers: int, room: int) -> None:
    """Nor has the KNI core any for it, where the local addresses have none."""
    harness = open_lab(settings(workers, nic=nic_for(workers, rules_max=room))).harness
    rules = given(harness, *(address for address, _, _ in laddrs(workers)), OWN)
    assert rules == [rule for rule in kni_rules(workers) if rule.to != OWN]
    assert {row.worker for row in harness.laddrs() if row.address == OWN} == set(range(workers))


def test_replies_to_it_come_to_its_worker(open_lab: OpenLab) -> None:
    lab = open_lab(settings()).usual()
    rules = given(lab.harness, OWN, OLD[1], OLD[2], OLD[3])
    assert NicRule(OWN, 0) in rules
    (sent,) = lab.harness.run(0, [bytes(udp())])
    assert sent.what == "TX 0"
    assert queue_of(lab, bytes(answer(sent.data))) == 0


def test_rules_that_come_later_count_beside_them(open_lab: OpenLab) -> None:
    """The KNI core's and the local addresses' share what the driver has room for."""
    nic = nic_for(2, driver="net_ixgbe", faults=("NO_V6",))
    harness = open_lab(settings(nic=nic)).harness
    many = [f"198.19.{n // 200}.{n % 200 + 1}" for n in range(150)]
    harness.set_laddrs(*many, *OLD)
    assert len(harness.nic()[1]) == 128
    harness.set_laddrs(*many[40:], *OLD)
    harness.set_laddrs(*many[40:], *OLD, "198.18.9.1")
    rules = harness.nic()[1]
    assert {"198.18.9.1", "224.0.0.5", "224.0.0.6", OWN} <= {rule.to for rule in rules}


def test_what_is_refused_leaves_the_rules(open_lab: OpenLab) -> None:
    harness = open_lab(settings()).usual().harness
    before = harness.nic()[1]
    with pytest.raises(Refused, match="worker 1 would be left without an IPv6 local address"):
        harness.set_laddrs(*OLD[:2], "2001:db8:19::1")
    assert harness.nic()[1] == before
