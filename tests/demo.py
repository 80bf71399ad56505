# SPDX-License-Identifier: BSD-3-Clause
"""The demo: real requests through slbd in an embedded network, one line a step (`./dev demo`)."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from rig.addresses import (
    DNS_VS,
    HTTP_PORT,
    HTTP_VS,
    LB,
    PODS,
    SERVICE_SUBNET,
    V6,
    endpoint,
    local_prefixes,
)
from rig.lb import LbSettings, program
from rig.probes import missing
from rig.report import Failed, Report, Seen, check
from rig.rig import Rig
from rig.services import EQUAL, Weights, unfair
from rig.waiting import RigError, wait

REQUESTS = 1000
WEIGHTS: Weights = {pod.name: weight for weight, pod in enumerate(PODS, 1)}
LOST_POD = PODS[3]
# Ctrl-C, being told to end, and a terminal that is closed.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Demo:
    """The steps, in order, on one rig."""

    def __init__(self, rig: Rig) -> None:
        """Demonstrate on `rig`, which is not started yet."""
        self.rig = rig
        self.workers = rig.settings.workers

    def steps(self) -> list[tuple[str, Callable[[], Seen]]]:
        """Every step but the last, with its title."""
        return [
            ("Start", self.start),
            ("VS and RS added", self.configure),
            ("OSPF", self.adjacency),
            ("Routes", self.routes),
            ("HTTP by rr", self.http),
            ("UDP by wrr", self.udp),
            ("Counters", self.counters),
            ("IPv6 and NAT64", self.ipv6),
            ("RS removed", self.remove_rs),
            ("RS added", self.add_rs),
        ]

    def start(self) -> Seen:
        """Build the topology and start slbd, the switch's BIRD and the pods."""
        self.rig.start()
        version = self.rig.lb.api("/v1/version")
        ports = [row["driver"] for row in self.rig.lb.items("/v1/ports")]
        workers = len(self.rig.lb.items("/v1/workers"))
        seen = f"{workers} on {', '.join(ports)}, {version['dpdk']}; {len(PODS)} pods answer"
        check(workers == self.workers, f"{self.workers} worker(s)", seen)
        return f"slbd with {self.workers} worker(s)", seen

    def adjacency(self) -> Seen:
        """Wait for OSPF on both sides."""
        wait(self.rig.switch.full, 30, "OSPF Full on the switch")
        wait(self.rig.lb_full, 10, "OSPF Full on the LB")
        here = self.rig.lb.api("/v1/ospf")["neighbours"][0]
        there = self.rig.switch.neighbours()[0]
        states = there.state, here["state"].partition("/")[0]
        seen = f"switch sees {there.router_id} {states[0]}, LB sees {here['router_id']} {states[1]}"
        return "Full on both sides", seen

    def routes(self) -> Seen:
        """Wait until the switch's kernel routes services and local addresses to the LB."""
        wanted = {SERVICE_SUBNET} | local_prefixes(self.workers)
        wait(lambda: wanted <= self.rig.routes_to_lb(), 15, f"OSPF routes to {sorted(wanted)}")
        seen = f"{', '.join(sorted(wanted))} via {LB}"
        return "in the switch's kernel, by OSPF", seen

    def configure(self) -> Seen:
        """Add a TCP and a UDP service by slbctl."""
        ctl = self.rig.lb.ctl
        *first, last = PODS
        ctl("vs", "add", HTTP_VS, *(f"--rs={pod.http}" for pod in first))
        ctl("rs", "add", HTTP_VS, last.http)
        weighted = [f"--rs={pod.dns}={WEIGHTS[pod.name]}" for pod in PODS]
        ctl("vs", "add", DNS_VS, "--scheduler", "wrr", *weighted)
        services, servers = len(self.rig.lb.items("/v1/vs")), len(self.rig.lb.items("/v1/rs"))
        seen = f"{services} VS, {servers} RS by slbctl"
        check((services, servers) == (2, 2 * len(PODS)), f"2 VS, {2 * len(PODS)} RS", seen)
        return "tcp and udp, 4 RS each", seen

    def http(self) -> Seen:
        """Send HTTP requests, each on a connection of its own."""
        outcome = self.rig.client.http(REQUESTS)
        return self._shared(
            outcome.answered, outcome.shares(), unfair(outcome, EQUAL, self.workers)
        )

    def udp(self) -> Seen:
        """Send DNS queries, each from a port of its own."""
        outcome = self.rig.client.dns(REQUESTS)
        uneven = unfair(outcome, WEIGHTS, self.workers)
        return self._shared(outcome.answered, outcome.shares(), uneven)

    def _shared(self, answered: int, shares: str, uneven: object) -> Seen:
        # Each worker schedules for itself: its last cycle may give an RS up to its weight too much.
        expected = f"{REQUESTS} answered, shares ±{self.workers}·weight"
        check(answered == REQUESTS and not uneven, expected, f"{answered}: {shares}")
        return expected, f"{answered}: {shares}"

    def counters(self) -> Seen:
        """Compare slbctl's counters with what the client did."""
        sessions = {row["vs"]: row["traffic"]["sessions"] for row in self.rig.lb.items("/v1/vs")}
        created = sum(row["sessions_created"] for row in self.rig.lb.items("/v1/workers"))
        seen = ", ".join(f"{vs} {count}" for vs, count in sorted(sessions.items()))
        expected = f"{REQUESTS} sessions a VS"
        check(set(sessions.values()) == {REQUESTS}, expected, seen)
        return expected, f"{seen}; workers created {created}"

    def ipv6(self) -> Seen:
        """Send HTTP requests to an IPv6 VS with RS of both families."""
        vs = f"{endpoint(V6.vip, 80)}/tcp"
        servers = [endpoint(pod.at(V6), HTTP_PORT) for pod in PODS[:2]]
        servers += [pod.http for pod in PODS[2:]]
        self.rig.lb.ctl("vs", "add", vs, *(f"--rs={server}" for server in servers))
        outcome = self.rig.client.http(REQUESTS, target=(V6.vip, 80))
        uneven = unfair(outcome, EQUAL, self.workers)
        return self._shared(outcome.answered, outcome.shares(), uneven)

    def remove_rs(self) -> Seen:
        """Remove an RS under load: it gets no more connections."""
        return self._change("del", False)

    def add_rs(self) -> Seen:
        """Add it again under load: it gets connections again."""
        return self._change("add", True)

    def _change(self, verb: str, serves: bool) -> Seen:
        """Change an RS while 50 connections are open, and see who answers those begun later."""
        with self.rig.client.http_load(50, pause_s=0.2) as load:
            outcome = load.outcome
            wait(lambda: outcome.answered >= 100, 10, "answers before the change")
            self.rig.lb.ctl("rs", verb, HTTP_VS, LOST_POD.http)
            changed = time.monotonic()
            goal = outcome.answered + 200
            wait(lambda: outcome.answered >= goal, 10, "answers after the change")
            load.stop()
        later = sorted(name for name, begun in outcome.newest.items() if begun > changed)
        expected = f"0 failed, new ones {'also' if serves else 'not'} by {LOST_POD.name}"
        failed = len(outcome.failures)
        seen = f"{outcome.answered} answered, {failed} failed, new ones by {', '.join(later)}"
        check(failed == 0 and (LOST_POD.name in later) == serves, expected, seen)
        return expected, seen

    def stop(self) -> Seen:
        """Stop slbd: the routes must be withdrawn, not run into the dead interval."""
        begun = time.monotonic()
        self.rig.lb.process.send(signal.SIGTERM)
        wait(lambda: SERVICE_SUBNET not in self.rig.routes_to_lb(), 10, "the route withdrawn")
        withdrawn = time.monotonic() - begun
        status = self.rig.lb.process.wait(15)
        left = self.rig.routes_to_lb()
        seen = f"route gone after {withdrawn:.1f} s, exit status {status}, {len(left)} routes left"
        check(status == 0 and not left, "withdrawn, exit status 0", seen)
        return "withdrawn, exit status 0", seen


