# SPDX-License-Identifier: BSD-3-Clause
"""What the daemon and the API ask of an engine; slb/engine/native.py is the real one.

Every call may block, so coroutines make it in a thread. Each raises NotReady once the engine is
closed, and EngineError when it fails for a reason of its own.
"""

from collections.abc import Sequence
from typing import Protocol

from slb.model import views
from slb.model.address import Address
from slb.model.forwarding import Forwarding, Wanted
from slb.model.op import Op
from slb.model.probe import ProbeCount
from slb.model.reset import Reset
from slb.model.service import Service
from slb.model.session_filter import SessionFilter


class Engine(Protocol):
    """The engine after it has started."""

    @property
    def abi(self) -> int:
        """The version of the C boundary."""

    @property
    def dpdk(self) -> str:
        """DPDK's own name for its version."""

    def commit(self, ops: Sequence[Op]) -> int:
        """Apply a transaction on every worker or on none; returns its generation.

        Raises BadRequest, UnknownVs, UnknownRs, Duplicate, Full, NotReady.
        """

    def forward_set(self, view: Forwarding) -> int:
        """Replace every worker's forwarding view; returns the generation."""

    def laddr_set(self, laddrs: Sequence[tuple[Address, int]], only_prepare: bool = False) -> int:
        """Replace the set of local addresses, each with its port; returns the generation.

        `only_prepare`: those that come can be probed, and wait for the next call to be used.
        Raises BadRequest, Full, NotReady.
        """

    def workers_set(self, count: int, end: bool = False) -> int:
        """Spread clients over so many workers from now on; returns the generation.

        `end`: the sessions of the others end at once. Raises BadRequest, Full, NotReady.
        """

    def generation(self) -> int:
        """Return the generation that every worker has."""

    def service_list(self) -> list[Service]:
        """Read the set of services, all in order; removed RS are not part of it.

        VS and RS are read apart: nothing may be committed meanwhile.
        """

    def vs_list(self) -> list[views.VsView]:
        """List every VS."""

    def rs_list(self) -> list[views.RsView]:
        """List every RS of every VS, removed ones with live sessions too."""

    def answer_list(self) -> list[views.RsAnswers]:
        """List what became of the sessions of every RS of every VS."""

    def worker_list(self) -> list[views.WorkerView]:
        """List the workers."""

    def port_list(self) -> list[views.PortView]:
        """List the ports."""

    def steering_list(self) -> list[views.SteeringView]:
        """List how each port steers."""

    def rule_list(self) -> list[views.RuleView]:
        """List the rules that the ports' devices have."""

    def probe(self, address: Address, attempt: int) -> int:
        """Send probes to a local address; of several next hops, `attempt` chooses one.

        Returns how many; 0: there is no next hop, or no address to send them from.
        """

    def probe_list(self) -> list[ProbeCount]:
        """List what the workers have seen of the probes to each local address in use."""

    def laddr_list(self) -> list[views.LaddrView]:
        """List the local addresses."""

    def route_list(self) -> list[views.RouteView]:
        """List the routes that the workers have."""

    def neighbour_list(self) -> list[views.NeighbourView]:
        """List the neighbours that the workers have."""

    def drop_list(self) -> list[views.DropView]:
        """List every drop reason."""

    def worker_bytes(self) -> list[views.WorkerBytes]:
        """Return what each worker has moved."""

    def session_list(self, wanted: SessionFilter, limit: int) -> views.SessionPage:
        """List at most `limit` sessions."""

    def session_count(self, wanted: SessionFilter) -> int:
        """Count sessions."""

    def session_reset(self, resets: Sequence[Reset]) -> int:
        """End the sessions that RS have now; returns how many.

        Raises UnknownVs, UnknownRs, BadRequest, NotReady.
        """

    def poll_events(self) -> list[Wanted]:
        """Take the neighbours that workers have asked for since the last call."""

    def quiesce(self) -> None:
        """Take no new sessions from now on."""

    def close(self) -> None:
        """Stop everything and free it; waits for calls under way."""
