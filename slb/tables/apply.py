# SPDX-License-Identifier: BSD-3-Clause
"""Changes of the VS and RS tables, one after the other, each a transaction of the engine.

The current state is what the engine answers; nothing of it is kept here. The lock covers reading
and committing, so that a plan is never applied to tables that moved in between.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET

from slb.config import check_services
from slb.config.tree import show_path
from slb.engine.protocol import Engine
from slb.errors import BadRequest, SlbError, UnknownVs
from slb.model.address import Address, Network
from slb.model.down import DownRs
from slb.model.endpoint import VsKey
from slb.model.op import Op, OpKind
from slb.model.service import Service, VsEdit
from slb.model.views import Plan, VsView
from slb.tables import plan as plans


class Tables:
    """The only way to change the engine's VS and RS.

    `subnets`, `local` (the local addresses), `changed` and `given` may be exchanged at any time;
    `changed` is called after every commit, `given` when apply() has made a set the whole one.
    `results` counts commits that were done and those refused, `last` has when each came last.
    `down`: RS that are down though they have a weight, as slb-agent says.
    """

    def __init__(
        self,
        engine: Engine,
        subnets: Iterable[Network],
        local: Iterable[Address] = (),
    ) -> None:
        self.subnets = tuple(subnets)
        self.local = frozenset(local)
        self.changed: Callable[[], None] = lambda: None
        self.results: Counter[str] = Counter()
        self.last: dict[str, float] = {}
        self.down: frozenset[DownRs] = frozenset()
        self.given: Callable[[], None] = lambda: None
        self._engine = engine
        self._lock = asyncio.Lock()

    async def services(self) -> list[Service]:
        """Read the set of services from the engine."""
        async with self._lock:
            return await self._read()

    def set_down(self, down: Iterable[DownRs]) -> None:
        """Exchange what is down."""
        self.down = frozenset(down)
        self.changed()

    async def add(self, service: Service) -> int:
        """Add a VS with its RS; raises BadRequest, Duplicate, Full."""
        for _, sentence in self._wrong([service]):
            raise BadRequest(sentence)
        return await self.commit(plans.add(service))

    async def commit(self, ops: Sequence[Op]) -> int:
        """Commit ops as they are; raises what Engine.commit says, and BadRequest."""
        places = self._places()
        for op in ops:
            if op.kind is OpKind.RS_ADD and op.rs and (reason := places.wrong_rs(op.rs)):
                raise BadRequest(reason)
        async with self._lock:
            return await self._commit(ops)

    async def transact(self, ops: Sequence[Op], dry_run: bool = False) -> Plan:
        """Commit ops of a client's, or only check what can be checked without the tables.

        Raises what Engine.commit says, and BadRequest.
        """
        places = self._places()
        for op in ops:
            for sentence in _wrong_op(op, places):
                raise BadRequest(sentence)
        if ops and not dry_run:
            async with self._lock:
                generation = await self._commit(ops)
        else:
            generation = await asyncio.to_thread(self._engine.generation)
        return Plan([str(op) for op in ops], generation)

    async def edit(self, vs: VsKey, change: VsEdit) -> int:
        """Change a VS's policy; raises UnknownVs, BadRequest."""
        if change == VsEdit():
            raise BadRequest(
                "nothing to change: give scheduler, one_packet, timeouts, client_address or "
                "syn_proxy"
            )
        if change.health is not UNSET:
            raise BadRequest(f"health: {check_services.NO_CHECKS}")
        async with self._lock:
            have = plans.policy(await self._find(vs))
            want = change.apply(have)
            for _, sentence in check_services.policy(vs, want):
                raise BadRequest(sentence)
            if ops := plans.edit(vs, have, want):
                return await self._commit(ops)
            return await asyncio.to_thread(self._engine.generation)

    async def apply(self, wanted: Sequence[Service], dry_run: bool = False) -> Plan:
        """Make `wanted` the whole set, or only say what would change; raises BadRequest, Full."""
        self._check(wanted)
        plan = await self._transform(lambda _: wanted, dry_run)
        if not dry_run:
            self.given()
        return plan

    async def merge(self, old: Sequence[Service], new: Sequence[Service]) -> Plan:
        """Apply what changed from `old` to `new` and nothing else; raises BadRequest, Full."""
        self._check(new)
        return await self._transform(lambda current: plans.merge(current, old, new), False)

    async def _transform(
        self, wanted: Callable[[list[Service]], Sequence[Service]], dry_run: bool
    ) -> Plan:
        async with self._lock:
            current = await self._read()
            ops = plans.plan(current, wanted(current))
            if ops and not dry_run:
                generation = await self._commit(ops)
            else:
                generation = await asyncio.to_thread(self._engine.generation)
        return Plan([str(op) for op in ops], generation)

    async def _find(self, vs: VsKey) -> VsView:
        rows = await asyncio.to_thread(self._engine.vs_list)
        if found := next((row for row in rows if row.vs == str(vs)), None):
            return found
        raise UnknownVs(f"VS {vs} does not exist")

    def _note(self, result: str) -> None:
        self.results[result] += 1
        self.last[result] = time.time()

    async def _read(self) -> list[Service]:
        return await asyncio.to_thread(self._engine.service_list)

    async def _commit(self, ops: Sequence[Op]) -> int:
        # Shielded: a client that goes away must not leave the lock free while the engine commits.
        task = asyncio.ensure_future(asyncio.to_thread(self._engine.commit, ops))
        try:
            generation = await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        except SlbError:
            self._note("refused")
            raise
        self._note("done")
        self.changed()
        return generation

    def _check(self, wanted: Sequence[Service]) -> None:
        for path, sentence in self._wrong(wanted):
            raise BadRequest(f"{show_path(path)}: {sentence}")

    def _wrong(self, wanted: Sequence[Service]) -> Iterable[check_services.Finding]:
        return check_services.services(wanted, self.subnets, self.local)

    def _places(self) -> check_services.Places:
        return check_services.Places(self.subnets, self.local)


def _wrong_op(op: Op, places: check_services.Places) -> Iterable[str]:
    if not op.complete():
        yield f"ops: {op.kind.value} {op.vs} lacks something, or has too much"
    if op.kind is OpKind.VS_ADD and (reason := places.misplaced(op.vs)):
        yield reason
    if op.policy is not None:
        yield from (text for _, text in check_services.policy(op.vs, op.policy))
    if op.kind is OpKind.RS_ADD and op.rs is not None and (reason := places.wrong_rs(op.rs)):
        yield reason
