# SPDX-License-Identifier: BSD-3-Clause
"""The screen of `slbctl status`: what needs attention, then the facts."""

from collections.abc import Iterator

from msgspec import Struct

from slb.model.desired import OwnerView, StatusView
from slb.model.views import OspfView
from slbctl.attention import look
from slbctl.facts import Facts, PortFacts, facts
from slbctl.options import Target
from slbctl.output import pairs
from slbctl.port import LINK
from slbctl.reading import Trouble, read
from slbctl.units import count, duration, link_speed, per_second, percent, plural

Pair = tuple[str, str]


class Report(Struct, frozen=True):
    """What --json shows."""

    well: bool
    attention: list[Trouble]
    facts: Facts


def report(target: Target, apart_s: float) -> Report:
    """Reads and judges; the counters are read twice, so far apart."""
    seen = read(target, apart_s)
    found = facts(seen)
    troubles = [*seen.troubles, *look(found)]
    return Report(not troubles, troubles, found)


def screen(shown: Report) -> list[str]:
    """The report in lines."""
    found = shown.facts
    known = [*_slbd(found), *_traffic(found), *_network(found), *_desired(found.desired)]
    return [*_attention(shown.attention), *(["", *pairs(known)] if known else [])]


def _attention(troubles: list[Trouble]) -> Iterator[str]:
    if not troubles:
        yield "well"
        return
    one = len(troubles) == 1
    yield f"{len(troubles)} {'thing needs' if one else 'things need'} attention"
    for trouble in troubles:
        yield f"- {trouble.what}"
        yield f"  next: {trouble.next}"


def _slbd(found: Facts) -> Iterator[Pair]:
    if version := found.version:
        up = duration(round(version.uptime_s * 1000))
        dpdk = version.dpdk.removeprefix("DPDK ")
        text = f"{version.slb}, up {up}, pid {version.pid}, generation {version.generation}"
        yield "slbd", f"{text}, DPDK {dpdk}"
    if workers := found.workers:
        states = [worker.state for worker in workers]
        named = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
        busy = max((worker.busy or 0.0 for worker in workers), default=0.0)
        yield "workers", f"{', '.join(named)}; the busiest {percent(busy, 1)}"


def _traffic(found: Facts) -> Iterator[Pair]:
    if services := found.services:
        idle = f", {services.weightless} of them without weight" if services.weightless else ""
        yield "services", f"{services.vs} VS, {services.rs} RS{idle}"
    if workers := found.workers:
        room = sum(worker.capacity for worker in workers)
        used = sum(worker.sessions for worker in workers)
        yield "sessions", f"{count(used)} of {count(room)}, {percent(used, room)}"
    if ports := found.local_ports:
        share = percent(ports.used, ports.room)
        yield "local ports", f"{share} in use towards {ports.towards}, the most used RS"
    if found.workers:
        rates = [f"{reason} {per_second(rate)}/s" for reason, rate in found.drops.items()]
        yield "drops", ", ".join(rates) or "none"


def _network(found: Facts) -> Iterator[Pair]:
    for port in found.ports:
        yield f"port {port.name}", _port(port)
    for row in found.steering:
        every = row.proved + row.unproved + len(row.wrong)
        yield f"steering {row.port}", f"{row.method}, {row.proved} of {every} proved, {row.health}"
    if found.ospf:
        yield "OSPF", _ospf(found.ospf)


def _port(port: PortFacts) -> str:
    text = f"link {LINK[port.link_up]}"
    if port.speed_mbps > 0:
        text += f", {link_speed(port.speed_mbps)}"
    if port.members:
        text += f", {port.members - len(port.members_down)} of {port.members} members"
    return text


def _ospf(ospf: OspfView) -> str:
    if ospf.mode == "off":
        return "off"
    adjacency = ", ".join(f"{name} {state}" for name, state in ospf.adjacency.items())
    announced = plural(len(ospf.announced), "route") if ospf.announced else "nothing"
    held = f", {len(ospf.held)} held back" if ospf.held else ""
    ending = "; at the drain metric, slbd is about to stop" if ospf.draining else ""
    return f"{adjacency or 'no adjacency'}; {announced} announced{held}{ending}"


def _desired(desired: StatusView | None) -> Iterator[Pair]:
    if desired is None:
        return
    yield "desired", f"generation {desired.generation}, {desired.slbd}"
    if desired.rs_checked:
        yield "health", f"{desired.rs_down} of {desired.rs_checked} RS that are checked are down"
    if desired.mended:
        times = plural(desired.mended, "time")
        yield "mended", f"{times}: slbd was changed beside slb-agent"
    for row in desired.owners:
        yield f"owner {row.owner}", _owner(row)


def _owner(row: OwnerView) -> str:
    text = f"{row.vs} VS, {row.rs} RS"
    if row.epoch or row.generation:
        text += f", epoch {row.epoch}, generation {row.generation}"
    return text
