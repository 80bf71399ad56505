# SPDX-License-Identifier: BSD-3-Clause
"""The text of BIRD's configuration.

The protocols are the same in a BIRD of our own and in the system's. Routes live in a table of ours:

    slb_announce (static) ──► slb4 ──► slb_ospf ──► neighbours
    kernel ◄── master4 ◄── slb_learnt (pipe) ◄── slb4 ◄── slb_ospf

and for IPv6 likewise, with a 6 behind each name and OSPFv3 in the place of OSPFv2,
so what is announced cannot reach the kernel, whatever the operator's kernel protocol exports.
With `route_type: stub` the prefixes stand in the area as well, as networks of this router, and OSPF
takes nothing from the table; the routes in it only show what is announced.
"""

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

from ospf.bird_area import STUB_MAX, areas, quoted
from ospf.model import Family, Network, Phase, Setup
from ospf.restart import TICK_S

MARK = "# Written by slbd, which overwrites it."


def managed(
    setup: Setup,
    families: Iterable[Family],
    prefixes: Iterable[Network],
    log: Path,
    phase: Phase = Phase.USUAL,
) -> str:
    """The whole configuration of a BIRD of our own; raises OspfError."""
    name, old = quoted(str(log)), quoted(f"{log}.1")
    head = f"""\
        {MARK}
        log {name} 1048576 {old} {{ info, remote, warning, error, auth, fatal, bug }};
        router id {setup.router_id};
        protocol device {{ scan time 10; }}
        """
    spoken = tuple(families)
    kernels = "".join(_kernel(setup, family, phase) for family in spoken)
    return dedent(head) + kernels + _bodies(setup, spoken, prefixes, phase)


def section(
    setup: Setup,
    families: Iterable[Family],
    prefixes: Iterable[Network],
    phase: Phase = Phase.USUAL,
) -> str:
    """What the system's BIRD includes; raises OspfError."""
    return f"{MARK}\n" + _bodies(setup, families, prefixes, phase)


def idle() -> str:
    """What the system's BIRD includes when slbd does not run."""
    return f"{MARK}\n# slbd does not run: nothing to announce.\n"


def _kernel(setup: Setup, family: Family, phase: Phase) -> str:
    # Routes stay in the kernel while BIRD learns them anew.
    kept = "graceful restart on; " if setup.ospf.graceful_restart == "on" else ""
    # Else it would remove at once what it has not learnt yet.
    kept += "disabled; " if Phase.KEEPING in phase else ""
    return dedent(f"""\
        protocol kernel {family.kernel} {{
            {kept}scan time 10;
            {family.channel} {{ import none; export all; }};
        }}
        """)


def _bodies(
    setup: Setup,
    families: Iterable[Family],
    prefixes: Iterable[Network],
    phase: Phase,
) -> str:
    shown = tuple(prefixes)
    tick = f"\n    tick {TICK_S};" if Phase.RESTARTING in phase else ""
    texts = (
        _body(setup, family, [p for p in shown if p.version == family.version], phase)
        for family in families
    )
    return _bfd(setup) + "".join(text.replace("@tick@", tick) for text in texts)


def _bfd(setup: Setup) -> str:
    bfd = setup.ospf.bfd
    if bfd is None:
        return ""
    timers = f"interval {bfd.interval_ms} ms; multiplier {bfd.multiplier};"
    rows = "".join(f"    interface {quoted(n)} {{ {timers} }};\n" for n in setup.interfaces)
    return f"protocol bfd slb_bfd {{\n{rows}}}\n"


def _body(setup: Setup, family: Family, prefixes: Iterable[Network], phase: Phase) -> str:
    ospf = setup.ospf
    metric = max(ospf.metric, ospf.drain_metric) if Phase.DRAINING in phase else ospf.metric
    routes = "".join(f"    route {prefix} blackhole;\n" for prefix in prefixes)
    stubs = [(prefix, min(metric, STUB_MAX)) for prefix in prefixes] if setup.stub else []
    lines = {"routes": routes, "areas": areas(setup, family, stubs), "export": "none;\n"}
    if not setup.stub:
        lines["export"] = dedent(f"""\
            filter {{
                        if proto != "{family.announce}" then reject;
                        ospf_metric{ospf.metric_type} = {metric};
                        accept;
                    }};
            """)
    text = dedent(f"""\
        {family.channel} table {family.table};
        protocol static {family.announce} {{
            {family.channel} {{ table {family.table}; }};
        @routes@}}
        protocol {family.protocol} {family.ospf} {{
            router id {setup.router_id};
            graceful restart {ospf.graceful_restart};@tick@
            {family.channel} {{
                table {family.table};
                import all;
                export @export@    }};
        @areas@}}
        protocol pipe {family.learnt} {{
            table {family.master};
            peer table {family.table};
            # The kernel has the connected prefixes already. No gateway compares equal to ::.
            import where proto = "{family.ospf}" && gw != ::;
            export none;
        }}
        """)
    for word, value in lines.items():
        text = text.replace(f"@{word}@", value)
    return text
