# SPDX-License-Identifier: BSD-3-Clause
"""A PCI NIC, driven by slbd through uio_pci_generic and hugepages, receives real traffic.

The clients and pods are those of lan.py, in both families. With two queues the device itself
spreads the clients over the workers by RSS; with one, the worker that has it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from guest import Guest
from guest_slbd import HUGEPAGES, GuestSlbd, begin, bind, guest_config
from lan import NICS, WORKERS, Nic

from rig.addresses import FAMILIES, Family
from rig.load import Outcome
from rig.waiting import wait
from rig.ways import Way

# The first of them boots.
pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

WIDTH = 10
UDP_REQUESTS = 200
# The families of clients and pods.
SAME = [Way(family, family) for family in FAMILIES]
CONNECTIONS = 100
# On each of those that are open through a change.
REQUESTS_EACH = 10
# Of so many flows far more than that reach each of two queues, whatever the key of the hash.
LEAST_SHARE = 0.25


@dataclass(frozen=True)
class Link:
    """slbd on a NIC."""

    guest: Guest
    nic: Nic
    slbd: GuestSlbd

    def workers(self) -> list[dict[str, Any]]:
        """The counters of each worker."""
        return self.slbd.items("/v1/workers")

    def set_workers(self, count: int) -> None:
        """Spread clients over so many workers."""
        body = f'{{"count": {count}}}'
        self.slbd.send("PATCH", "/v1/workers", body)

    def steering(self) -> dict[str, Any]:
        """How the port's packets find their workers."""
        (row,) = self.slbd.items("/v1/steering")
        return row

    def gained(self, before: list[dict[str, Any]], counter: str) -> list[int]:
        """What each worker's counter has grown by."""
        pairs = zip(self.workers(), before, strict=True)
        return [int(now[counter]) - int(then[counter]) for now, then in pairs]


@pytest.fixture(scope="module", params=NICS, ids=lambda nic: f"{nic.queues}q")
def link(guest: Guest, request: pytest.FixtureRequest) -> Iterator[Link]:
    """slbd on one of the NICs, with HTTP and DNS on every pod."""
    nic: Nic = request.param
    guest.machine.write("/proc/sys/vm/nr_hugepages", str(HUGEPAGES))
    bind(guest.machine, nic, "uio_pci_generic")
    guest.lan.use(nic)
    services = [service for way in SAME for service in way.services()]
    content = guest_config({"device": nic.device}, services, hugepages=True)
    slbd = GuestSlbd(guest.machine, f"slbd-{nic.queues}q", content)
    try:
        found = Link(guest, nic, slbd)
        # Else the first request is what a gateway's MAC is asked for.
        for family in FAMILIES:
            guest.machine.run("ping", "-n", "-c", "1", "-w", "20", family.switch)
        gateways = {family.switch for family in FAMILIES}
        wait(lambda: gateways <= neighbours(slbd), 20, "the gateways as neighbours")
        yield found
    finally:
        slbd.stop()


def neighbours(slbd: GuestSlbd) -> set[str]:
    """Whose MACs it knows."""
    return {row["address"] for row in slbd.items("/v1/neighbours")}


def assert_all_answered(outcome: Outcome, total: int) -> None:
    """Every request has an answer, and each pod gave some."""
    assert outcome.failures == []
    assert outcome.answered == total
    assert len(outcome.answers) == 4


def assert_spread(link: Link, before: list[dict[str, Any]], sessions: int) -> None:
    """Each worker has its part of the sessions, however the device brought them."""
    created = link.gained(before, "sessions_created")
    received = link.gained(before, "rx_packets")
    assert sum(created) == sessions
    assert min(created) > LEAST_SHARE * sessions, created
    if link.nic.queues == WORKERS:
        # Client packets were worked on where the device had put them.
        assert min(received) > LEAST_SHARE * sum(received), received
    else:
        assert received[1:] == [0] * (WORKERS - 1), received
        assert link.gained(before, "handed_in")[1] > created[1]


def assert_placed_by_rss(link: Link, client: str) -> None:
    """The workers of a client's sessions follow from a Toeplitz hash, so the NIC's RSS chose them.

    That hash is linear: whichever the port, changing one bit of it changes the hash, and so its
    lowest bit, which selects one of two queues, in the same way. The tap's own choice of a queue,
    which a NIC without RSS would keep, is not of that kind.
    """
    rows = link.slbd.items(f"/v1/sessions?client={client}&limit={UDP_REQUESTS}")
    placed = {int(row["client"].rpartition(":")[2]): int(row["worker"]) for row in rows}
    assert len(placed) > UDP_REQUESTS / 2
    for bit in (1, 2, 4, 8, 16, 32):
        changes = [placed[p] ^ placed[p ^ bit] for p in placed if p ^ bit in placed]
        assert len(set(changes)) == 1, f"bit {bit} of the port: {changes}"


