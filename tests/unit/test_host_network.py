# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel needs a NIC for: in a namespace of the test's own, and of interfaces made up."""

import subprocess
from pathlib import Path

import pytest
from unit.host_tree import HostTree
from unit.kernel_bench import Ip

from slb.host import network
from slb.host.network import Link, Network, Use, use_of
from slb.host.pci import nics

pytest_plugins = ["unit.netns_fixture"]


def use(folder: Path, seen: Network, interface: str = "eth1", driver: str = "ixgbe") -> Use | None:
    """What a NIC with that interface is used for."""
    tree = HostTree(folder)
    tree.nic(driver=driver, interface=interface)
    (nic,) = nics(tree.host)
    return use_of(nic, seen)


def make(ip: Ip, words: str) -> None:
    """An interface of a kind that this kernel may lack."""
    try:
        ip(words)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"ip {words}: {error.stderr.strip()}")


@pytest.fixture
def eth1(ip: Ip) -> Ip:
    """The NIC's interface, up, with an IPv6 link-local address of its own."""
    ip("link add eth1 type veth peer name far")
    ip("link set eth1 up")
    ip("link set far up")
    return ip


def test_an_interface_that_is_only_up(eth1: Ip, tmp_path: Path) -> None:
    assert use(tmp_path, network.read()) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("addr add 192.0.2.2/24 dev eth1", "address 192.0.2.2"),
        ("addr add 2001:db8::2/64 dev eth1 nodad", "address 2001:db8::2"),
        ("route add 10.0.0.0/8 dev eth1", "route 10.0.0.0/8"),
        ("route add 10.0.0.0/8 dev eth1 table 77", "route 10.0.0.0/8"),
        ("-6 route add 2001:db8:1::/48 dev eth1", "route 2001:db8:1::/48"),
    ],
)
def test_in_use(eth1: Ip, tmp_path: Path, words: str, reason: str) -> None:
    eth1(words)
    assert use(tmp_path, network.read()) == Use(f"eth1 is in use: {reason}", final=False)


@pytest.mark.parametrize(
    "words",
    [
        "route add default dev eth1",
        "-6 route add default dev eth1",
        "route add default dev eth1 table 77",
        "route add default nexthop dev far nexthop dev eth1",
        "-6 route add default via fe80::1 dev eth1",
    ],
)
def test_the_default_route(eth1: Ip, tmp_path: Path, words: str) -> None:
    eth1(words)
    assert use(tmp_path, network.read()) == Use("the default route leaves by eth1", final=True)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("link add top type bridge", "top"),
        ("link add top type bond", "top"),
        ("link add link eth1 top type vlan id 7", "top"),
        ("link add link eth1 top type macvlan", "top"),
    ],
)
def test_the_default_route_of_what_stands_on_it(
    eth1: Ip, tmp_path: Path, words: str, name: str
) -> None:
    make(eth1, words)
    if "link eth1" not in words:
        eth1("link set eth1 down")
        eth1(f"link set eth1 master {name}")
    eth1(f"link set {name} up")
    eth1(f"route add default dev {name}")
    reason = f"the default route leaves by {name}, which stands on eth1"
    assert use(tmp_path, network.read()) == Use(reason, final=True)


def stacked(
    *, defaults: frozenset[int] = frozenset(), used: dict[int, str] | None = None
) -> Network:
    """A VLAN (3) on a bridge (4) on a bond (5) of eth1 (6)."""
    names = {6: "eth1", 5: "bond0", 4: "br0", 3: "br0.7"}
    links = {i: Link(name, frozenset({i - 1} & {3, 4, 5})) for i, name in names.items()}
    return Network(links, defaults, used or {})


def test_through_all_layers(tmp_path: Path) -> None:
    found = use(tmp_path, stacked(defaults=frozenset({3}), used={5: "address 192.0.2.2"}))
    assert found == Use("the default route leaves by br0.7, which stands on eth1", final=True)


def test_an_address_higher_up(tmp_path: Path) -> None:
    found = use(tmp_path, stacked(used={4: "address 192.0.2.2"}))
    assert found == Use("br0, which stands on eth1 is in use: address 192.0.2.2", final=False)


def test_links_that_refer_to_each_other(tmp_path: Path) -> None:
    """As the two ends of a veth do."""
    links = {1: Link("eth1", frozenset({2, 9})), 2: Link("far", frozenset({1}))}
    assert use(tmp_path, Network(links)) is None


def test_an_interface_elsewhere(tmp_path: Path) -> None:
    """The folder of its interfaces is there, and what is in it is for others to see."""
    tree = HostTree(tmp_path)
    tree.folder(f"{tree.nic(driver='ixgbe')}/net")
    (nic,) = nics(tree.host)
    assert use_of(nic, Network()) == Use("its interface is in another network namespace", False)


@pytest.mark.parametrize("driver", ["", "vfio-pci", "virtio-pci"])
def test_a_nic_without_an_interface(tmp_path: Path, driver: str) -> None:
    assert use(tmp_path, Network(), interface="", driver=driver) is None


def test_another_interface_does_not_matter(tmp_path: Path) -> None:
    assert use(tmp_path, stacked(defaults=frozenset({6})), interface="eth2") is None
