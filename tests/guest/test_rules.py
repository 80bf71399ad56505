# SPDX-License-Identifier: BSD-3-Clause
"""Rules in a device: net_tap with the guest's traffic control, through which it takes them.

    host namespace                guest
    clients, pods -- tap1 -- kernel's NIC, routes -- lan0 -- net_tap -- slbd, two workers
              192.0.2.1   192.0.2.2                                   192.0.3.2 on slb0

All neighbours between the guest's kernel and slbd are written down, since both ends are its own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from guest import Guest
from guest_slbd import GuestSlbd, guest_config
from lan import NICS, WORKERS
from machine import Machine

from rig.addresses import CLIENTS, DATA_LINK, KERNEL_LINK, LB, PODS, SERVICE_SUBNET, SWITCH, VIP
from rig.load import Outcome
from rig.services import dns_service, http_service
from rig.waiting import wait

# The first of them boots.
pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

NIC = NICS[-1]
OWN, GATEWAY = "192.0.3.2", "192.0.3.9"
LOCAL = ("198.18.0.1", "198.18.0.2")
WIDTH, REQUESTS = 10, 200


def kernel_nic(machine: Machine) -> str:
    """Give the NIC back to the guest's kernel; returns the interface's name."""
    device = f"/sys/bus/pci/devices/{NIC.address}"
    if machine.try_run("test", "-e", f"{device}/driver")[0] == 0:
        machine.write(f"{device}/driver/unbind", NIC.address)
    machine.write(f"{device}/driver_override", "virtio-pci")
    machine.write("/sys/bus/pci/drivers_probe", NIC.address)
    (virtio,) = [name for name in machine.run("ls", device).split() if name.startswith("virtio")]
    wait(lambda: machine.try_run("ls", f"{device}/{virtio}/net")[0] == 0, 10, "the interface")
    return machine.run("ls", f"{device}/{virtio}/net").strip()


def join(machine: Machine, link: str, port_mac: str) -> None:
    """Let the guest's kernel forward between its NIC and slbd's tap."""
    (tap,) = json.loads(machine.run("ip", "-j", "link", "show", DATA_LINK))
    machine.write("/proc/sys/net/ipv4/ip_forward", "1")
    # It is the next hop of its own address, that of slbd's kernel interface.
    machine.write(f"/proc/sys/net/ipv4/conf/{DATA_LINK}/accept_local", "1")
    commands = [
        f"link set {link} up",
        f"address add {LB}/24 dev {link}",
        f"link set {DATA_LINK} up",
        f"route add {SERVICE_SUBNET} dev {DATA_LINK}",
        f"route add 198.18.0.0/24 dev {DATA_LINK}",
        f"route add 203.0.113.0/24 via {SWITCH}",
        f"route add 10.10.0.0/16 via {SWITCH}",
        f"neigh replace {GATEWAY} lladdr {tap['address']} dev {KERNEL_LINK} nud permanent",
    ]
    commands += [
        f"neigh replace {address} lladdr {port_mac} dev {DATA_LINK} nud permanent"
        for address in (VIP, *LOCAL)
    ]
    for words in commands:
        machine.run("ip", *words.split())


@pytest.fixture(scope="module")
def slbd(guest: Guest) -> Iterator[GuestSlbd]:
    """slbd on the tap, with HTTP and DNS on every pod."""
    machine = guest.machine
    link = kernel_nic(machine)
    guest.lan.use(NIC)
    port = {
        "addresses": [f"{OWN}/24"],
        "routes": [{"to": "0.0.0.0/0", "via": GATEWAY}],
        "local_addresses": list(LOCAL),
    }
    content = guest_config(port, [http_service(), dns_service()])
    content["service_subnets"] = [SERVICE_SUBNET]
    slbd = GuestSlbd(machine, "slbd-rules", content)
    try:
        join(machine, link, slbd.port()["mac"])
        wait(lambda: slbd.items("/v1/neighbours"), 10, "the gateway as a neighbour")
        yield slbd
    finally:
        slbd.stop()
        machine.run("ip", "address", "flush", "dev", link)


def steering(slbd: GuestSlbd) -> dict[str, Any]:
    (row,) = slbd.items("/v1/steering")
    return row


def assert_all_answered(outcome: Outcome, total: int) -> None:
    assert outcome.failures == []
    assert outcome.answered == total
    assert set(outcome.answers) == {pod.name for pod in PODS}


def test_each_local_address_has_its_rule(slbd: GuestSlbd) -> None:
    """As slbd says, and as the kernel has them."""
    row = steering(slbd)
    why = "no queue for the KNI core: the device has no RSS with a redirection table"
    assert (row["method"], row["reason"]) == ("flow", why)
    assert (row["ruled_laddrs"], row["rules"]) == (len(LOCAL), len(LOCAL))
    # By the kernel, since the driver's RSS cannot be had (decision 0016).
    assert (row["spread"], row["rx_queues"]) == ("queues", WORKERS)
    rules = slbd.items("/v1/steering/rules")
    assert {(rule["address"], rule["worker"]) for rule in rules} == set(
        zip(LOCAL, range(WORKERS), strict=True)
    )
    queues = slbd.machine.run("tc", "qdisc", "show", "dev", DATA_LINK)
    assert "multiq" in queues
    filters = slbd.machine.run("tc", "filter", "show", "dev", DATA_LINK, "parent", "1:")
    for address, worker in zip(LOCAL, range(WORKERS), strict=True):
        assert f"dst_ip {address}" in filters
        assert f"queue_mapping {worker}" in filters


@pytest.mark.parametrize("proto", ["dns", "http"])
def test_replies_find_their_worker(guest: Guest, slbd: GuestSlbd, proto: str) -> None:
    """All are answered, both workers have sessions, and none has handed a reply over."""
    before = steering(slbd)["misdirected"]
    created = [row["sessions_created"] for row in slbd.items("/v1/workers")]
    load = guest.lan.client.dns if proto == "dns" else guest.lan.client.http
    assert_all_answered(load(REQUESTS, WIDTH, source=CLIENTS[1]), REQUESTS)
    now = [row["sessions_created"] for row in slbd.items("/v1/workers")]
    assert all(b - a > REQUESTS // 5 for a, b in zip(created, now, strict=True)), (created, now)
    assert steering(slbd)["misdirected"] == before


def test_the_rules_are_proved(slbd: GuestSlbd) -> None:
    """By probes, which the kernel behind the tap sends back and then puts into a queue."""
    wait(lambda: steering(slbd)["proved"] == len(LOCAL), 60, "the proof")
    assert (steering(slbd)["wrong"], steering(slbd)["health"]) == ([], "ok")
    for worker, probe in enumerate(slbd.items("/v1/steering/probes")):
        assert (probe["method"], probe["state"], probe["seen_by"]) == ("flow", "proved", [worker])


def test_clean_stop(slbd: GuestSlbd) -> None:
    """Exit status 0, no word too much, the interface gone with its rules."""
    assert slbd.stop() == 0
    lines = slbd.log.read_text().splitlines()
    told = [line.split(",")[0] for line in lines if " by uid " not in line]
    assert told == ["slbd: ready", "slbd: stopping"]
    assert DATA_LINK not in slbd.machine.run("ip", "-o", "link")
