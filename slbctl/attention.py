# SPDX-License-Identifier: BSD-3-Clause
"""What needs attention, and which command comes next: rules over the facts."""

from collections.abc import Iterator, Sequence

from slb.model.desired import StatusView
from slb.model.views import NO_QUORUM, OspfView, SteeringView, Version
from slbctl.facts import Facts, PortFacts, WorkerFacts
from slbctl.reading import Trouble
from slbctl.units import duration, per_second, percent

BUSY = 0.95
# For so long it is said that somebody has changed slbd beside slb-agent.
BESIDE_S = 60.0
# As SlbCertificateEnds.
RENEW_S = 7 * 86400.0
FULL = 0.9
NAMED = 3

# The drops that this host, and not who sends the packets, can do something about: docs/drops.md.
OURS = {
    "NO_RS": "slbctl rs list",
    "NO_LOCAL_PORT": "slbctl laddr list; slbctl laddr add ADDRESS --port PORT",
    "SESSION_FULL": "slbctl stats; raise engine.sessions in slb.yaml",
    "NO_ROUTE": "slbctl route list",
    "NO_NEIGHBOUR": "slbctl neigh list; slbctl route list",
    "PUNT_RATE": "slbctl drops --rate 1; raise punt in slb.yaml if it is no flood",
    "PUNT_FULL": "slbctl stats --rate 1; give the KNI core a CPU, engine.cpus.kni",
    "HANDOFF_FULL": "slbctl stats --rate 1",
    "TX_FULL": "slbctl port list --counters",
    "NO_MBUF": "raise engine.mbufs in slb.yaml",
    "FRAGMENT_LIMIT": "raise fragments.held in slb.yaml if the fragments are wanted",
    "SYN_STAMPS": "slbctl vs list --json; net.ipv4.tcp_timestamps of the RS",
}


def look(facts: Facts) -> list[Trouble]:
    """All troubles, the ones that stop most traffic first."""
    return [
        *(trouble for worker in facts.workers for trouble in _worker(worker)),
        *(trouble for port in facts.ports for trouble in _port(port)),
        *(_ospf(facts.ospf, facts.services_announced) if facts.ospf else ()),
        *(_desired(facts.desired, facts.version) if facts.desired else ()),
        *_files(facts),
        *_unsaved(facts),
        *_services(facts),
        *_tables(facts),
        *_drops(facts),
        *(trouble for row in facts.steering for trouble in _steering(row)),
    ]


def _worker(worker: WorkerFacts) -> Iterator[Trouble]:
    if worker.stalled:
        yield Trouble(f"worker {worker.worker} stands still", "journalctl -u slbd -n 50")
    elif worker.busy is not None and worker.busy >= BUSY:
        what = f"worker {worker.worker} is busy {percent(worker.busy, 1)} of the time"
        yield Trouble(what, "slbctl stats --rate 1; slbctl workers set N")
    if worker.behind and not worker.stalled:
        what = f"worker {worker.worker} is behind the others, at generation {worker.generation}"
        yield Trouble(what, "slbctl workers list; journalctl -u slbd -n 50")


def _port(port: PortFacts) -> Iterator[Trouble]:
    if port.link_up is False:
        yield Trouble(f"port {port.name}: the link is down", "slbctl port list --members")
    elif port.members_down:
        down = ", ".join(port.members_down)
        what = f"port {port.name}: {len(port.members_down)} of {port.members} members down: {down}"
        yield Trouble(what, "slbctl port list --members")
    if port.lost_per_s > 0:
        what = f"port {port.name} loses {per_second(port.lost_per_s)} packets a second"
        yield Trouble(what, "slbctl port list --counters")


def _ospf(ospf: OspfView, services: int | None) -> Iterator[Trouble]:
    show = "slbctl ospf status"
    if ospf.mode == "off":
        return
    if not ospf.running:
        yield Trouble(f"OSPF: BIRD gives no answer: {ospf.error or 'no reason'}", show)
        return
    if ospf.error:
        yield Trouble(f"OSPF: {ospf.error}", show)
    if ospf.withheld:
        yield Trouble(f"OSPF announces nothing: {ospf.withheld}", show)
    elif services == 0 and not ospf.held and not ospf.error:
        yield Trouble("OSPF announces no services, for there are none", f"{show}; slbctl vs list")
    short = [prefix for prefix, why in ospf.held.items() if why == NO_QUORUM]
    if short:
        yield Trouble(f"not announced for want of RS: {_few(short)}", f"{show}; slbctl health")
    if again := [prefix for prefix, why in ospf.held.items() if why != NO_QUORUM]:
        yield Trouble(f"not announced yet, though well again: {_few(again)}", show)
    for name, state in ospf.adjacency.items():
        if state != "full":
            yield Trouble(f"{name}: the adjacency is {state}", show)
    if ospf.lost:
        yield Trouble(f"OSPF neighbours that were Full are gone: {_few(ospf.lost)}", show)


