# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 in a file, alone and beside IPv4."""

import pytest
from unit.test_config_checks import vs
from unit.test_config_loader import good

from slb.config.loader import parse
from slb.config.reserved import unusable, unusable_network
from slb.engine.settings import deal
from slb.errors import ConfigError
from slb.model.address import parse_address, parse_network
from slb.model.config import Config

BOTH = """\
engine:
  workers: 2
ports:
  - name: lan0
    device: "net_tap0,iface=lan0"
    addresses: [192.0.2.2/24, "2001:DB8:2::2/64"]
    routes:
      - {to: 0.0.0.0/0, via: 192.0.2.1}
      - {to: "::/0", via: "fe80::1"}
    local_addresses: [198.18.0.1, "fd00:18::1-fd00:18::3", 198.18.0.2]
service_subnets: [10.96.0.0/16, "2001:db8:96::/64"]
services:
  - {vs: "[2001:db8:96:0::0:10]:80/tcp", rs: [{rs: "[fd00:10::1]:8080"}, {rs: "10.10.0.1:8080"}]}
  - {vs: 10.96.0.10:80/tcp, rs: [{rs: "[fd00:10::1]:8080"}]}
"""


def read(*edits: tuple[str, str]) -> Config:
    """BOTH after some edits."""
    text = BOTH
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return parse("slb.yaml", text, range(4))


def problems(*edits: tuple[str, str]) -> list[str]:
    """The lines that BOTH is refused with after some edits."""
    with pytest.raises(ConfigError) as error:
        read(*edits)
    return [line.removeprefix("slb.yaml:") for line in error.value.problems]


def test_both_families_and_services_between_them() -> None:
    config = read()
    (port,) = config.ports
    assert [str(address) for address in port.addresses] == ["192.0.2.2/24", "2001:db8:2::2/64"]
    assert [f"{r.to} {r.via}" for r in port.routes] == ["0.0.0.0/0 192.0.2.1", "::/0 fe80::1"]
    assert [str(service.vs) for service in config.services] == [
        "[2001:db8:96::10]:80/tcp",
        "10.96.0.10:80/tcp",
    ]
    assert str(config.services[0].rs[0].rs) == "[fd00:10::1]:8080"


def test_each_family_is_dealt_to_all_workers() -> None:
    dealt = [(str(address), worker) for address, worker, _ in deal(read())]
    assert dealt == [
        ("198.18.0.1", 0),
        ("fd00:18::1", 0),
        ("fd00:18::2", 1),
        ("fd00:18::3", 0),
        ("198.18.0.2", 1),
    ]


def test_room_for_sessions_with_ipv6_is_made_where_there_is_any() -> None:
    assert good().engine.sessions6 == 0
    assert read(("engine:", "engine:\n  sessions: 4096")).engine.sessions6 == 1024
    assert read(("engine:", "engine:\n  sessions6: 5000")).engine.sessions6 == 5000


