# SPDX-License-Identifier: BSD-3-Clause
"""The text of BIRD's configuration.

The protocols are the same in a BIRD of our own and in the system's. Routes live in a table of ours:

    slb_announce (static) ──► slb4 ──► slb_ospf ──► neighbours
    kernel ◄── master4 ◄── slb_learnt (pipe) ◄── slb4 ◄── slb_ospf

so what is announced cannot reach the kernel, whatever the operator's kernel protocol exports.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path
from textwrap import dedent

from ospf.model import ANNOUNCE, KERNEL, LEARNT, OSPF, TABLE, Setup
from slb.errors import OspfError

MARK = "# Written by slbd, which overwrites it."
_RETRANSMIT_MAX_S = 5


def managed(setup: Setup, prefixes: Iterable[IPv4Network], log: Path) -> str:
    """The whole configuration of a BIRD of our own; raises OspfError."""
    name, old = _quoted(str(log)), _quoted(f"{log}.1")
    head = f"""\
        {MARK}
        log {name} 1048576 {old} {{ info, remote, warning, error, auth, fatal, bug }};
        router id {setup.router_id};
        protocol device {{ scan time 10; }}
        protocol kernel {KERNEL} {{
            scan time 10;
            ipv4 {{ import none; export all; }};
        }}
        """
    return dedent(head) + _body(setup, prefixes)


def section(setup: Setup, prefixes: Iterable[IPv4Network]) -> str:
    """What the system's BIRD includes; raises OspfError."""
    return f"{MARK}\n" + _body(setup, prefixes)


def idle() -> str:
    """What the system's BIRD includes when slbd does not run."""
    return f"{MARK}\n# slbd does not run: nothing to announce.\n"


def _body(setup: Setup, prefixes: Iterable[IPv4Network]) -> str:
    routes = "".join(f"    route {prefix} blackhole;\n" for prefix in prefixes)
    return dedent(f"""\
        ipv4 table {TABLE};
        protocol static {ANNOUNCE} {{
            ipv4 {{ table {TABLE}; }};
        @routes@}}
        protocol ospf v2 {OSPF} {{
            router id {setup.router_id};
            ipv4 {{
                table {TABLE};
                import all;
                export filter {{
                    if proto != "{ANNOUNCE}" then reject;
                    ospf_metric2 = 10000;
                    accept;
                }};
            }};
            area {setup.ospf.area} {{
                {_interfaces(setup)}
            }};
        }}
        protocol pipe {LEARNT} {{
            table master4;
            peer table {TABLE};
            # The kernel has the connected prefixes already. No gateway compares equal to ::.
            import where proto = "{OSPF}" && gw != ::;
            export none;
        }}
        """).replace("@routes@", routes)


def _interfaces(setup: Setup) -> str:
    if not setup.interfaces:
        raise OspfError("ospf.interfaces: no interface to speak OSPF on; name one")
    names = ", ".join(_quoted(name) for name in setup.interfaces)
    ospf = setup.ospf
    # A lost packet is sent again before the neighbour is given up.
    retransmit = min(_RETRANSMIT_MAX_S, max(1, ospf.dead_s // 2))
    return (
        f"interface {names} {{ type {setup.network}; hello {ospf.hello_s}; dead {ospf.dead_s}; "
        f"retransmit {retransmit}; cost {ospf.cost}; }};"
    )


def _quoted(text: str) -> str:
    if not text.isprintable() or '"' in text:
        raise OspfError(f"{text!r} cannot be written into BIRD's configuration; use another name")
    return f'"{text}"'