def _desired(desired: StatusView, slbd: Version | None) -> Iterator[Trouble]:
    reason = f": {desired.reason}" if desired.reason else ""
    if desired.slbd in ("refused", "incomplete"):
        what = f"slbd has not all of the desired state, {desired.slbd}{reason}"
        yield Trouble(what, "slbctl history; slbctl rollback")
    elif desired.slbd != "applied" and (slbd or desired.slbd != "unreachable"):
        # That slbd does not answer stands there already.
        what = f"slb-agent does not know whether slbd has the desired state, {desired.slbd}{reason}"
        yield Trouble(what, "journalctl -u slb-agent -n 50")
    if desired.damaged:
        what = f"generation {desired.damaged} was damaged on disk when slb-agent started, so"
        yield Trouble(f"{what} the one before counts", "slbctl history; slbctl apply FILE")
    if desired.mended_ago_s is not None and desired.mended_ago_s < BESIDE_S:
        what = f"slbd was changed beside slb-agent {desired.mended_ago_s:.0f} s ago, and mended"
        yield Trouble(f"{what}; by slbctl at slbd's socket?", "journalctl -u slb-agent -n 50")
    if desired.rs_down:
        what = f"{desired.rs_down} of {desired.rs_checked} RS that are checked are down"
        yield Trouble(what, "slbctl health")
    if desired.checks_stopped:
        what = "no RS is checked: the health checks have ended, or hang"
        yield Trouble(what, "journalctl -u slb-agent -n 50; systemctl restart slb-agent")
    if desired.rs_silent:
        what = f"checks of {desired.rs_silent} of {desired.rs_checked} RS say nothing: "
        yield Trouble(f"{what}{desired.silent_reason}", "slbctl health")
    for owner in desired.owners:
        if owner.confirm_within_s is not None:
            what = f"a change of {owner.owner}'s is to be confirmed within "
            yield Trouble(f"{what}{owner.confirm_within_s:.0f} s", "slbctl confirm")


def _files(facts: Facts) -> Iterator[Trouble]:
    """Of the files of both programs what was not taken, though it lies there for the next start."""
    if facts.version and facts.version.reload_trouble:
        what = f"slbd has not taken slb.yaml: {facts.version.reload_trouble}"
        yield Trouble(what, "slbd --check; systemctl reload slbd")
    if facts.desired is None:
        return
    if facts.desired.reload_trouble:
        what = f"slb-agent has not taken agent.yaml: {facts.desired.reload_trouble}"
        yield Trouble(what, "systemctl reload slb-agent; journalctl -u slb-agent -n 50")
    left = facts.desired.certificate_ends_in_s
    if left is not None and left < RENEW_S:
        when = "has ended" if left < 0 else f"ends in {duration(round(left * 1000))}"
        yield Trouble(f"slb-agent's certificate {when}", "renew tls.certificate of agent.yaml")


def _unsaved(facts: Facts) -> Iterator[Trouble]:
    for port, addresses in facts.unsaved_laddrs.items():
        what = f"port {port}: gone after slbd's next start, since slb.yaml does not have them: "
        missing = f"add to local_addresses of port {port} in slb.yaml: {', '.join(addresses)}"
        yield Trouble(f"{what}{_few(addresses)}", f"{missing}; systemctl reload slbd")


def _services(facts: Facts) -> Iterator[Trouble]:
    without = facts.services.without_rs if facts.services else []
    if without:
        what = f"VS without an RS of a weight above 0: {_few(without)}"
        yield Trouble(what, f"slbctl rs list {without[0]}")


def _tables(facts: Facts) -> Iterator[Trouble]:
    for worker in facts.workers:
        if worker.capacity and worker.sessions >= FULL * worker.capacity:
            share = percent(worker.sessions, worker.capacity)
            what = f"worker {worker.worker}: {share} of its session table is in use"
            yield Trouble(what, "slbctl stats; raise engine.sessions in slb.yaml")
    ports = facts.local_ports
    if ports and ports.used >= FULL * ports.room:
        what = f"{percent(ports.used, ports.room)} of the local ports towards {ports.towards} "
        yield Trouble(f"{what}are in use", "slbctl laddr add ADDRESS --port PORT")


def _drops(facts: Facts) -> Iterator[Trouble]:
    for reason, rate in facts.drops.items():
        if reason in OURS:
            yield Trouble(f"{per_second(rate)} packets a second dropped: {reason}", OURS[reason])


def _steering(row: SteeringView) -> Iterator[Trouble]:
    if row.health != "ok":
        what = f"port {row.port}: replies by {row.method}: {row.health}"
        yield Trouble(what, "slbctl steering --probes; slbctl steering --rules")
    if row.unproved:
        of = row.proved + row.unproved + len(row.wrong)
        what = f"port {row.port}: {row.unproved} of {of} local addresses are not proved"
        yield Trouble(what, "slbctl steering --probes")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