def test_ipv6_alone() -> None:
    config = read(
        ("192.0.2.2/24, ", ""),
        ("      - {to: 0.0.0.0/0, via: 192.0.2.1}\n", ""),
        ("198.18.0.1, ", ""),
        (", 198.18.0.2", ""),
        ("10.96.0.0/16, ", ""),
        (', {rs: "10.10.0.1:8080"}', ""),
        ('  - {vs: 10.96.0.10:80/tcp, rs: [{rs: "[fd00:10::1]:8080"}]}\n', ""),
    )
    assert config.ospf.router_id is None, "a router id looks like an IPv4 address"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            '"2001:DB8:2::2/64"',
            '"fe80::2/64"',
            "6: ports[0].addresses[1]: fe80::2 is a link-local address; write a host's",
        ),
        (
            '"2001:DB8:2::2/64"',
            '"ff02::2/64"',
            "6: ports[0].addresses[1]: ff02::2 is a multicast address; write a host's",
        ),
        (
            '"2001:DB8:2::2/64"',
            '"::ffff:192.0.2.3/120"',
            "6: ports[0].addresses[1]: ::ffff:c000:203 is an IPv4-mapped address, "
            "192.0.2.3 written as IPv6; write a host's",
        ),
        (
            "    routes:",
            "    mtu: 1279\n    routes:",
            "7: ports[0].mtu: 1279 is too small for the port's IPv6 addresses; write 1280 or more",
        ),
        (
            "via: 192.0.2.1",
            'via: "2001:db8:2::1"',
            "8: ports[0].routes[0].via: 2001:db8:2::1 is an IPv6 address, but the route is to "
            "0.0.0.0/0; write a gateway of its family",
        ),
        (
            '"fe80::1"',
            '"2001:db8:3::1"',
            "9: ports[0].routes[1].via: 2001:db8:3::1 is in no network of lan0's addresses; "
            "correct one",
        ),
        (
            "    routes:",
            "    kernel_interface: {kind: none}\n    routes:",
            "10: ports[0].routes[1].via: fe80::1 is a link-local address, which needs a kernel "
            "interface; write the gateway's other address",
        ),
        (
            "fd00:18::3",
            "2001:db8:2::3",
            "10: ports[0].local_addresses[1]: 'fd00:18::1-2001:db8:2::3' runs backwards; "
            "write 2001:db8:2::3-fd00:18::1",
        ),
        (
            '"fd00:18::1-fd00:18::3"',
            '"2001:db8:2::1-2001:db8:2::9"',
            "10: ports[0].local_addresses[1]: 2001:db8:2::2 is the address of port lan0; "
            "choose another local address",
        ),
        (
            '"fd00:18::1-fd00:18::3"',
            '"2001:db8:96::ffff-2001:db8:96::1:9"',
            "11: service_subnets[1]: 2001:db8:96::/64 holds local addresses "
            "2001:db8:96::ffff-2001:db8:96::1:9; keep them apart",
        ),
        (
            '"2001:db8:96::/64"',
            '"2001:db8:96::/64", "2001:db8:96::/48"',
            "11: service_subnets[2]: 2001:db8:96::/48 overlaps 2001:db8:96::/64; keep one of them",
        ),
        (
            '"2001:db8:96::/64"',
            '"2001:db8:96::/64", "2001:db8:2::/48"',
            "11: service_subnets[2]: 2001:db8:2::/48 holds 2001:db8:2::2, an address of port lan0; "
            "services need a subnet of their own",
        ),
        (
            '"2001:db8:96::/64"',
            '"2001:db8:96::/64", "::ffff:10.98.0.0/112"',
            "11: service_subnets[2]: ::ffff:a62:0/112 is an IPv4-mapped address; "
            "write a subnet of services",
        ),
        (
            '"2001:db8:96::/64"',
            '"2001:db8:96::/64", "fe00::/8"',
            "11: service_subnets[2]: fe00::/8 holds fe80::/10, which is reserved; "
            "write a subnet of services",
        ),
        (
            "[2001:db8:96:0::0:10]",
            "[fe80::10]",
            "13: services[0].vs: VS [fe80::10]:80/tcp: the address is a link-local address; "
            "write one of a service subnet",
        ),
        (
            '"[fd00:10::1]:8080"}, ',
            '"[::ffff:10.10.0.1]:8080"}, ',
            "13: services[0].rs[0].rs: RS address ::ffff:a0a:1 is an IPv4-mapped address, "
            "10.10.0.1 written as IPv6; write the address of a server",
        ),
        (
            '"[fd00:10::1]:8080"}, ',
            '"[fd00:18::2]:8080"}, ',
            "13: services[0].rs[0].rs: RS address fd00:18::2 is one of our local addresses; "
            "write the server's own",
        ),
        (
            '"fd00:18::1-fd00:18::3"',
            '"fd00:18::1"',
            "13: services[0].rs[0].rs: RS [fd00:10::1]:8080 needs an IPv6 local address on every "
            "worker: 1 for 2; add some to ports[].local_addresses",
        ),
        (
            "198.18.0.1, ",
            "",
            "13: services[0].rs[1].rs: RS 10.10.0.1:8080 needs an IPv4 local address on every "
            "worker: 1 for 2; add some to ports[].local_addresses",
        ),
    ],
)
def test_one_broken_rule(old: str, new: str, line: str) -> None:
    assert problems((old, new)) == [line]


def test_workers_need_local_addresses_of_one_family() -> None:
    found = problems((', "fd00:18::1-fd00:18::3", 198.18.0.2', ', "fd00:18::1"'))
    assert found[0] == (
        "10: ports[0].local_addresses: too few local addresses for the workers: 1 IPv4 and 1 IPv6 "
        "for 2; give at least one a worker, or lower engine.workers"
    )


@pytest.mark.parametrize(
    "extra", [vs("[2001:db8::1]:80/tcp"), "service_subnets: [::/0]\n", "ospf: {area: fd00::}\n"]
)
def test_an_address_that_is_not_in_quotes_is_told(extra: str) -> None:
    with pytest.raises(ConfigError) as error:
        good(extra)
    (line,) = error.value.problems
    where = 10 if extra.startswith("services") else 9
    assert line.startswith(f"slb.yaml:{where}: ")
    assert line.endswith("; put the IPv6 address in quotes")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("fd00::1", None),
        ("64:ff9b::a0a:1", None),
        ("0.0.0.1", "reserved"),
        ("127.0.0.1", "a loopback address"),
        ("239.0.0.1", "a multicast address"),
        ("255.255.255.255", "reserved"),
        ("::", "reserved"),
        ("::1", "a loopback address"),
        ("::10.0.0.1", "reserved"),
        ("febf::1", "a link-local address"),
        ("ff05::1", "a multicast address"),
        ("::ffff:10.0.0.1", "an IPv4-mapped address, 10.0.0.1 written as IPv6"),
    ],
)
def test_reserved_addresses(text: str, reason: str | None) -> None:
    assert unusable(parse_address(text)) == reason


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "112.0.0.0/4", "f000::/4"])
def test_a_subnet_must_not_hold_reserved_addresses(text: str) -> None:
    assert "which is reserved" in (unusable_network(parse_network(text)) or "")
