# SPDX-License-Identifier: BSD-3-Clause
"""Workers whose own rounds run, between the rings of one port, behind a NIC of whatever kind."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lab import Lab, OpenLab
from packets.nic import Nic
from packets.rss import Rss, random_rss
from values import Settings

MANY = 600
FULL = 4096


def laddrs(workers: int, each: int = 2) -> tuple[tuple[str, int, int], ...]:
    """So many local addresses of each family for each worker."""
    numbers = range(each * workers)
    return (
        *((f"198.18.0.{n + 1}", n % workers, 0) for n in numbers),
        *((f"2001:db8:18::{n + 1:x}", n % workers, 0) for n in numbers),
    )


def rss_of(workers: int) -> Rss:
    return random_rss(random.Random(workers), workers, 128)


# Each with the method that it comes to; whether it brings every reply to its worker.
@dataclass(frozen=True)
class Kind:
    """A NIC, given its RSS, and what is to be made of it."""

    nic: Nic
    method: str
    exact: bool
    words: str = ""


KINDS = {
    "plain rules": Kind(Nic(rules_max=MANY), "FLOW", True),
    "rules and RSS": Kind(Nic(rss_of(1), rules_max=MANY), "FLOW", True),
    "rules that count": Kind(Nic(rules_max=MANY, faults=("COUNTS",)), "FLOW", True),
    "no priorities": Kind(Nic(rules_max=MANY, faults=("NO_PRIORITY",)), "FLOW", True),
    "ixgbe": Kind(
        Nic(rss_of(1), driver="net_ixgbe", rules_max=FULL, faults=("NO_V6",)),
        "FLOW",
        True,
        "no rules by IPv6 destination alone",
    ),
    "i40e": Kind(Nic(driver="net_i40e", rules_max=MANY, kinds=True), "FLOW", True),
    "room for three rules": Kind(
        Nic(rss_of(1), rules_max=3), "FLOW", True, "no further rule: no room"
    ),
    "room for three rules, no RSS": Kind(Nic(rules_max=3), "FLOW", False, "no RSS"),
    "a rule that breaks": Kind(
        Nic(rss_of(1), rules_max=MANY, breaks_at=2), "FLOW", True, "no further rule: broken"
    ),
    "the first rule breaks": Kind(
        Nic(rss_of(1), rules_max=MANY, breaks_at=1),
        "RSS_PORT",
        True,
        "agrees to rules, but takes none: broken; local ports by",
    ),
    "no rules": Kind(Nic(rss_of(1)), "RSS_PORT", True, "no rules here; local ports by"),
    "fixed key and table": Kind(
        Nic(rss_of(1), faults=("KEY_FIXED", "TABLE_FIXED")), "RSS_PORT", True, "the device's own"
    ),
    "a key that cannot be read": Kind(
        Nic(rss_of(1), faults=("KEY_HIDDEN",)), "RSS_PORT", True, "written"
    ),
    "neither read nor written": Kind(
        Nic(rss_of(1), faults=("KEY_HIDDEN", "KEY_FIXED", "TABLE_FIXED")),
        "SOFT",
        False,
        "can be neither read nor written",
    ),
    "neither rules nor RSS": Kind(Nic(), "SOFT", False, "no RSS with a redirection table"),
    "ignores a rule": Kind(
        Nic(rss_of(1), rules_max=MANY, ignores=frozenset({0, 1})), "FLOW", False
    ),
    "another queue": Kind(Nic(rules_max=MANY, confuses=frozenset({0, 1})), "FLOW", False),
}


class Wire:
    """The workers between the rings of one port, behind a NIC."""

    def __init__(
        self,
        open_lab: OpenLab,
        kind: Kind,
        workers: int,
        steering: str = "AUTO",
        active: int = 0,
    ) -> None:
        self.workers = workers
        nic = kind.nic
        if nic.rss:
            nic = replace(nic, rss=rss_of(workers))
        settings = Settings(
            workers=workers,
            laddrs=laddrs(workers),
            nics={0: nic},
            steering=steering,
            ports=1,
            options={"n_active": active},
        )
        self.lab: Lab = open_lab(settings).usual()
        self.harness = self.lab.harness
        rss, self.rules = self.harness.nic()
        self._nic = replace(nic, rss=rss if nic.rss else None)
        self.harness.wire(tx_queues=workers, tx_room=512)
        # A worker's first round fills its reserve of buffers.
        for worker in range(workers):
            self.harness.round(worker)
        self.misplaced = 0

    def set_laddrs(self, *addresses: str) -> None:
        """Replace the set of local addresses."""
        self.harness.set_laddrs(*addresses)
        self.rules = self.harness.nic()[1]

    def set_workers(self, count: int, end: bool = False) -> None:
        """Spread clients over so many workers; the NIC spreads as it has been told."""
        self.harness.set_workers(count, end)
        self.look()

    def look(self) -> None:
        """See what the NIC has been told."""
        rss, self.rules = self.harness.nic()
        self._nic = replace(self._nic, rss=rss if self._nic.rss else None)

    def prepare_laddrs(self, *addresses: str) -> None:
        """Prepare a set of local addresses of port 0."""
        self.harness.set_laddrs_raw([(address, 0) for address in addresses], only_prepare=True)
        self.rules = self.harness.nic()[1]

    def repair(self) -> None:
        """From now on the NIC heeds the rules that it has taken."""
        self._nic = replace(self._nic, ignores=frozenset(), confuses=frozenset())

    def queue(self, frame: bytes) -> int:
        """That the NIC gives a frame."""
        return self._nic.queue(frame, self.rules, self.workers)

    def sent(self) -> Iterator[tuple[int, bytes]]:
        """What leaves, with the worker that sends it, until nobody has anything to do."""
        while sum(self.harness.round(worker) for worker in range(self.workers)):
            for worker in range(self.workers):
                for frame in self.harness.take_sent(0, worker):
                    yield worker, frame

    def client(self, worker: int, frames: list[bytes]) -> dict[int, list[bytes]]:
        """Clients' packets that come to a worker; what leaves, by the worker that sends it."""
        self.harness.queue(worker, frames)
        found: dict[int, list[bytes]] = {}
        for sender, frame in self.sent():
            found.setdefault(sender, []).append(frame)
        assert sum(map(len, found.values())) == len(frames)
        return found

    def reply(self, frames: list[bytes], worker: int) -> list[bytes]:
        """Replies that come through the NIC, and must be worked on by this worker."""
        for frame in frames:
            queue = self.queue(frame)
            self.misplaced += queue != worker
            self.harness.queue(queue, [frame])
        sent = list(self.sent())
        assert {sender for sender, _ in sent} == {worker}
        return [frame for _, frame in sent]
