# SPDX-License-Identifier: BSD-3-Clause
"""The text of BIRD's configuration.

The protocols are the same in a BIRD of our own and in the system's. Routes live in a table of ours:

    slb_announce (static) ──► slb4 ──► slb_ospf ──► neighbours
    kernel ◄── master4 ◄── slb_learnt (pipe) ◄── slb4 ◄── slb_ospf

and for IPv6 likewise, with a 6 behind each name and OSPFv3 in the place of OSPFv2,
so what is announced cannot reach the kernel, whatever the operator's kernel protocol exports.
"""

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

from ospf.model import Family, Network, Setup
from slb.errors import OspfError

MARK = "# Written by slbd, which overwrites it."
_RETRANSMIT_MAX_S = 5


def managed(
    setup: Setup, families: Iterable[Family], prefixes: Iterable[Network], log: Path
) -> str:
    """The whole configuration of a BIRD of our own; raises OspfError."""
    name, old = _quoted(str(log)), _quoted(f"{log}.1")
    head = f"""\
        {MARK}
        log {name} 1048576 {old} {{ info, remote, warning, error, auth, fatal, bug }};
        router id {setup.router_id};
        protocol device {{ scan time 10; }}
        """
    spoken = tuple(families)
    kernels = "".join(_kernel(family) for family in spoken)
    return dedent(head) + kernels + _bodies(setup, spoken, prefixes)


def section(setup: Setup, families: Iterable[Family], prefixes: Iterable[Network]) -> str:
    """What the system's BIRD includes; raises OspfError."""
    return f"{MARK}\n" + _bodies(setup, families, prefixes)


def idle() -> str:
    """What the system's BIRD includes when slbd does not run."""
    return f"{MARK}\n# slbd does not run: nothing to announce.\n"


def _kernel(family: Family) -> str:
    return dedent(f"""\
        protocol kernel {family.kernel} {{
            scan time 10;
            {family.channel} {{ import none; export all; }};
        }}
        """)


def _bodies(setup: Setup, families: Iterable[Family], prefixes: Iterable[Network]) -> str:
    shown = tuple(prefixes)
    return "".join(
        _body(setup, family, [p for p in shown if p.version == family.version])
        for family in families
    )


def _body(setup: Setup, family: Family, prefixes: Iterable[Network]) -> str:
    routes = "".join(f"    route {prefix} blackhole;\n" for prefix in prefixes)
    return dedent(f"""\
        {family.channel} table {family.table};
        protocol static {family.announce} {{
            {family.channel} {{ table {family.table}; }};
        @routes@}}
        protocol {family.protocol} {family.ospf} {{
            router id {setup.router_id};
            {family.channel} {{
                table {family.table};
                import all;
                export filter {{
                    if proto != "{family.announce}" then reject;
                    ospf_metric2 = 10000;
                    accept;
                }};
            }};
            area {setup.ospf.area} {{
                {_interfaces(setup)}
            }};
        }}
        protocol pipe {family.learnt} {{
            table {family.master};
            peer table {family.table};
            # The kernel has the connected prefixes already. No gateway compares equal to ::.
            import where proto = "{family.ospf}" && gw != ::;
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
        f"interface {names} {{ type {ospf.network_type}; hello {ospf.hello_s}; dead {ospf.dead_s}; "
        f"retransmit {retransmit}; cost {ospf.cost}; }};"
    )


def _quoted(text: str) -> str:
    if not text.isprintable() or '"' in text:
        raise OspfError(f"{text!r} cannot be written into BIRD's configuration; use another name")
    return f'"{text}"'
