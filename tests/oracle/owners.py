# SPDX-License-Identifier: BSD-3-Clause
"""Whose a local address is: one worker's, or of all, where a NIC's RSS says whose a reply is."""

from collections.abc import Iterator
from functools import lru_cache

from packets.rss import Rss, toeplitz
from values import Settings

from oracle.packet import Address
from oracle.routes import packed


class Owners:
    """The local addresses and how what is sent to them finds its worker.

    Of a port with a NIC, the first addresses have rules, as many as fit; those left are shared.
    """

    def __init__(self, settings: Settings) -> None:
        self._worker = {packed(text): worker for text, worker, _ in settings.laddrs}
        self._shared: dict[Address, Rss] = {}
        self._workers = settings.workers
        for port, nic in settings.nics.items():
            own = [packed(text) for text, _, at in settings.laddrs if at == port]
            if settings.workers > 1 and nic.rss is not None:
                self._shared |= dict.fromkeys(own[nic.rules_max :], nic.rss)

    def __contains__(self, address: Address) -> bool:
        return address in self._worker

    def __iter__(self) -> Iterator[Address]:
        return iter(self._worker)

    def of_worker(self, worker: int) -> Iterator[Address]:
        """Those that a worker may use."""
        return (a for a in self._worker if worker in self.workers(a))

    def workers(self, address: Address) -> list[int]:
        """Those that may use an address."""
        if address in self._shared:
            return list(range(self._workers))
        return [self._worker[address]]

    def of_flow(self, src: Address, sport: int, dst: Address, dport: int) -> int | None:
        """Whose a packet with ports is; None: it is sent to no local address."""
        ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
        return self._of(src, dst, ports)

    def of_datagram(self, src: Address, dst: Address) -> int | None:
        """Where the fragments of one meet."""
        return self._of(src, dst, b"")

    def _of(self, src: Address, dst: Address, ports: bytes) -> int | None:
        if (rss := self._shared.get(dst)) is None:
            return self._worker.get(dst)
        return rss.table[_hash(rss.key, src + dst + ports) % len(rss.table)]


@lru_cache(4096)
def _hash(key: bytes, data: bytes) -> int:
    return toeplitz(key, data)
