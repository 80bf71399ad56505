# SPDX-License-Identifier: BSD-3-Clause
"""What `./dev bench` can measure, by name."""

from collections.abc import Callable, Iterable
from itertools import chain

from bench import (
    apply,
    beside_testpmd,
    control,
    health,
    health_agent,
    kernel,
    locks,
    native,
    series,
    stages,
    walks,
)
from bench.figure import Figure, Goal, short, together
from bench.memory import holds
from bench.native import SMALLEST_MB, Runs, measure
from bench.sizes import MANY, MANY_MB, SESSIONS

HASHED = {1_000: 512, 100_000: 512, 1_000_000: 1024, 10_000_000: 6144}  # sessions: megabytes
# Made for as many keys as there are, and for twice as many: the faster one counts.
HASHES = ("rte_hash", "rte_hash, roomy")
# The first of our steps, and what nobody's look-up can do without.
PARTS = ("hashes", "two lines")
STANDING = 100_000


def ratio(
    key: str, what: str, runs: Runs, sides: tuple[str, str], goal: Goal | None = None
) -> Figure:
    """The least of one side divided by the least of the other."""
    value = round(runs.least(sides[0]) / runs.least(sides[1]), 2)
    return Figure(key, what, value, goal, {s: runs.cycles[s] for s in sides}, runs.left_out)


def path(runs: int) -> list[Figure]:
    """Processing alone, both directions, bursts from memory."""
    found = measure("path", SESSIONS, runs)
    what = f"full NAT of bursts in memory beside 5tswap, {SESSIONS:,} sessions"
    return [
        ratio("m1b.ratio", what, found, ("ours", "5tswap"), Goal(2.8, 5)),
        Figure("m1b.cycles", "cycles a packet", round(found.least("ours"), 1), Goal(110)),
    ]


def io(runs: int) -> list[Figure]:
    """Many sessions beside few, receiving and sending included."""
    found = measure("io", MANY, runs, MANY_MB)
    what = f"full NAT through a driver, {MANY:,} sessions beside {SESSIONS:,}"
    return [
        ratio("m2.ratio", what, found, ("many", "few"), Goal(1.6, 2.5)),
        ratio("m2.5tswap", "the latter beside 5tswap through the same", found, ("few", "5tswap")),
    ]


