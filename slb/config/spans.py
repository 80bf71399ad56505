# SPDX-License-Identifier: BSD-3-Clause
"""A set of addresses that a large number of others can be looked up in quickly."""

from bisect import bisect_right
from collections.abc import Iterable

from slb.model.address import Address, Network
from slb.model.endpoint import Endpoint


class Spans:
    """The addresses of some networks, and single ones."""

    def __init__(self, networks: Iterable[Network], addresses: Iterable[Address] = ()) -> None:
        spans = [(n.version, int(n[0]), int(n[-1])) for n in networks]
        spans += [(a.version, int(a), int(a)) for a in addresses]
        self._first: list[tuple[int, int]] = []
        self._last: list[tuple[int, int]] = []
        for version, first, last in sorted(spans):
            if self._last and (version, first) <= self._last[-1]:
                self._last[-1] = max(self._last[-1], (version, last))
            else:
                self._first.append((version, first))
                self._last.append((version, last))

    def has(self, endpoint: Endpoint) -> bool:
        """Tell whether the endpoint's address is one of them."""
        key = endpoint.order[:2]
        place = bisect_right(self._first, key)
        return place > 0 and key <= self._last[place - 1]
