# SPDX-License-Identifier: BSD-3-Clause
"""Probes of the steering, as the workers count them."""

from msgspec import Struct

from slb.model.address import Address

# Of the TCP and of the UDP ones.
Counts = tuple[int, int]


class ProbeCount(Struct, frozen=True):
    """What a worker has seen of the probes to a local address, ever.

    `expected`: what is sent to the address is for this worker, or for all. `right`: probes for this
    worker that the device brought to it; `elsewhere`: for another one, to which it handed them;
    `handed`: for this one, from another.
    """

    address: Address
    port: str
    worker: int
    method: str
    expected: bool
    right: Counts = (0, 0)
    elsewhere: Counts = (0, 0)
    handed: Counts = (0, 0)

    def since(self, before: "ProbeCount") -> "ProbeCount":
        """Return what has come since an earlier reading."""

        def more(now: Counts, then: Counts) -> Counts:
            return max(0, now[0] - then[0]), max(0, now[1] - then[1])

        return ProbeCount(
            self.address,
            self.port,
            self.worker,
            self.method,
            self.expected,
            more(self.right, before.right),
            more(self.elsewhere, before.elsewhere),
            more(self.handed, before.handed),
        )
