# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces on one link: an announcer with its BIRD in one, the switch's BIRD in the other."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any, Literal, TypeVar

from msgspec import structs

from ospf.announce import Announcer
from ospf.model import IPV4, Family, Network, OspfStatus, Setup
from rig.frr import Frr, helpers
from rig.netns import Namespace, command
from rig.process import Process
from rig.registry import Registry
from rig.waiting import wait
from slb.model.config import Ospf

T = TypeVar("T")
Link = Literal["broadcast", "ptp"]

LB, SWITCH = "192.0.2.2", "192.0.2.1"
# What answers behind the switch.
INNER = ("203.0.113.1/24", "2001:db8:203::1/48")
LB6, SWITCH6 = "2001:db8:2::2", "2001:db8:2::1"
# OSPFv3 talks, and routes lead, by addresses of the link alone.
LB_LINK, SWITCH_LINK = "fe80::2", "fe80::1"
# Names of the switch's protocols.
SWITCH_OSPF = {4: "lb", 6: "lb6"}
UP_S = 30.0
LEARN_S = 15.0

# Accepts whatever it is told, and announces a prefix behind it.
_SWITCH = """
log stderr all;
router id 192.0.2.1;
protocol device { scan time 1; }
protocol kernel { scan time 1; ipv4 { import none; export where proto = "lb"; }; }
protocol static behind { ipv4; route 203.0.113.0/24 blackhole; }
protocol ospf v2 lb {
    ipv4 { import all; export where proto = "behind"; };
    area @area@ { interface "lan0" { type @network@; hello 1; dead @dead@; @options@ }; };
}
protocol kernel { scan time 1; ipv6 { import none; export where proto = "lb6"; }; }
protocol static behind6 { ipv6; route 2001:db8:203::/48 blackhole; }
protocol ospf v3 lb6 {
    ipv6 { import all; export where proto = "behind6"; };
    area @area@ { interface "lan0" { type @network@; hello 1; dead @dead@; @options@ }; };
}
"""


class Loop:
    """An event loop in a thread of a namespace; the processes it starts live there too."""

    def __init__(self, namespace: Namespace) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._ended = threading.Event()
        namespace.start(self._body)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Run a coroutine there and return its result, or raise its exception."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._ended.wait(10), "the event loop does not end"

    def _body(self) -> None:
        self._loop.run_forever()
        self._loop.close()
        self._ended.set()


