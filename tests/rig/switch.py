# SPDX-License-Identifier: BSD-3-Clause
"""The switch's routing: a BIRD of its own, speaking OSPF on the link to the LB."""

import re
import textwrap
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path

from rig.addresses import DATA_LINK, LB_PREFIX, SWITCH
from rig.netns import Namespace, command
from rig.process import Process
from rig.registry import Registry

LINK = IPv4Interface(f"{SWITCH}/{LB_PREFIX}").network


@dataclass(frozen=True)
class Neighbour:
    """A row of `show ospf neighbors`: the other router and the adjacency's state."""

    router_id: str
    state: str


class Switch:
    """BIRD in the switch's namespace, and what the namespace's kernel has learnt from it."""

    def __init__(
        self, registry: Registry, namespace: Namespace, hello_s: int = 1, dead_s: int = 4
    ) -> None:
        """Start BIRD; the LB's link may appear later."""
        self.namespace = namespace
        self._control = registry.directory / "switch-bird.ctl"
        config = registry.directory / "switch-bird.conf"
        config.write_text(_config(hello_s, dead_s))
        words = ["bird", "-f", "-c", str(config), "-s", str(self._control)]
        self.process = Process(registry, namespace, "switch-bird", words)

    def neighbours(self) -> list[Neighbour]:
        """OSPF neighbours; none while BIRD is starting."""
        if not Path(self._control).exists():
            return []
        reply = command(
            "birdc", "-r", "-s", str(self._control), "show", "ospf", "neighbors", check=False
        )
        rows = re.findall(r"^(\d+\.\d+\.\d+\.\d+)\s+\d+\s+(\S+)/", reply, re.MULTILINE)
        return [Neighbour(router_id, state) for router_id, state in rows]

    def full(self) -> bool:
        """Tell whether there is exactly one neighbour, and Full."""
        return [neighbour.state for neighbour in self.neighbours()] == ["Full"]

    def routes(self) -> dict[str, str]:
        """Kernel routes that BIRD has put in: prefix to gateway."""
        rows = self.namespace.ip("route", "show", "proto", "bird").splitlines()
        words = [row.split() for row in rows]
        return {row[0]: row[row.index("via") + 1] for row in words if "via" in row}


def _config(hello_s: int, dead_s: int) -> str:
    return textwrap.dedent(f"""\
        log stderr all;
        router id {SWITCH};
        protocol device {{ scan time 1; }}
        protocol kernel {{
            scan time 1;
            ipv4 {{
                import none;
                # What OSPF has learnt; the link itself is the kernel's own.
                export where source ~ [ RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2 ]
                    && net != {LINK};
            }};
        }}
        protocol ospf v2 lb {{
            ipv4 {{ import all; export none; }};
            area 0.0.0.0 {{
                # It elects a designated router early, so that the rig is up sooner.
                interface "{DATA_LINK}" {{ hello {hello_s}; dead {dead_s}; wait 2; }};
            }};
        }}
        """)
