# SPDX-License-Identifier: BSD-3-Clause
"""Digests of sets that follow each other, most of which stays from one to the next."""

import hashlib
from bisect import insort
from collections.abc import Callable

from slb.agent.keyed import Services
from slb.model import codec
from slb.model.desired import ordered
from slb.model.service import Service

Digest = Callable[[Services], str]

Row = tuple[Service, bytes]

# New ones that are put where they belong one by one.
FEW = 64


class Digests:
    """Of one owner's sets; the text of a service that stays is kept."""

    def __init__(self) -> None:
        self._last: tuple[Services | None, str] = (None, "")
        self._rows: list[Row] = []

    def of(self, services: Services) -> str:
        """Return what slb.model.desired.digest() does, for a set without a VS twice."""
        last, found = self._last
        if last is not services:
            # A service is named by its place in memory, which is its own as long as it is held.
            now, known = set(map(id, services)), {id(one) for one, _ in self._rows}
            rows = [row for row in self._rows if id(row[0]) in now]
            fresh = [one for one in services if id(one) not in known]
            for one in fresh if len(fresh) < FEW else ():
                insort(rows, _row(one), key=_order)
            if len(fresh) >= FEW:
                rows = sorted([*rows, *map(_row, fresh)], key=_order)
            self._rows = rows
            text = b",".join([text for _, text in rows])
            found = hashlib.sha256(b"[%b]" % text).hexdigest()
            self._last = (services, found)
        return found


def _row(service: Service) -> Row:
    return service, codec.encode(*ordered([service]))


def _order(row: Row) -> tuple[int, int, int, str]:
    return row[0].vs.order
