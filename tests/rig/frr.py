# SPDX-License-Identifier: BSD-3-Clause
"""FRR as the switch: its daemons in the switch's namespace, one area, one link to the LBs."""

import json
import shutil
from collections.abc import Mapping
from ipaddress import ip_network
from textwrap import dedent
from typing import Any

from rig.addresses import DATA_LINK, SWITCH
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry
from rig.waiting import wait

_DAEMONS = "/usr/lib/frr"
BFD_MS, BFD_MULTIPLIER = 50, 3


class Frr:
    """The daemons, and what they and their kernel have learnt."""

    def __init__(
        self, registry: Registry, namespace: Namespace, configs: Mapping[str, str]
    ) -> None:
        """Prepare them, each with its configuration; zebra is always there."""
        self.namespace = namespace
        self._directory = registry.directory / "frr"
        self._registry = registry
        self._configs = {"zebra": "", **configs}
        self.processes: list[Process] = []

    def start(self) -> None:
        """Start one after the other."""
        self._directory.mkdir(mode=0o700)
        # They give up root's rights.
        shutil.chown(self._directory, "frr", "frr")
        for name, config in self._configs.items():
            self._start(name, config)

    def _start(self, name: str, config: str) -> None:
        file = self._directory / f"{name}.conf"
        file.write_text(f"hostname switch\nlog stdout\n{dedent(config)}")
        shutil.chown(file, "frr", "frr")
        directory = str(self._directory)
        words = [f"{_DAEMONS}/{name}", "-f", str(file), "-i", f"{directory}/{name}.pid"]
        words += ["-z", f"{directory}/zserv", "--vty_socket", directory]
        words += ["--bfdctl", f"{directory}/bfdd.sock"] if name == "bfdd" else []
        self.processes.append(Process(self._registry, self.namespace, name, words))
        ready = self._directory / ("zserv" if name == "zebra" else f"{name}.vty")
        wait(ready.exists, 10, f"{name}'s socket")

    def show(self, command: str) -> Any:
        """What a command with `json` at its end answers."""
        words = ["vtysh", "--vty_socket", str(self._directory), "-c", command]
        return json.loads(self.namespace.run(*words, check=False) or "{}")

    def full(self) -> set[str]:
        """Router ids of the neighbours that are Full by OSPFv2, and that BFD says are up."""
        found = self.show("show ip ospf neighbor json").get("neighbors", {})
        up = self.watched()
        return {
            router
            for router, neighbours in found.items()
            for one in neighbours
            if one["nbrState"].startswith("Full") and one["ifaceAddress"] in up
        }

    def full6(self) -> set[str]:
        """The same by OSPFv3, which says nobody's address: as many as BFD says are up."""
        rows = self.show("show ipv6 ospf6 neighbor json").get("neighbors", [])
        full = {row["neighborId"] for row in rows if row["state"] == "Full"}
        return full if len([peer for peer in self.watched() if ":" in peer]) == len(full) else set()

    def watched(self) -> dict[str, int]:
        """Peers that BFD says are up; one that was lost comes back with another number."""
        rows: list[dict[str, Any]] = self.show("show bfd peers json")
        return {row["peer"]: row["id"] for row in rows if row["status"] == "up"}

    def stub_networks(self, router: str) -> dict[str, int]:
        """What a router says that it has networks of, and at which metric; both families."""
        found = {}
        four = self.show(f"show ip ospf database router {router} json")
        for areas in four.get("routerLinkStates", {}).get("areas", {}).values():
            for link in [link for lsa in areas for link in lsa["routerLinks"].values()]:
                if link["linkType"] == "Stub Network":
                    network = ip_network(f"{link['networkAddress']}/{link['networkMask']}")
                    found[str(network)] = link["tos0Metric"]
        six = self.show(f"show ipv6 ospf6 database intra-prefix adv-router {router} detail json")
        for area in six.get("areaScopedLinkStateDb", []):
            for row in [row for lsa in area["lsa"] for row in lsa["prefix"]]:
                found[row["prefix"]] = row["metric"]
        return found

    def gateways(self, prefix: str) -> set[str]:
        """Next hops of a prefix in the kernel."""
        version = "-6" if ":" in prefix else "-4"
        rows = json.loads(self.namespace.ip("-j", version, "route", "show", prefix) or "[]")
        hops = [hop for row in rows for hop in row.get("nexthops", [row])]
        return {hop["gateway"] for hop in hops if "gateway" in hop}


