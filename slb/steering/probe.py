# SPDX-License-Identifier: BSD-3-Clause
"""Proves, with packets of our own, that replies would come to the worker that is to have them.

A probe goes out to the next hop, which sends it back to the local address it is for, as it would a
reply. An attempt is some by TCP and some by UDP for each worker that has the address. No answer
proves nothing, since the next hop need not know the way yet: it is tried again, at ever longer
intervals. A probe on another worker, though a device has been told where to bring it, is an error.
Addresses that somebody waits for come before the others.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from slb.engine.protocol import Engine
from slb.model.address import Address
from slb.model.probe import ProbeCount
from slb.model.views import ProbeView

PROVED, HANDED_OVER, WRONG, UNPROVED = "proved", "handed-over", "wrong", "unproved"
GOOD = (PROVED, HANDED_OVER)
# Methods by which the device itself is to find the worker.
PROMISE = ("flow", "rss-port")
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
A_SECOND = 16

Key = tuple[str, str]  # port and address
Rows = Sequence[ProbeCount]


@dataclass(frozen=True)
class Trial:
    """How far an address has come; `before`: the counts when it was last probed, by worker."""

    view: ProbeView
    due: float
    before: Mapping[int, ProbeCount] = field(default_factory=dict)


class Probes:
    """Decides which addresses are probed when, and what the counts say; keeps no clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ports: dict[str, frozenset[object]] = {}
        self._trials: dict[Key, Trial] = {}
        self._sent: list[float] = []

    def look(self, now: float, first: Collection[Address] = ()) -> list[str]:
        """Judge the probes under way and send those that are due; returns what is to be said."""
        rows = _by_address(self._engine.probe_list())
        self._trials = self._begin(rows, now)
        said = []
        for key, trial in self._trials.items():
            self._trials[key] = judged = _judged(trial, rows[key])
            if sentence := _sentence(trial.view, judged.view):
                said.append(sentence)
        self._send(rows, now, set(map(str, first)))
        return said

    def rows(self) -> list[ProbeView]:
        """List every local address in use and whether its steering is proved."""
        return [trial.view for trial in self._trials.values()]

    def undecided(self, addresses: Collection[Address], now: float) -> list[Address]:
        """Return those of which probes, sent or due, may still show something."""
        open_ = {
            trial.view.address
            for trial in self._trials.values()
            if trial.view.state == UNPROVED and (trial.view.attempts or trial.due <= now)
        }
        return [address for address in addresses if str(address) in open_]

    def _begin(self, rows: Mapping[Key, Rows], now: float) -> dict[Key, Trial]:
        """Return the trials, begun anew for a port whose addresses or methods have changed."""
        ports = defaultdict(set)
        for (port, address), found in rows.items():
            ports[port].add((address, found[0].method, tuple(_workers(found))))
        before, self._ports = self._ports, {port: frozenset(what) for port, what in ports.items()}
        return {
            key: self._trials[key]
            if before.get(key[0]) == self._ports[key[0]]
            else Trial(ProbeView(*key, found[0].method, UNPROVED, _workers(found), []), now)
            for key, found in rows.items()
        }

    def _send(self, rows: Mapping[Key, Rows], now: float, first: set[str]) -> None:
        due = [
            (key[1] not in first, trial.due, key)
            for key, trial in self._trials.items()
            if trial.view.state not in GOOD and trial.due <= now
        ]
        self._sent = [at for at in self._sent if now - at < 1.0]
        for *_, key in sorted(due)[: A_SECOND - len(self._sent)]:
            view = self._trials[key].view
            before = {row.worker: row for row in rows[key]}
            if not self._engine.probe(rows[key][0].address, view.attempts):
                # There is no next hop yet.
                self._trials[key] = replace(self._trials[key], due=now + BACK_OFF_S[0])
                continue
            self._sent.append(now)
            wait = BACK_OFF_S[min(view.attempts, len(BACK_OFF_S) - 1)]
            tried = structs.replace(view, attempts=view.attempts + 1)
            self._trials[key] = Trial(tried, now + wait, before)


def _by_address(counts: Rows) -> dict[Key, list[ProbeCount]]:
    found: dict[Key, list[ProbeCount]] = defaultdict(list)
    for row in counts:
        found[row.port, str(row.address)].append(row)
    return dict(found)


def _workers(rows: Rows) -> list[int]:
    return [row.worker for row in rows if row.expected]


def _judged(trial: Trial, rows: Rows) -> Trial:
    if trial.view.attempts == 0:
        return trial
    nothing = ProbeCount(rows[0].address, rows[0].port, 0, rows[0].method, False)
    new = [row.since(trial.before.get(row.worker, nothing)) for row in rows]
    seen_by = [row.worker for row in new if any(row.right + row.elsewhere)]
    if not seen_by:
        return trial
    state = _verdict(new)
    if state == UNPROVED and trial.view.state == WRONG:
        return trial
    return replace(trial, view=structs.replace(trial.view, state=state, seen_by=seen_by))


def _verdict(new: Rows) -> str:
    if new[0].method in PROMISE and any(any(row.elsewhere) for row in new):
        return WRONG
    expected = [row for row in new if row.expected]
    came = [r + h for row in expected for r, h in zip(row.right, row.handed, strict=True)]
    if not all(came):
        return UNPROVED
    return HANDED_OVER if any(any(row.handed) for row in expected) else PROVED


def _sentence(before: ProbeView, after: ProbeView) -> str:
    where = f"port {after.port}: probes to local address {after.address}"
    if after.state == WRONG != before.state:
        seen, wanted = _list(after.seen_by), _list(after.workers)
        return (
            f"{where} came to worker {seen}, and are for worker {wanted}, although it is steered "
            f"by {after.method}; replies are handed over"
        )
    if before.state == WRONG and after.state in GOOD:
        return f"{where} come to their workers now"
    return ""


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