def tables(rig: Rig) -> None:
    """Print what slbctl shows after the requests."""
    for words in (
        ["vs", "list"],
        ["rs", "list"],
        ["session", "list", "--limit", "4"],
        ["drops"],
        ["stats"],
    ):
        print(f"\n        $ slbctl {' '.join(words)}")
        for line in rig.lb.ctl(*words).splitlines():
            print(f"        {line}")
    print(flush=True)


def keep(rig: Rig) -> None:
    """Leave everything running until Ctrl-C, and say what can be tried."""
    name = rig.registry.run
    print(
        f"""
Running until Ctrl-C. To try, in another terminal:
  {ctl_words(rig)} vs list
  {ctl_words(rig)} session list
  {ctl_words(rig)} ospf status
  ip netns exec {name}-client curl http://10.96.0.10/
  ip netns exec {name}-client dig @10.96.0.10 who.example TXT +short
  ip netns exec {name}-switch birdc -s {rig.registry.directory}/switch-bird.ctl show ospf neighbors
  ip netns exec {name}-switch ip route show proto bird
  ip netns exec {name}-lb tcpdump -ni slb0
  tail -f {rig.registry.directory}/slbd.log
""",
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


def ctl_words(rig: Rig) -> str:
    """How to call slbctl for this rig."""
    return f"{program('slbctl')} --socket {rig.lb.socket}"


def run(rig: Rig, keep_running: bool) -> int:
    """Do all steps on a rig; returns the exit status."""
    demo, report = Demo(rig), Report()
    try:
        for title, action in demo.steps():
            report.step(title, action)
            if title == "Counters":
                tables(rig)
        if keep_running:
            keep(rig)
        report.step("slbd stopped", demo.stop)
    except Failed:
        print(f"\n{rig.logs()}", file=sys.stderr)
        return 1
    return 0


def close(rig: Rig) -> str | None:
    """Remove everything; returns what should have ended by itself but had not."""
    try:
        rig.close()
    except RigError as error:
        return str(error)
    return None


def main() -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="worker cores; 2")
    options = parser.parse_args()
    if reason := missing("root", "netns", "tun", "bird", "slbd"):
        print(f"demo: {reason}", file=sys.stderr)
        return 1
    # Set even where we were started with the interrupt ignored, as in the background of a script.
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    begun = time.monotonic()
    rig = Rig(LbSettings(workers=options.workers), prefix="slbd")
    try:
        status = run(rig, options.keep)
    except KeyboardInterrupt:
        print("\ninterrupted, cleaning up", file=sys.stderr)
        status = 130
    finally:
        # From here on a second Ctrl-C must not leave half of it behind.
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        left = close(rig)
    if left:
        print(f"demo: {left}", file=sys.stderr)
        return status or 1
    if status == 0:
        print(f"\nAll of it held, in {time.monotonic() - begun:.0f} s; nothing is left behind.")
    return status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
