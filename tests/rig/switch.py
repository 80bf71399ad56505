# SPDX-License-Identifier: BSD-3-Clause
"""The switch's routing: a BIRD of its own, speaking OSPF on the link to the LB."""

import re
import textwrap
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path

from rig.addresses import DATA_LINK, SWITCH, V4, V6, Family
from rig.netns import Namespace, command
from rig.process import Process
from rig.registry import Registry

# Names of its protocols.
OSPF = {4: "lb", 6: "lb6"}


@dataclass(frozen=True)
class Neighbour:
    """A row of `show ospf neighbors`: the other router and the adjacency's state."""

    router_id: str
    state: str


class Switch:
    """BIRD in the switch's namespace, and what the namespace's kernel has learnt from it."""

    def __init__(
        self,
        registry: Registry,
        namespace: Namespace,
        network_type: str = "broadcast",
        hello_s: int = 1,
        dead_s: int = 4,
    ) -> None:
        """Start BIRD; the LB's link may appear later."""
        self.namespace = namespace
        self._control = registry.directory / "switch-bird.ctl"
        config = registry.directory / "switch-bird.conf"
        config.write_text(_config(f"type {network_type}; hello {hello_s}; dead {dead_s}"))
        words = ["bird", "-f", "-c", str(config), "-s", str(self._control)]
        self.process = Process(registry, namespace, "switch-bird", words)

    def neighbours(self, family: Family = V4) -> list[Neighbour]:
        """OSPF neighbours; none while BIRD is starting."""
        if not Path(self._control).exists():
            return []
        question = f"show ospf neighbors {OSPF[family.version]}"
        reply = command("birdc", "-r", "-s", str(self._control), question, check=False)
        rows = re.findall(r"^(\d+\.\d+\.\d+\.\d+)\s+\d+\s+(\S+)/", reply, re.MULTILINE)
        return [Neighbour(router_id, state) for router_id, state in rows]

    def full(self, family: Family = V4) -> bool:
        """Tell whether there is exactly one neighbour, and Full."""
        return [neighbour.state for neighbour in self.neighbours(family)] == ["Full"]

    def routes(self, family: Family = V4) -> dict[str, str]:
        """Kernel routes that BIRD has put in: prefix to gateway."""
        show = (f"-{family.version}", "route", "show", "proto", "bird")
        rows = self.namespace.ip(*show).splitlines()
        words = [row.split() for row in rows]
        return {row[0]: row[row.index("via") + 1] for row in words if "via" in row}


def _config(link_options: str) -> str:
    head = f"log stderr all;\nrouter id {SWITCH};\nprotocol device {{ scan time 1; }}\n"
    return head + "".join(_ospf(family, link_options) for family in (V4, V6))


def _ospf(family: Family, link_options: str) -> str:
    channel, version = f"ipv{family.version}", {4: "v2", 6: "v3"}[family.version]
    subnet = ip_interface(f"{family.switch}/{family.length}").network
    return textwrap.dedent(f"""\
        protocol kernel {{
            scan time 1;
            {channel} {{
                import none;
                # What OSPF has learnt; the link itself is the kernel's own.
                export where source ~ [ RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2 ]
                    && net != {subnet};
            }};
        }}
        protocol static pods{family.version} {{
            {channel};
            route {family.pods} blackhole;
        }}
        protocol ospf {version} {OSPF[family.version]} {{
            {channel} {{ import all; export where proto = "pods{family.version}"; }};
            area 0.0.0.0 {{
                # It elects a designated router early, so that the rig is up sooner.
                interface "{DATA_LINK}" {{ {link_options}; wait 2; }};
            }};
        }}
        """)
