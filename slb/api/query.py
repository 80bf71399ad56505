# SPDX-License-Identifier: BSD-3-Clause
"""The keys that may stand in a query: a key is the same thing wherever a route takes it."""

from dataclasses import dataclass

from slb.model.desired import MAX_CONFIRM_S

MAX_GENERATION = 10**9 - 1
MAX_LIMIT = 10_000
MAX_EVENT = 2**53


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int
    what: str


@dataclass(frozen=True)
class Text:
    """A text, which the route itself reads."""

    what: str


KEYS: dict[str, Whole | Text] = {
    "base": Whole(0, MAX_GENERATION, "refuse it unless the desired state is of that generation"),
    "client": Text("only this client's: ADDRESS or ADDRESS:PORT"),
    "confirm_s": Whole(1, MAX_CONFIRM_S, "seconds after which it is undone unless confirmed"),
    "digest": Whole(0, 1, "1: digests alone, without the services"),
    "dry_run": Whole(0, 1, "1: only say what would change"),
    "follow": Whole(0, 1, "0: end behind what has happened so far"),
    "limit": Whole(1, MAX_LIMIT, "at most so many"),
    "owner": Text("only this owner's"),
    "rs": Text("only of this RS: ADDRESS or ADDRESS:PORT"),
    "services": Whole(0, 1, "1: each VS as well"),
    "since": Whole(0, MAX_EVENT, "only events behind this id; 0: all that are kept"),
    "vs": Text("only of this VS: ADDRESS:PORT/PROTOCOL"),
    "with_vs": Whole(0, 1, "1: although it has VS, which are deleted with it"),
    "worker": Whole(0, 1023, "only this worker's"),
}
