# SPDX-License-Identifier: BSD-3-Clause
"""Rules between the keys of a file."""

import pytest
from unit.test_config_loader import GOOD, good, problems

from slb.config.loader import parse

PORT = GOOD[GOOD.index("  - name") : GOOD.index("service_subnets")]


def vs(key: str, *rs: str) -> str:
    """A services section with one VS."""
    rows = ", ".join(f"{{rs: '{one}'}}" for one in rs)
    return f"services:\n  - vs: {key}\n    rs: [{rows}]\n"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "  workers: 1",
            "  hugepages: false\n  shared_memory: true",
            "3: engine.shared_memory: needs hugepages; "
            "set engine.hugepages: true, or leave shared_memory out",
        ),
        (
            "[198.18.0.1]",
            "[]",
            "7: ports[0].local_addresses: too few local addresses for the workers: 0 for 1; "
            "give at least one a worker, or lower engine.workers",
        ),
        (
            "  workers: 1",
            "  workers: 2",
            "7: ports[0].local_addresses: too few local addresses for the workers: 1 for 2; "
            "give at least one a worker, or lower engine.workers",
        ),
        (
            "[198.18.0.1]",
            "[198.18.0.1, 198.18.0.0-198.18.0.3]",
            "7: ports[0].local_addresses[1]: 198.18.0.1 is a local address already; "
            "choose another local address",
        ),
        (
            "[198.18.0.1]",
            "[192.0.2.2]",
            "7: ports[0].local_addresses[0]: 192.0.2.2 is the address of port lan0; "
            "choose another local address",
        ),
        (
            "[198.18.0.1]",
            "[224.0.0.5]",
            "7: ports[0].local_addresses[0]: 224.0.0.5 is a multicast address; "
            "choose another local address",
        ),
        (
            "[198.18.0.1]",
            "[198.18.0.0-198.18.3.255, 198.19.0.1]",
            "7: ports[0].local_addresses: 1025 local addresses in all, more than 1024; remove some",
        ),
        (
            "[198.18.0.1]",
            "[10.96.255.250-10.97.0.3]",
            "8: service_subnets[0]: 10.96.0.0/16 holds local addresses 10.96.255.250-10.97.0.3; "
            "keep them apart",
        ),
        (
            "[10.96.0.0/16]",
            "[10.96.0.0/16, 10.96.7.0/24]",
            "8: service_subnets[1]: 10.96.7.0/24 overlaps 10.96.0.0/16; keep one of them",
        ),
        (
            "[10.96.0.0/16]",
            "[192.0.2.0/24]",
            "8: service_subnets[0]: 192.0.2.0/24 holds 192.0.2.2, an address of port lan0; "
            "services need a subnet of their own",
        ),
        (
            "[192.0.2.2/24]",
            "[192.0.2.2/24]\n    routes: [{to: 0.0.0.0/0, via: 192.0.3.1}]",
            "7: ports[0].routes[0].via: 192.0.3.1 is in no network of lan0's addresses; "
            "correct one",
        ),
        (
            "[192.0.2.2/24]",
            "[192.0.2.2/24]\n    routes: [{to: 0.0.0.0/0, via: 192.0.2.2}]",
            "7: ports[0].routes[0].via: 192.0.2.2 is an address of lan0 itself; write the router's",
        ),
        (
            "[192.0.2.2/24]",
            "[127.0.0.1/8]",
            "6: ports[0].addresses[0]: 127.0.0.1 is a loopback address; write a host's",
        ),
        (
            "[192.0.2.2/24]",
            "[192.0.2.2/24]\n    mac: 01:00:5e:00:00:01",
            "7: ports[0].mac: 01:00:5e:00:00:01 is no unicast MAC; "
            "the first octet must be even and not all zero",
        ),
        (
            "  workers: 1",
            "  cpus: {workers: [9]}",
            "2: engine.cpus.workers[0]: CPU 9 does not exist or is not ours to use; "
            "choose from 0, 1, 2, 3",
        ),
        (
            "  workers: 1",
            "  cpus: {workers: [1, 2]}",
            "2: engine.cpus.workers: 2 CPUs for 1 workers; name one for each worker",
        ),
        (
            "  workers: 1",
            "  idle: {workers: [busy, auto]}",
            "2: engine.idle.workers: 2 policies for 1 workers; write one word for all, "
            "or a list with one for each",
        ),
        (
            "  workers: 1",
            "  idle: {workers: []}",
            "2: engine.idle.workers: 0 policies for 1 workers; write one word for all, "
            "or a list with one for each",
        ),
        (
            "  workers: 1",
            "  cpus: {kni: 7}",
            "2: engine.cpus.kni: CPU 7 does not exist or is not ours to use; "
            "choose from 0, 1, 2, 3",
        ),
    ],
)
def test_one_broken_rule(old: str, new: str, line: str) -> None:
    assert old in GOOD
    assert problems(GOOD.replace(old, new)) == [f"slb.yaml:{line}"]


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (
            vs("10.97.0.1:80/tcp"),
            "10: services[0].vs: VS 10.97.0.1:80/tcp lies in no service subnet (10.96.0.0/16); "
            "add its subnet to service_subnets",
        ),
        (
            vs("10.96.0.1:80/tcp", "224.0.0.9:80"),
            "11: services[0].rs[0].rs: RS address 224.0.0.9 is a multicast address; "
            "write the address of a server",
        ),
        (
            vs("10.96.0.1:80/tcp", "10.96.0.9:80"),
            "11: services[0].rs[0].rs: RS address 10.96.0.9 lies in a service subnet; "
            "write the server's own address",
        ),
        (
            vs("10.96.0.1:80/tcp", "198.18.0.1:80"),
            "11: services[0].rs[0].rs: RS address 198.18.0.1 is one of our local addresses; "
            "write the server's own",
        ),
        (
            vs("10.96.0.1:80/tcp", "10.10.0.1:80", "10.10.0.1:80"),
            "11: services[0].rs[1].rs: RS 10.10.0.1:80 is in VS 10.96.0.1:80/tcp twice; "
            "keep one of them",
        ),
        (
            vs("10.96.0.1:80/tcp") + "  - vs: 10.96.0.1:80/tcp\n",
            "12: services[1].vs: VS 10.96.0.1:80/tcp is there twice; merge the two",
        ),
        (
            vs("10.96.0.1:80/tcp") + "    one_packet: true\n",
            "12: services[0].one_packet: VS 10.96.0.1:80/tcp is not UDP, and one_packet is for "
            "UDP alone; remove it",
        ),
        (
            vs("10.96.0.1:53/udp") + "    client_address: toa\n",
            "12: services[0].client_address: VS 10.96.0.1:53/udp is not TCP, and client_address "
            "is for TCP alone; remove it",
        ),
        (
            vs("10.96.0.1:53/udp") + "    syn_proxy: true\n",
            "12: services[0].syn_proxy: VS 10.96.0.1:53/udp is not TCP, and syn_proxy is for "
            "TCP alone; remove it",
        ),
        (
            vs("10.96.0.1:80/tcp") + "    client_address: toa\n    syn_proxy: true\n",
            "13: services[0].syn_proxy: VS 10.96.0.1:80/tcp has client_address too, and a SYN "
            "proxy's RS cannot be told their clients; remove one of them",
        ),
        (
            vs("10.96.0.1:80/tcp") + "    timeouts: {tcp_close: 3, udp_replied: 5}\n",
            "12: services[0].timeouts.udp_replied: VS 10.96.0.1:80/tcp has no sessions in state "
            "udp_replied; remove the timeout",
        ),
        (
            "ospf: {mode: managed, hello_s: 5}\n",
            "9: ospf.dead_s: 4 s is not longer than hello_s (5 s); make it 4 times it",
        ),
    ],
)
def test_services_and_ospf(extra: str, line: str) -> None:
    assert problems(GOOD + extra) == [f"slb.yaml:{line}"]