class Lan:
    """The topology; announcers made here are stopped by `close`."""

    def __init__(self, registry: Registry) -> None:
        """Join the namespaces; no BIRD runs yet."""
        self.directory = registry.directory
        self.runtime_dir = registry.directory / "lb-bird"
        self.registry = registry
        self._announcers: list[Announcer] = []
        self.processes: list[Process] = []
        self.lb = Namespace(registry, "lb", ipv6=True)
        self.switch = Namespace(registry, "switch", ipv6=True)
        peer = ("peer", "name", "lan0", "netns", self.switch.name)
        self.lb.ip("link", "add", "slb0", "type", "veth", *peer)
        lb = (self.lb, "slb0", (f"{LB}/24", f"{LB6}/64", f"{LB_LINK}/64"))
        switch = (self.switch, "lan0", (f"{SWITCH}/24", f"{SWITCH6}/64", f"{SWITCH_LINK}/64"))
        for namespace, device, addresses in (lb, switch):
            namespace.ip("link", "set", device, "addrgenmode", "none", "up")
            for address in addresses:
                namespace.ip("address", "add", address, "dev", device)
        self.loop = Loop(self.lb)

    def start_switch(
        self,
        network: Link = "broadcast",
        dead_s: int = 4,
        options: str = "",
        area: str = "0.0.0.0",
        more: str = "",
    ) -> Process:
        """Start the switch's BIRD; `options` are further ones of its interface, `more` of it."""
        text = _SWITCH + more
        words = {"network": network, "dead": str(dead_s), "options": options, "area": area}
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        return self.start_bird(self.switch, text)

    def change_switch(self, old: str, new: str) -> None:
        """Have the switch's BIRD take another configuration."""
        config = self.directory / "switch.conf"
        config.write_text(config.read_text().replace(old, new))
        said = self.birdc("switch", "configure")
        # The latter where a protocol is restarted by it.
        assert "Reconfigured" in said or "Reconfiguration in progress" in said, said

    def start_frr(self, network: Link, configs: Mapping[str, str] | None = None) -> Frr:
        """Start FRR as the switch: so configured, or to help with graceful restarts."""
        frr = Frr(self.registry, self.switch, configs or helpers(network))
        try:
            frr.start()
        finally:
            self.processes += frr.processes
        return frr

    def put_behind_the_switch(self) -> None:
        """Give the switch another link, which FRR announces and on which it answers."""
        add_inner(self.switch, INNER)

    def start_bird(self, namespace: Namespace, text: str, *more: str) -> Process:
        """Start a BIRD that is not the announcer's, and wait until it listens."""
        config = self.directory / f"{namespace.role}.conf"
        control = self.directory / f"{namespace.role}.ctl"
        config.write_text(text)
        words = ["bird", "-f", "-c", str(config), "-s", str(control), *more]
        process = self.start(namespace, f"{namespace.role}-bird", *words)
        wait(control.exists, 10, f"the socket of BIRD at {namespace.role}")
        return process

    def start_system_bird_again(self, announcer: Announcer) -> None:
        """Kill the BIRD that was started at the LB, and start it from the same file: until Full."""
        (bird,) = [process for process in self.processes if process.name == "lb-bird"]
        bird.send(signal.SIGKILL)
        bird.wait(5)
        wait(lambda: self.adjacency(announcer) == {"unknown"}, UP_S, "BIRD's silence")
        (self.directory / "lb.ctl").unlink()
        self.start_bird(self.lb, (self.directory / "lb.conf").read_text())
        self.wait_full(announcer)

    def start(self, namespace: Namespace, name: str, *words: str) -> Process:
        """Start a process that is ended with the run."""
        self.processes.append(Process(self.registry, namespace, name, words))
        return self.processes[-1]

    def announcer(
        self,
        ospf: Ospf,
        network: Link = "broadcast",
        families: tuple[Family, ...] = (IPV4,),
        secrets: Mapping[str, str] = {},
        interfaces: tuple[str, ...] = ("slb0",),
    ) -> Announcer:
        """Start an announcer."""
        chosen = structs.replace(ospf, network_type=network)
        router_id = IPv4Address(LB)
        self.setup = Setup(chosen, router_id, interfaces, self.runtime_dir, families, secrets)
        announcer = Announcer(self.setup)
        self._announcers.append(announcer)
        self.loop.run(announcer.start())
        return announcer

    def status(self, announcer: Announcer) -> OspfStatus:
        """What the announcer says now."""
        return self.loop.run(announcer.status())

    def wait_full(self, announcer: Announcer) -> None:
        """Wait until both sides say Full, in each family that the announcer speaks."""
        wait(lambda: self.adjacency(announcer) == {"full"}, UP_S, "Full at the LB")
        for version in self.status(announcer).adjacency:
            wait(lambda name=SWITCH_OSPF[version]: self._switch_full(name), UP_S, "at the switch")

    def adjacency(self, announcer: Announcer) -> set[str]:
        """What the announcer says of the families it speaks."""
        return set(self.status(announcer).adjacency.values())

    def wait_learnt(self, *prefixes: Network) -> None:
        """Wait until the switch's kernel has these prefixes by way of the LB, and no other."""
        wanted = {_as_shown(prefix) for prefix in prefixes}

        def seen() -> set[str]:
            return self.via(self.switch, LB) | self.via(self.switch, LB_LINK)

        wait(lambda: seen() == wanted, LEARN_S, f"{wanted} at the switch")

    def via(self, namespace: Namespace, gateway: str) -> set[str]:
        """Prefixes in the kernel's main table that lead to `gateway`."""
        family = "-6" if ":" in gateway else "-4"
        rows = [row.split() for row in namespace.ip(family, "route").splitlines()]
        # FRR's have the id of their next hop before it.
        return {row[0] for row in rows if f"via {gateway} " in f"{' '.join(row)} "}

    def learnt(self) -> set[str]:
        """What the LB's kernel has by OSPF."""
        tables = (self.lb.ip(family, "route", "show", "proto", "bird") for family in ("-4", "-6"))
        return {row.split()[0] for table in tables for row in table.splitlines()}

    def _switch_full(self, protocol: str) -> bool:
        return "Full/" in self.birdc("switch", f"show ospf neighbors {protocol}")

    def own_birdc(self, *words: str) -> str:
        """What the announcer's own BIRD prints."""
        return command("birdc", "-s", str(self.runtime_dir / "bird.ctl"), *words)

    def birdc(self, role: str, *words: str) -> str:
        """What a BIRD that is not the announcer's prints."""
        return command("birdc", "-s", str(self.directory / f"{role}.ctl"), *words, check=False)

    def bird_pid(self) -> int:
        """The pid of the announcer's BIRD, 0 while it has none."""
        file = self.runtime_dir / "bird.pid"
        # BIRD makes the file first and writes the pid then.
        return int(file.read_text() or 0) if file.exists() else 0

    def close(self) -> None:
        """Stop the announcers, the loop and the other processes."""
        try:
            for announcer in self._announcers:
                self.loop.run(announcer.stop())
        finally:
            self.loop.close()
            for process in self.processes:
                process.stop()


def add_inner(namespace: Namespace, addresses: Iterable[str]) -> None:
    """Give a namespace a link that leads nowhere, with these addresses."""
    namespace.ip("link", "add", "inner", "type", "veth", "peer", "name", "outer")
    for device in "inner", "outer":
        namespace.ip("link", "set", device, "addrgenmode", "none", "up")
    for address in addresses:
        namespace.ip("address", "add", address, "dev", "inner", "nodad")


def _as_shown(prefix: Network) -> str:
    """A prefix as `ip route` shows it."""
    return str(prefix.network_address if prefix.prefixlen == prefix.max_prefixlen else prefix)
