# SPDX-License-Identifier: BSD-3-Clause
"""The engine in memory, with traffic: counters that move by a fixed step with every reading."""

from msgspec.structs import replace
from unit import fake_answers
from unit.memory_engine import MemoryEngine

from slb.model import views
from slb.model.address import Address
from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Policy, Scheduler
from slb.model.session_filter import Peer, SessionFilter


class FakeEngine(MemoryEngine):
    """What slbctl's tests look at."""

    dpdk = "DPDK 22.11.11"

    def __init__(self) -> None:
        super().__init__(workers=2, vs_max=8)
        self.ports = [fake_answers.PORT]
        self.sessions = list(fake_answers.SESSIONS)
        self.readings = 0
        self.laddrs = list(fake_answers.LADDR)
        self.live = {0: 107, 1: 108}
        self.probes = list(fake_answers.PROBES)

    def add(self, vs: str, scheduler: Scheduler, weights: dict[str, int]) -> None:
        """Puts a VS there, as a change of its own."""
        rs = {Endpoint.parse(text): weight for text, weight in weights.items()}
        self.tables[VsKey.parse(vs)] = (Policy(scheduler), rs)
        self.commits.append([])

    def only_one_worker(self) -> None:
        """Leaves the second worker out of the listings."""
        self._workers = 1

    def services(self) -> dict[str, tuple[str, dict[str, int]]]:
        """What is there, in texts: VS to its scheduler and the weights of its RS."""
        return {
            str(vs): (policy.scheduler, {str(rs): weight for rs, weight in weights.items()})
            for vs, (policy, weights) in self.tables.items()
        }

    def vs_list(self) -> list[views.VsView]:
        self.readings += 1
        policies = {str(vs): policy for vs, (policy, _) in self.tables.items()}
        return [
            views.VsView(
                vs,
                scheduler,
                len(rows) - sum(row.removed for row in rows),
                sum(row.weight == 0 and not row.removed for row in rows),
                sum(row.removed for row in rows),
                self.generation(),
                fake_answers.traffic(sum(weights.values()), self.readings),
                policies[vs].one_packet,
                policies[vs].timeouts,
                policies[vs].client_address,
                policies[vs].syn_proxy,
            )
            for vs, (scheduler, weights) in self.services().items()
            for rows in [[fake_answers.rs_view(vs, *rs) for rs in weights.items()]]
        ]

    def rs_list(self) -> list[views.RsView]:
        return [
            fake_answers.rs_view(vs, rs, weight)
            for vs, (_, weights) in self.services().items()
            for rs, weight in weights.items()
        ]

    def answer_list(self) -> list[views.RsAnswers]:
        return self.answers

    def worker_list(self) -> list[views.WorkerView]:
        self.readings += 1
        return [
            replace(
                fake_answers.worker(number, self.generation(), self.readings),
                state=self.state(number),
                share=1 / self.active if number < self.active else 0.0,
            )
            for number in range(self._workers)
        ]

    def drop_list(self) -> list[views.DropView]:
        self.readings += 1
        return fake_answers.drops(self.readings)

    def steering_list(self) -> list[views.SteeringView]:
        return [fake_answers.STEERING]

    def rule_list(self) -> list[views.RuleView]:
        return list(fake_answers.RULES)

    def probe(self, address: Address, attempt: int) -> int:
        self.probes = list(fake_answers.PROBED)
        return super().probe(address, attempt)

    def route_list(self) -> list[views.RouteView]:
        return list(fake_answers.ROUTES)

    def _matching(self, wanted: SessionFilter) -> list[views.SessionView]:
        return [
            row
            for row in super()._matching(wanted)
            if (wanted.vs is None or row.vs == str(wanted.vs))
            and _is(wanted.rs, row.rs)
            and _is(wanted.client, row.client)
        ]


def _is(wanted: Peer | None, text: str) -> bool:
    if wanted is None:
        return True
    found = Peer.parse(text)
    return found.address == wanted.address and wanted.port in (0, found.port)
