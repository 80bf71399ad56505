# SPDX-License-Identifier: BSD-3-Clause
"""Sets of addresses: the same answer as looking into each network."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_network

from slb.config import check_services
from slb.config.spans import Spans
from slb.model.address import Address, parse_address
from slb.model.endpoint import Endpoint, VsKey

# Some in others, some side by side, one of all, in no order.
NETWORKS = [
    ip_network(text)
    for text in ("10.0.1.0/24", "10.0.0.0/16", "10.1.0.0/16", "0.0.0.0/30", "255.255.255.252/30")
] + [ip_network(text) for text in ("2001:db8::/32", "2001:db8:1::/48", "::/126")]
SINGLE = [parse_address(text) for text in ("10.0.1.7", "192.0.2.1", "ff02::5", "2001:db9::")]


def test_edges() -> None:
    """The first and the last of each, and what is before and behind."""
    spans = Spans(NETWORKS, SINGLE)
    edges: set[Address] = {*SINGLE, IPv4Address(2**32 - 1), IPv6Address(2**128 - 1)}
    for network in NETWORKS:
        kind, first, last = type(network[0]), int(network[0]), int(network[-1])
        edges |= {
            kind(n)
            for n in (max(first - 1, 0), first, last, last + 1)
            if n < 2 ** kind(0).max_prefixlen
        }
        edges |= {network[0], network[-1]}
    dice = random.Random(1)
    edges |= {IPv4Address(dice.randrange(2**32)) for _ in range(200)}
    edges |= {IPv6Address(dice.randrange(2**128)) for _ in range(200)}
    for address in edges:
        inside = address in SINGLE or any(address in network for network in NETWORKS)
        assert spans.has(Endpoint(address, 1)) is inside, address
    assert not Spans([]).has(Endpoint(IPv4Address(0), 1))


def test_sentences_of_places() -> None:
    """A quick look and a long one say the same of every address."""
    subnets, local = NETWORKS[:1], frozenset(SINGLE[1:2])
    places = check_services.Places(subnets, local)
    texts = ("10.0.1.7", "10.0.2.7", "192.0.2.1", "127.0.0.1", "224.0.0.1", "::1", "2001:db8::1")
    for address in map(parse_address, texts):
        rs, vs = Endpoint(address, 80), VsKey(address, 80, "tcp")
        assert places.wrong_rs(rs) == check_services.wrong_rs(address, subnets, local)
        assert places.misplaced(vs) == check_services.misplaced(vs, subnets)