def test_port(link: Link) -> None:
    """The driver, the queues and the kernel interface are what the device allows."""
    port, steering = link.slbd.port(), link.steering()
    assert port["driver"] == "net_virtio"
    assert (port["rx_queues"], port["tx_queues"]) == (link.nic.queues, link.nic.queues)
    assert (port["link_up"], port["kni_kind"]) == (True, "vhost")
    expected = "queues" if link.nic.queues == WORKERS else "hash"
    assert (steering["spread"], steering["rx_queues"]) == (expected, link.nic.queues)
    if link.nic.queues == WORKERS:
        assert steering["method"] == "rss-port"
        assert "local ports by 128 entries of RSS, the device's own" in steering["reason"]
    else:
        assert steering["method"] == "soft" and "do not reach" in steering["reason"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"v{family.version}")
def test_ping(link: Link, family: Family) -> None:
    """The kernel behind the NIC answers, and is answered."""
    words = ("-c", "5", "-i", "0.2")
    assert link.guest.lan.client.ping(family.lb, *words) == (5, 5)
    text = link.slbd.machine.run("ping", "-n", "-q", *words, family.switch)
    assert "5 packets transmitted, 5 received" in text


@pytest.mark.parametrize("way", SAME, ids=lambda way: way.name)
def test_udp(link: Link, way: Way) -> None:
    """Requests from many ports are all answered, and all workers take part."""
    before, client = link.workers(), way.vip.clients[1]
    outcome = link.guest.lan.client.dns(UDP_REQUESTS, WIDTH, way.dns, client)
    assert_all_answered(outcome, UDP_REQUESTS)
    assert_spread(link, before, UDP_REQUESTS)
    if link.nic.queues == WORKERS:
        assert_placed_by_rss(link, client)


@pytest.mark.parametrize("way", SAME, ids=lambda way: way.name)
def test_tcp(link: Link, way: Way) -> None:
    """The same for connections."""
    before, client = link.workers(), way.vip.clients[2]
    outcome = link.guest.lan.client.http(CONNECTIONS, WIDTH, target=way.http, source=client)
    assert_all_answered(outcome, CONNECTIONS)
    assert_spread(link, before, CONNECTIONS)


@pytest.mark.parametrize("way", SAME, ids=lambda way: way.name)
def test_replies_find_their_worker(link: Link, way: Way) -> None:
    """By the local ports that slbd chooses for the device's RSS, all of them at once; with one
    queue there is nothing to choose, so that about half are handed over. None is lost."""
    before = link.steering()["handed_off"]
    outcome = link.guest.lan.client.dns(UDP_REQUESTS, WIDTH, way.dns, way.vip.clients[3])
    assert_all_answered(outcome, UDP_REQUESTS)
    handed = link.steering()["handed_off"] - before
    if link.nic.queues == WORKERS:
        assert handed == 0
    else:
        assert handed > LEAST_SHARE * UDP_REQUESTS
    port = link.slbd.port()
    lost = ("rx_missed", "rx_no_mbuf", "rx_errors", "tx_errors", "kni_dropped")
    assert {name: port[name] for name in lost} == dict.fromkeys(lost, 0)


@pytest.mark.parametrize("way", SAME, ids=lambda way: way.name)
def test_workers_change(link: Link, way: Way) -> None:
    """One, and two again, while connections are open: their requests and new ones are answered.

    The device's table is what local ports were chosen by, so it goes on to bring clients to both.
    """
    with link.guest.lan.client.http_load(WIDTH, REQUESTS_EACH, target=way.http) as load:
        for count in (1, 2):
            goal = load.outcome.answered + WIDTH
            wait(lambda least=goal: load.outcome.answered > least, 30, "answers before the change")
            link.set_workers(count)
            before = link.workers()
            outcome = link.guest.lan.client.dns(UDP_REQUESTS, WIDTH, way.dns, way.vip.clients[3])
            assert_all_answered(outcome, UDP_REQUESTS)
            if count == 1:
                assert link.gained(before, "sessions_created")[1:] == [0] * (WORKERS - 1)
            goal = load.outcome.answered + WIDTH * REQUESTS_EACH
            wait(lambda least=goal: load.outcome.answered > least, 60, "answers after the change")
        seen = load.stop()
    assert seen.failures == []
    assert_spread(link, before, sum(link.gained(before, "sessions_created")))


def test_clean_stop(link: Link) -> None:
    """Exit status 0, no word too much, hugepages given back, the device ready for another start."""
    assert link.slbd.stop() == 0
    lines = link.slbd.log.read_text().splitlines()
    changes = re.compile(r"clients are spread over| by uid ")
    told = [line.split(",")[0] for line in lines if not changes.search(line)]
    assert told == ["slbd: ready", "slbd: stopping"]
    pools = "/sys/kernel/mm/hugepages/hugepages-2048kB"
    assert int(link.slbd.machine.run("cat", f"{pools}/free_hugepages")) == HUGEPAGES


def test_device_that_the_kernel_drives(guest: Guest) -> None:
    """The one line says what it is bound to, and what to bind it to."""
    nic = NICS[-1]
    bind(guest.machine, nic, "virtio-pci")
    begin(guest.machine, "slbd-bound", guest_config({"device": nic.device}))
    assert guest.machine.end("slbd-bound", 0, 120) == 1
    assert (guest.machine.share / "slbd-bound.log").read_text().splitlines() == [
        f"slbd: ports[0].device {nic.device}: bound to virtio-pci, which DPDK cannot use; "
        f"bind it to vfio-pci or uio_pci_generic (dpdk-devbind.py -b vfio-pci {nic.address})"
    ]
