# SPDX-License-Identifier: BSD-3-Clause
"""Digests of sets that follow each other, most of which stays from one to the next."""

import hashlib
import threading
from bisect import bisect_left
from collections.abc import Callable

from slb.agent.keyed import FEW, Services, Step, keyed, step
from slb.model.desired import digest, digest_of
from slb.model.service import Service

Digest = Callable[[Services], str]
Order = tuple[int, int, int, str]

_SIZE = hashlib.sha256().digest_size


class Digests:
    """Of one owner's sets: the digests of its VS lie behind one another, in the order of the VS."""

    def __init__(self) -> None:
        # Readers ask in the event loop, those who change something in threads.
        self._lock = threading.Lock()
        self._services: Services = ()
        self._orders: list[Order] = []
        self._each = bytearray()
        self._found = hashlib.sha256().hexdigest()

    def of(self, services: Services) -> str:
        """Return what slb.model.desired.digest() does."""
        if len(keyed(services)) != len(services):
            # A VS is there twice: no set that is kept.
            return digest(services)
        with self._lock:
            if self._services is not services:
                found = step(self._services, services)
                if len(found.gone) + len(found.came) > FEW:
                    self._begin(services)
                else:
                    self._go(found)
                self._found = hashlib.sha256(self._each).hexdigest()
                self._services = services
            return self._found

    def _begin(self, services: Services) -> None:
        every = sorted(services, key=_order)
        self._orders = list(map(_order, every))
        self._each = bytearray(b"".join(map(digest_of, every)))

    def _go(self, found: Step) -> None:
        has = {one.vs for one in found.came}
        for one in found.gone:
            if one.vs not in has:
                place = bisect_left(self._orders, one.vs.order)
                del self._orders[place]
                del self._each[place * _SIZE : (place + 1) * _SIZE]
        for one in found.came:
            place = bisect_left(self._orders, one.vs.order)
            stays = self._orders[place : place + 1] == [one.vs.order]
            if not stays:
                self._orders.insert(place, one.vs.order)
            self._each[place * _SIZE : (place + stays) * _SIZE] = digest_of(one)


def _order(service: Service) -> Order:
    return service.vs.order