def memory(_runs: int) -> list[Figure]:
    """What a session takes, of all memory that there is more of."""
    figures = []
    for key, name, kind, goal, most in (
        ("m4.v4", "memory", "IPv4", Goal(96, 192), 128),
        ("m4.v6", "memory6", "IPv6", Goal(160, 320), 192),
    ):
        sessions = min(MANY, holds(most))
        found = measure(name, sessions, 1, sessions * most // 2**20 + SMALLEST_MB)
        what = f"bytes an {kind} session, {sessions:,} of them"
        # What so many take says nothing of the figure that is asked for.
        judged = goal if sessions == MANY else None
        value = round(found.least("bytes"), 1)
        figures.append(Figure(key, what, value, judged, dict(found.cycles)))
    return figures


def latency(runs: int) -> list[Figure]:
    """One packet through an engine that has nothing else to do."""
    found = measure("latency", SESSIONS, runs)
    what = "cycles of a packet's way through an idle engine beside testpmd's io, net_ring, median"
    tail = "the same, 99.9 % of the packets"
    return [
        ratio("m10.ratio", what, found, ("ours", "io"), Goal(2, 4)),
        ratio("m10.tail", tail, found, ("ours p99.9", "io p99.9")),
    ]


def lookup(runs: int) -> list[Figure]:
    """Our look-up beside rte_hash's, and the worst of all sizes."""
    figures = []
    for sessions, megabytes in HASHED.items():
        found = measure("lookup", sessions, runs, megabytes)
        what = f"look-up of a burst beside rte_hash_lookup_bulk, {sessions:,} sessions"
        value = round(found.least("ours") / min(map(found.least, HASHES)), 2)
        sides = {side: found.cycles[side] for side in ("ours", *HASHES, *PARTS)}
        key = f"m2b.{short(sessions)}"
        figures.append(Figure(key, what, value, None, sides, found.left_out))
    worst = max(figure.value for figure in figures)
    return [*figures, Figure("m2b.ratio", "the worst of them", worst, Goal(0.5, 1.0))]


def life(runs: int) -> list[Figure]:
    """A session made and ended."""
    found = measure("life", STANDING, runs)
    what = f"a session made and ended beside rte_hash add and delete, {STANDING:,} standing"
    a_second = [native.tsc_hz() / cycles for cycles in found.cycles["ours"]]
    rate = "sessions made and ended a second on one CPU"
    return [
        ratio("m3b.ratio", what, found, ("ours", "rte_hash"), Goal(0.8, 1.5)),
        ratio("m3b.made", "of it, made beside added", found, ("made", "added")),
        ratio("m3b.ended", "of it, ended beside deleted", found, ("ended", "deleted")),
        Figure("m3b.per_s", rate, round(max(a_second))),
    ]


def scaling(runs: int) -> list[Figure]:
    """Two workers at once beside one; and two exchanges of addresses, which share nothing."""
    # Two CPUs are left alone at once more seldom than one is, and a run takes little time.
    found = measure("scaling", SESSIONS, 3 * runs)
    what = "packets a second of two workers at once beside one's, generator included"
    return [
        at_once("m8.ratio", what, found, "", Goal(1.95, 1.8, more=True)),
        at_once("m8.path", "of the path alone", found, "path, "),
        at_once("m8.exchange", "of exchanges of addresses alone", found, "exchange, path, "),
    ]


def at_once(key: str, what: str, runs: Runs, of: str, goal: Goal | None = None) -> Figure:
    """The work of two at once beside that of one, whose sides begin with `of`."""
    one, two = (f"{of}first", f"{of}second"), (f"{of}first of two", f"{of}second of two")
    sides = {side: runs.cycles[side] for side in one + two}
    alone, both = (together(sides, pair) for pair in (one, two))
    return Figure(key, what, round(2 * both / alone, 2), goal, sides, runs.left_out)


def families(runs: int) -> list[Figure]:
    """IPv6 beside IPv4."""
    found = measure("families", SESSIONS, runs)
    what = f"IPv6 beside IPv4, {SESSIONS:,} sessions"
    return [ratio("m9.ratio", what, found, ("v6", "v4"), Goal(1.25, 1.6))]


def steering(runs: int) -> list[Figure]:
    """What a reply on the wrong worker costs, and a local port as they become few."""
    found = measure("steering", SESSIONS, runs)
    own, handed = found.least("own"), found.least("giver") + found.least("taker")
    figures = [
        Figure(
            "steering.handed",
            "both workers' cycles for a reply handed over, beside one on its worker",
            round(handed / own, 2),
            None,
            dict(found.cycles),
            found.left_out,
        )
    ]
    found = measure("ports", SESSIONS, runs)
    for side, cycles in found.cycles.items():
        refused = max(found.refused[side])
        what = f"cycles a session with {side} of the ports occupied, {refused:.1%} refused"
        key, least = f"steering.{side.replace(' %', 'pct')}", round(min(cycles), 1)
        figures.append(Figure(key, what, least, None, {"all": cycles}, found.left_out))
    return figures


def checks(runs: int) -> Iterable[Figure]:
    """By the whole agent, then what TLS and new connections cost; 2 runs say enough."""
    runs = min(runs, 2)
    return chain(health_agent.figures(runs), health.figures(runs))


MEASURES: dict[str, Callable[[int], Iterable[Figure]]] = {
    "m1": beside_testpmd.both_ways,
    "1k": lambda runs: beside_testpmd.compare("1k", 1_000, runs),
    "1m": lambda runs: beside_testpmd.compare("1m", 1_000_000, runs),
    "m1b": path,
    "m2": io,
    "m2b": lookup,
    "m3": beside_testpmd.life,
    "m3b": life,
    "m4": memory,
    "m5": control.figures,
    "m6": kernel.figures,
    "m7": locks.figures,
    "m8": scaling,
    "m9": families,
    "m10": latency,
    "steering": steering,
    "sessions": series.figures,
    "stages": stages.figures,
    "apply": apply.figures,
    "health": checks,
    "reset": walks.resets(1_000, 1_000_000),
    "reset10m": walks.resets(MANY),
    "walks": walks.of("walks", 1_000, 1_000_000),
    "walks10m": walks.of("walks", MANY),
}