def test_two_ports_need_their_own_names_devices_and_addresses() -> None:
    found = problems(GOOD.replace(PORT, PORT + PORT))
    assert [line.partition("; ")[0] for line in found] == [
        "slb.yaml:8: ports[1].name: the name lan0 is used twice",
        "slb.yaml:9: ports[1].device: the device net_tap0 is used twice",
        "slb.yaml:10: ports[1].addresses[0]: the address 192.0.2.2 is used twice",
        "slb.yaml:11: ports[1].local_addresses[0]: 198.18.0.1 is a local address already",
    ]


def test_ospf_needs_something_to_run_on_and_to_say() -> None:
    bare = GOOD.replace("    addresses: [192.0.2.2/24]\n", "    kernel_interface: {kind: none}\n")
    bare = bare.replace("service_subnets: [10.96.0.0/16]\n", "ospf: {mode: managed}\n")
    assert [line.partition("; ")[0] for line in problems(bare)] == [
        "slb.yaml:8: ospf.router_id: is missing, and no port has an IPv4 address to take it from",
        "slb.yaml:8: ospf.interfaces: no port has a kernel interface for OSPF to run on",
        "slb.yaml:8: ospf.announce: there are no service_subnets to announce",
    ]


def test_tables_must_hold_what_the_file_has() -> None:
    found = problems(
        GOOD.replace("workers: 1", "rs_max: 1") + vs("10.96.0.1:80/tcp", "10.1.1.1:1", "10.1.1.1:2")
    )
    assert found == ["slb.yaml:2: engine.rs_max: 1 is less than the 2 in services; raise it"]


def test_workers_may_share_a_ports_local_addresses() -> None:
    """Only where that is certain: `auto` may come to `soft`, in which each worker needs its own."""
    two = GOOD.replace("  workers: 1", "  workers: 2")
    for word, fits in (("rss-port", True), ("auto", False), ("flow", False), ("soft", False)):
        text = two.replace("    local_addresses", f"    steering: {word}\n    local_addresses")
        if fits:
            assert parse("slb.yaml", text, range(4)).ports[0].steering == word
            (line,) = problems(text.replace("[198.18.0.1]", "[]"))
        else:
            (line,) = problems(text)
        assert "too few local addresses" in line


def test_a_good_file_is_good() -> None:
    assert len(good(vs("10.96.0.1:80/tcp", "10.10.0.1:80")).services) == 1
