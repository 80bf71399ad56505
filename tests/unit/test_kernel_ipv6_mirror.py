# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 mirrored from a kernel interface, in a real network namespace:

slb0 (2001:db8:2::2, fe80::ff:fe00:aa, set up by us) ──── peer (silent, or another host)
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from unit.kernel_bench import PEER_MAC, Ip, Mirrored, mirrored, until
from unit.test_kernel_ipv6 import LINK_LOCAL, LOCAL, OWN, needs_ipv6, settings

from slb.model.forwarding import Wanted

pytest_plugins = ["unit.netns_fixture"]
pytestmark = needs_ipv6

HIDDEN = IPv6Address(LOCAL)
WANTED = settings(answered=f"{LOCAL}/128")


@contextlib.contextmanager
def elsewhere() -> Iterator[int]:
    """A process in another network namespace."""
    words = ("unshare", "--net", "sh", "-c", "echo there; exec sleep 60")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        yield process.pid
        process.kill()


def inside(process: int, words: str) -> None:
    """Run `ip` in the namespace of a process."""
    command = ["nsenter", "--target", str(process), "--net", "ip", *words.split()]
    subprocess.run(command, check=True)


def test_the_mirror_follows_routes(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        assert found.routes() == ["::/0 fe80::1", "2001:db8:2::/64 None"]
        ip("-6 route add fd00:10::/32 via 2001:db8:2::1")
        await until(lambda: "fd00:10::/32 2001:db8:2::1" in found.routes(), "the route")
        ip("-6 route add fd00:10::/32 via 2001:db8:2::7 metric 10")
        await until(lambda: "fd00:10::/32 2001:db8:2::7" in found.routes(), "the lower metric")
        ip("-6 route add blackhole fd00:96::/64")
        ip("-6 route add fd00:99::/64 dev peer")
        ip("-6 route add fd00:98::/64 nexthop via 2001:db8:2::8 nexthop via 2001:db8:2::9")
        await until(lambda: "fd00:98::/64 2001:db8:2::8" in found.routes(), "the multipath route")
        assert len(found.routes()) == 4
        ip("link set slb0 down")
        await until(lambda: found.routes() == [], "no route over a dead link")

    mirrored(ip, WANTED, HIDDEN, follow)


def test_the_mirror_follows_neighbours_and_addresses(ip: Ip) -> None:
    async def follow(found: Mirrored) -> None:
        assert found.own() == [OWN, LINK_LOCAL], "local addresses are the workers'"
        ip(f"neigh add fe80::1 lladdr {PEER_MAC} dev slb0")
        await until(lambda: found.neighbours() == [("fe80::1", PEER_MAC)], "the neighbour")
        ip("neigh del fe80::1 dev slb0")
        await until(lambda: found.neighbours() == [], "the neighbour's end")
        ip("addr add 2001:db8:2::3/64 dev slb0 nodad")
        await until(lambda: "2001:db8:2::3" in found.own(), "the second address")

    mirrored(ip, WANTED, HIDDEN, follow)


def test_a_wanted_neighbour_is_resolved_by_the_kernel(ip: Ip) -> None:
    """The solicitation leaves at once, from the link-local address; the peer answers it."""

    async def follow(found: Mirrored) -> None:
        with elsewhere() as there:
            ip(f"link set peer netns {there}")
            for words in (
                f"link set peer address {PEER_MAC} up",
                "addr add 2001:db8:2::77/64 dev peer nodad",
            ):
                await asyncio.to_thread(inside, there, words)
            await found.mirror.resolve([Wanted(ip_address("2001:db8:2::77"), 0)])
            await until(lambda: ("2001:db8:2::77", PEER_MAC) in found.neighbours(), "the answer")

    mirrored(ip, WANTED, HIDDEN, follow)
