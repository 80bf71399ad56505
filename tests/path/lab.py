# SPDX-License-Identifier: BSD-3-Clause
"""What is configured during a test, and taken away after it so that nothing remains.

        worker 0, 198.18.0.1, 2001:db8:18::1
lan0 <                        routes: 192.0.2.0/24 connected, default via 192.0.2.1
        worker 1, 198.18.0.2, 2001:db8:18::2        and the same for IPv6, via fe80::1
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from driver import Harness
from packets.frames import (
    GATEWAY,
    GATEWAY6,
    GATEWAY_MAC,
    OWN,
    OWN6,
    RS6_TCP,
    RS6_UDP,
    RS_TCP,
    RS_UDP,
    VIP46,
    VIP64,
    VIP_EMPTY,
    VS6_TCP,
    VS6_UDP,
    VS_TCP,
    VS_UDP,
)
from values import Neighbour, Op, Route, Settings, View

PLAIN = View(
    routes=(
        Route("192.0.2.0/24"),
        Route("0.0.0.0/0", GATEWAY),
        Route("fe80::/64"),
        Route("2001:db8::/64"),
        Route("::/0", GATEWAY6),
    ),
    neighbours=(Neighbour(GATEWAY, GATEWAY_MAC), Neighbour(GATEWAY6, GATEWAY_MAC)),
    own=(OWN, "192.0.2.255", OWN6, "fe80::2"),
)
LONGER_THAN_ANY_SESSION = 2000.0


@dataclass
class VirtualServer:
    """A VS of the lab; removing it removes its RS."""

    harness: Harness
    key: str

    def add_rs(self, *rs: str, weight: int = 1) -> "VirtualServer":
        """Add RS of one weight."""
        self.harness.commit([Op("RS_ADD", self.key, one, weight) for one in rs])
        return self

    def weigh(self, rs: str, weight: int) -> None:
        """Change an RS's weight."""
        self.harness.commit([Op("RS_EDIT", self.key, rs, weight)])

    def remove_rs(self, rs: str) -> None:
        """Remove an RS."""
        self.harness.commit([Op("RS_DEL", self.key, rs)])

    def remove(self) -> None:
        """Remove the VS if it is still there."""
        if self.key in self.harness.vs():
            self.harness.commit([Op("VS_DEL", self.key)])


@dataclass
class Lab:
    """A harness with the services of one test."""

    harness: Harness
    servers: list[VirtualServer] = field(default_factory=list)

    def add_vs(
        self, key: str, scheduler: str = "rr", rs: Sequence[str] = (), **attributes: Any
    ) -> VirtualServer:
        """Add a VS with RS of weight 1."""
        self.harness.commit([Op("VS_ADD", key, scheduler=scheduler, **attributes)])
        server = VirtualServer(self.harness, key)
        self.servers.append(server)
        return server.add_rs(*rs)

    def usual(self) -> "Lab":
        """Add what most cases speak of: a TCP and a UDP service, and one without RS."""
        self.harness.forward(PLAIN)
        self.add_vs(VS_TCP, rs=[RS_TCP])
        self.add_vs(VS_UDP, rs=[RS_UDP])
        if any(":" in address for address, _, _ in self.harness.settings.laddrs):
            self._usual_v6()
        self.add_vs(f"{VIP_EMPTY}:80/tcp")
        return self

    def _usual_v6(self) -> None:
        self.add_vs(VS6_TCP, rs=[RS6_TCP])
        self.add_vs(VS6_UDP, rs=[RS6_UDP])
        for vip, tcp, udp in ((f"[{VIP64}]", RS_TCP, RS_UDP), (VIP46, RS6_TCP, RS6_UDP)):
            self.add_vs(f"{vip}:80/tcp", rs=[tcp])
            self.add_vs(f"{vip}:53/udp", rs=[udp])

    def active(self) -> int:
        """How many sessions there are, which three counts must agree on."""
        listed = len(self.harness.sessions())
        assert listed == sum(rs.traffic.active for rs in self.harness.rs())
        assert listed == sum(laddr.active for laddr in self.harness.laddrs())
        return listed

    def clear(self) -> None:
        """Take everything away in reverse order, and make sure that it is gone."""
        for server in reversed(self.servers):
            server.remove()
        # What the steps of a case have added.
        for key in self.harness.vs():
            self.harness.commit([Op("VS_DEL", key)])
        self.harness.advance(LONGER_THAN_ANY_SESSION)
        self.harness.forward(View())
        assert not self.harness.vs()
        assert not self.harness.sessions()
        assert not self.harness.rs(), "an RS outlived its last session"
        assert not any(laddr.active for laddr in self.harness.laddrs())
        assert self.harness.mbufs_in_use() == 0
        self.harness.events()


OpenLab = Callable[[Settings], Lab]
