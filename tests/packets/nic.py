# SPDX-License-Identifier: BSD-3-Clause
"""A NIC with RSS and rules: which of its receive queues a frame comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from packets.nat import IP_AT, PROTO_TCP, PROTO_UDP, addresses, is_v6, proto_and_l4
from packets.rss import Rss

IPV6_FRAGMENT = 44


@dataclass(frozen=True)
class NicRule:
    """What is sent to an address, and is of a shape, goes to a queue."""

    to: str
    queue: int
    shape: str = "ANY"
    tagged: bool = False


@dataclass(frozen=True)
class Nic:
    """What a NIC can do. `faults`: as enum harness_nic_fault; without `rss` all goes to queue 0.

    `kinds`: its filters know TCP, UDP, fragments and others apart, so that a rule of any kind is
    for the others alone. `ignores`: rules it has taken and does not heed; `confuses`: others that
    it sends to the wrong queue, both by their numbers.
    """

    rss: Rss | None = None
    queues: int = 0  # 0: one a worker
    driver: str = "net_model"
    rules_max: int = 0
    breaks_at: int = 0
    faults: Sequence[str] = ()
    kinds: bool = False
    ignores: frozenset[int] = field(default_factory=frozenset)
    confuses: frozenset[int] = field(default_factory=frozenset)

    def queue(self, frame: bytes, rules: Sequence[NicRule], workers: int) -> int:
        """The queue, by the rules that were installed and by RSS as it is by now."""
        for number, rule in enumerate(rules):
            if number not in self.ignores and self._fits(rule, frame):
                wrong = number in self.confuses
                return (rule.queue + 1) % workers if wrong else rule.queue
        return self.rss.worker(frame) if self.rss else 0

    def _fits(self, rule: NicRule, frame: bytes) -> bool:
        to = addresses(frame)[4 if not is_v6(frame) else 16 :]
        if ip_address(rule.to).packed != to:
            return False
        shape = shape_of(frame)
        return rule.shape == shape or (rule.shape == "ANY" and (not self.kinds or shape == "OTHER"))


def shape_of(frame: bytes) -> str:
    """TCP, UDP, FRAGMENT or OTHER, as a NIC's parser sees it."""
    if is_v6(frame):
        fragment = frame[IP_AT + 6] == IPV6_FRAGMENT
    else:
        fragment = bool(int.from_bytes(frame[IP_AT + 6 : IP_AT + 8], "big") & 0x3FFF)
    if fragment:
        return "FRAGMENT"
    return {PROTO_TCP: "TCP", PROTO_UDP: "UDP"}.get(proto_and_l4(frame)[0], "OTHER")