def signed_and_watched(secret: str) -> dict[str, str]:
    """OSPFv2 signed by MD5 with a key, OSPFv3, BFD, and neighbours helped with their restarts."""
    return {"bfdd": _BFDD, "ospfd": _OSPFD.replace("@secret@", secret), "ospf6d": _OSPF6D}


def helpers(network: str) -> dict[str, str]:
    """OSPFv2 and OSPFv3 that help with graceful restarts of neighbours."""
    kind = "point-to-point" if network == "ptp" else network
    return {name: text.replace("@network@", kind) for name, text in _HELPERS.items()}


def watched(area: str, dead_s: int) -> dict[str, str]:
    """OSPFv2 and OSPFv3 of an area, point to point, both watched by BFD."""
    texts = {"bfdd": _BFDD, **_WATCHED}
    words = {"area": area, "dead": str(dead_s)}
    for word, value in words.items():
        texts = {name: text.replace(f"@{word}@", value) for name, text in texts.items()}
    return texts


_BFDD = f"""\
    bfd
     profile fast
      detect-multiplier {BFD_MULTIPLIER}
      receive-interval {BFD_MS}
      transmit-interval {BFD_MS}
    """
_OSPFD = f"""\
    interface {DATA_LINK}
     ip ospf hello-interval 1
     ip ospf dead-interval 4
     ip ospf authentication message-digest
     ip ospf message-digest-key 1 md5 @secret@
     ip ospf bfd
     ip ospf bfd profile fast
    exit
    router ospf
     ospf router-id {SWITCH}
     timers throttle spf 0 50 1000
     capability opaque
     graceful-restart helper enable
     network 192.0.2.0/24 area 0
    """
_OSPF6D = f"""\
    interface {DATA_LINK}
     ipv6 ospf6 hello-interval 1
     ipv6 ospf6 dead-interval 4
     ipv6 ospf6 area 0
     ipv6 ospf6 bfd profile fast
    exit
    router ospf6
     ospf6 router-id {SWITCH}
     timers throttle spf 0 50 1000
     graceful-restart helper enable
    """
_WATCHED = {
    "ospfd": f"""\
    interface {DATA_LINK}
     ip ospf hello-interval 1
     ip ospf dead-interval @dead@
     ip ospf network point-to-point
     ip ospf bfd
     ip ospf bfd profile fast
    exit
    router ospf
     ospf router-id {SWITCH}
     timers throttle spf 0 50 1000
     network 192.0.2.0/24 area @area@
    """,
    "ospf6d": f"""\
    interface {DATA_LINK}
     ipv6 ospf6 hello-interval 1
     ipv6 ospf6 dead-interval @dead@
     ipv6 ospf6 network point-to-point
     ipv6 ospf6 area @area@
     ipv6 ospf6 bfd profile fast
    exit
    router ospf6
     ospf6 router-id {SWITCH}
     timers throttle spf 0 50 1000
    """,
}
_HELPERS = {
    "ospfd": f"""\
    interface {DATA_LINK}
     ip ospf hello-interval 1
     ip ospf dead-interval 4
     ip ospf network @network@
    exit
    router ospf
     ospf router-id {SWITCH}
     capability opaque
     graceful-restart helper enable
     redistribute connected
     network 192.0.2.0/24 area 0
    """,
    "ospf6d": f"""\
    interface {DATA_LINK}
     ipv6 ospf6 hello-interval 1
     ipv6 ospf6 dead-interval 4
     ipv6 ospf6 network @network@
     ipv6 ospf6 area 0
    exit
    router ospf6
     ospf6 router-id {SWITCH}
     redistribute connected
     graceful-restart helper enable
    """,
}
