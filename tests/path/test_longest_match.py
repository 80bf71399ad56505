# SPDX-License-Identifier: BSD-3-Clause
"""Next hops against a reference that looks at every route and neighbour, one by one."""

import random
from ipaddress import IPv4Address, IPv4Network

import pytest
from driver import TICK_HZ
from lab import Lab
from packets.frames import GATEWAY, GATEWAY_MAC, RS, RS_TCP, VS_TCP, Clients, answer, tcp
from packets.nat import turned
from values import Neighbour, Route, View

pytestmark = pytest.mark.path

TICK_S = 1 / TICK_HZ
CLIENTS = Clients(tcp())
TO_RS = Route(f"{RS}/32", GATEWAY)


class Network:
    """A view in which to look things up slowly."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._routes = [(IPv4Network(route.prefix), route) for route in view.routes]

    def expected(self, destination: str) -> tuple[str, str]:
        """Verdict, and the MAC or the neighbour that is missing."""
        address = IPv4Address(destination)
        matching = [(net.prefixlen, route) for net, route in self._routes if address in net]
        if not matching:
            return "DROP NO_ROUTE", ""
        _, best = max(matching, key=lambda row: row[0])
        hop = best.gateway or destination
        for neighbour in self.view.neighbours:
            if (neighbour.address, neighbour.port) == (hop, best.port):
                return f"TX {best.port}", neighbour.mac
        return "DROP NO_NEIGHBOUR", hop


def random_view(rng: random.Random) -> View:
    """Nested prefixes, some connected, some over gateways, some of whose MACs are known."""
    hosts = [f"20.{a}.{b}.{c}" for a in (0, 1) for b in (0, 255) for c in (0, 1, 128, 255)]
    routes = {TO_RS.prefix: TO_RS}
    for _ in range(rng.randrange(40)):
        length = rng.choice((0, 1, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 30, 31, 32))
        prefix = str(IPv4Network((rng.choice(hosts), length), strict=False))
        gateway = rng.choice(("", rng.choice(hosts)))
        routes.setdefault(prefix, Route(prefix, gateway, rng.randrange(2)))
    wires = {(host, port) for host in hosts for port in (0, 1) if rng.random() < 0.5}
    wires.add((GATEWAY, 0))
    neighbours = [
        Neighbour(host, GATEWAY_MAC if host == GATEWAY else f"02:11:00:00:{n:02x}:{port:02x}", port)
        for n, (host, port) in enumerate(sorted(wires))
    ]
    rng.shuffle(neighbours)
    shuffled = list(routes.values())
    rng.shuffle(shuffled)
    return View(tuple(shuffled), tuple(neighbours))


def destinations(rng: random.Random) -> list[str]:
    """Addresses on and beside the edges of prefixes."""
    return [
        f"{rng.choice((19, 20, 20, 20, 21))}.{rng.choice((0, 1, 255))}.{b}.{c}"
        for b in (0, 127, 255)
        for c in (0, 1, 2, 127, 128, 254, 255)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_next_hop(bare: Lab, seed: int) -> None:
    rng = random.Random(seed)
    view = random_view(rng)
    bare.add_vs(VS_TCP, rs=[RS_TCP])
    bare.harness.forward(view)
    network = Network(view)
    for client in dict.fromkeys(destinations(rng)):
        (forwarded,) = bare.harness.run(0, [CLIENTS.frame(int(IPv4Address(client)))])
        assert forwarded.what == "TX 0"
        (result,) = bare.harness.run(0, [turned(forwarded.data)])
        verdict, what = network.expected(client)
        assert result.what == verdict, client
        if result.verdict == "TX":
            assert result.data[:6].hex(":") == what, client
        wanted = [what] if verdict == "DROP NO_NEIGHBOUR" else []
        assert [address for address, _ in bare.harness.events()] == wanted
        bare.harness.advance(TICK_S)


def test_a_neighbour_that_is_not_on_a_connected_route_is_no_way(bare: Lab) -> None:
    """A stray neighbour entry must not take packets off their route."""
    stray = Neighbour(RS, "02:22:22:22:22:22")
    bare.add_vs(VS_TCP, rs=[RS_TCP])
    bare.harness.forward(
        View((Route("0.0.0.0/0", GATEWAY),), (stray, Neighbour(GATEWAY, GATEWAY_MAC)))
    )
    (result,) = bare.harness.run(0, [bytes(tcp())])
    assert result.data[:6].hex(":") == GATEWAY_MAC


def test_many_routes(bare: Lab) -> None:
    """Some thousand routes are flattened in reasonable time, and each is found."""
    gateways = [Neighbour(f"192.0.2.{n}", f"02:33:00:00:00:{n:02x}") for n in range(1, 251)]
    routes = [
        Route(str(IPv4Network((0x14000000 + n * 256, 24))), gateways[n % 250].address)
        for n in range(8000)
    ]
    bare.add_vs(VS_TCP, rs=[RS_TCP])
    bare.harness.forward(View([*routes, Route(f"{RS}/32", "192.0.2.1")], gateways))
    for n in (0, 1, 4711, 7999):
        client = str(IPv4Address(0x14000000 + n * 256 + 7))
        (forwarded,) = bare.harness.run(0, [bytes(tcp(src=client))])
        (back,) = bare.harness.run(0, [bytes(answer(forwarded.data))])
        assert back.data[:6].hex(":") == gateways[n % 250].mac


def test_sessions_outlive_any_number_of_views(bare: Lab) -> None:
    """A session that slept through 65,536 views does not take its old hop for a current one."""
    few = View((TO_RS,), (Neighbour(GATEWAY, GATEWAY_MAC),))
    many = View(
        (*(Route(f"20.0.{n}.0/24", f"192.0.2.{n}") for n in range(2, 200)), TO_RS),
        few.neighbours,
    )
    bare.add_vs(VS_TCP, rs=[RS_TCP])
    bare.harness.forward(many)
    (first,) = bare.harness.run(0, [bytes(tcp())])
    assert first.what == "TX 0"
    bare.harness.forward(few, times=1 << 16)
    (second,) = bare.harness.run(0, [bytes(tcp())])
    assert second.what == "TX 0" and second.data == first.data
