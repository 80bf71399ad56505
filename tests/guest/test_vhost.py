# SPDX-License-Identifier: BSD-3-Clause
"""The kernel interface over /dev/vhost-net, which `kind: auto` chooses where it exists.

namespace peer               slbd, two workers
192.0.2.1 lan0 -- net_tap -- port lan0 -- slb0 192.0.2.2 (virtio-user, vhost-net)
"""

import json
from collections.abc import Iterator

import pytest
from guest import Guest
from guest_slbd import GuestSlbd, guest_config

from rig.addresses import DATA_LINK, LB, SWITCH, SWITCH_MAC, V4

# The first of them boots.
pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

MAC = "02:00:5e:00:53:02"
MTU = 1400
HEADERS = 28
IN_PEER = ("ip", "netns", "exec", "peer")


@pytest.fixture(scope="module")
def slbd(guest: Guest) -> Iterator[GuestSlbd]:
    """slbd beside a peer in a namespace of the guest's."""
    guest.machine.run("ip", "netns", "add", "peer")
    content = guest_config({"mac": MAC, "mtu": MTU})
    assert "kind" not in content["ports"][0]["kernel_interface"]
    slbd = GuestSlbd(guest.machine, "slbd-vhost", content)
    try:
        guest.machine.run("ip", "link", "set", DATA_LINK, "netns", "peer")
        for words in (
            f"link set {DATA_LINK} address {SWITCH_MAC} mtu {MTU}",
            f"address add {SWITCH}/{V4.length} dev {DATA_LINK}",
            f"link set {DATA_LINK} up",
        ):
            guest.machine.run("ip", "-n", "peer", *words.split())
        yield slbd
    finally:
        slbd.stop()
        guest.machine.run("ip", "netns", "delete", "peer")


def ping(slbd: GuestSlbd, address: str, size: int, *prefix: str) -> None:
    """Ping five times without fragments; all must be answered."""
    words = ("ping", "-n", "-q", "-c", "5", "-i", "0.2", "-M", "do", "-s", str(size), address)
    text = slbd.machine.run(*prefix, *words, check=False)
    assert "5 packets transmitted, 5 received" in text, text


def neighbour_mac(slbd: GuestSlbd, address: str, *where: str) -> str | None:
    """The MAC that the kernel has learnt for an address."""
    rows = json.loads(slbd.machine.run("ip", *where, "-j", "neigh", "show", address))
    return next((row["lladdr"] for row in rows if "lladdr" in row), None)


def test_auto_is_vhost(slbd: GuestSlbd) -> None:
    """The guest has the device, and slbd took it: a tap with the header that virtio needs."""
    slbd.machine.run("test", "-c", "/dev/vhost-net")
    assert slbd.port()["kni_kind"] == "vhost"
    assert slbd.link()["linkinfo"]["info_data"]["vnet_hdr"]


def test_mac_and_mtu(slbd: GuestSlbd) -> None:
    """The interface has those of the port, and is up."""
    port, link = slbd.port(), slbd.link()
    assert (port["mac"], port["mtu"]) == (MAC, MTU)
    assert (link["address"], link["mtu"]) == (MAC, MTU)
    assert "UP" in link["flags"]


@pytest.mark.parametrize("size", [56, MTU - HEADERS])
def test_ping_from_outside(slbd: GuestSlbd, size: int) -> None:
    """The kernel answers, to packets as long as the MTU too."""
    ping(slbd, LB, size, *IN_PEER)


@pytest.mark.parametrize("size", [56, MTU - HEADERS])
def test_ping_to_outside(slbd: GuestSlbd, size: int) -> None:
    """What the kernel sends leaves by the port, and the answer comes back."""
    ping(slbd, SWITCH, size)


def test_arp(slbd: GuestSlbd) -> None:
    """Asked and answered by the kernel, in both directions, when nothing is known."""
    slbd.machine.run("ip", "-n", "peer", "neigh", "flush", "dev", DATA_LINK)
    slbd.machine.run("ip", "neigh", "flush", "dev", "slb0")
    ping(slbd, LB, 56, *IN_PEER)
    assert neighbour_mac(slbd, LB, "-n", "peer") == MAC
    ping(slbd, SWITCH, 56)
    assert neighbour_mac(slbd, SWITCH) == SWITCH_MAC


def test_nothing_is_lost(slbd: GuestSlbd) -> None:
    """Whatever has passed until now, and five requests and answers more."""
    ping(slbd, LB, 56, *IN_PEER)
    port = slbd.port()
    assert port["kni_to_kernel"] >= 5
    assert port["kni_from_kernel"] >= 5
    assert port["kni_dropped"] == 0


def test_clean_stop(slbd: GuestSlbd) -> None:
    """Exit status 0, no word too much, the interface gone."""
    assert slbd.stop() == 0
    lines = slbd.log.read_text().splitlines()
    told = [line.split(",")[0] for line in lines if " by uid " not in line]
    assert told == ["slbd: ready", "slbd: stopping"]
    assert "slb0" not in slbd.machine.run("ip", "-o", "link")
