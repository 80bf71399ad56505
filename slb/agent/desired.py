# SPDX-License-Identifier: BSD-3-Clause
"""Changes of the desired state, one after the other: checked whole, stored, applied, or as before.

The order is what makes a crash harmless. slbd checks the whole new set first, while it is written
to disk without its name; then it gets that; then slbd gets it, as one transaction. Whatever fails
takes the version back, so an error always means that nothing is wanted that was not wanted before.
Who is killed in between finds one of the two versions, whole, and makes slbd follow it.

What slbd is given is not the desired state itself but its effect: without the RS that are down.
That changes with the results of the checks, by transactions of which the disk knows nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from msgspec import structs

from slb.agent import asking, follow, versions, vs_status
from slb.agent import state as states
from slb.agent.digests import Digest, Digests
from slb.agent.down import Down
from slb.agent.epochs import Epochs
from slb.agent.events import Events
from slb.agent.keyed import Services, step
from slb.agent.seen import Seen
from slb.agent.standing import Standing
from slb.agent.state import Owner, State
from slb.agent.steady import steady
from slb.agent.store import Store
from slb.agent.taken import Taken
from slb.agent.wanted import Wanted
from slb.api.client import Client
from slb.errors import (
    Conflict,
    Duplicate,
    NoAnswer,
    NotReady,
    NotStored,
    OtherAgent,
    RequestError,
    SlbError,
    UnknownRs,
    UnknownVs,
    Unreachable,
)
from slb.health.effect import Effect, Fallen
from slb.model.desired import (
    OPERATOR,
    OwnerView,
    StateView,
    StatusView,
    VersionView,
    VsStatus,
)
from slb.model.op import Op
from slb.model.views import Plan, Version
from slb.tables import plan as plans

log = logging.getLogger(__name__)


class Desired:
    """The desired state: the only way to change it, or to make slbd follow it.

    `slbd`: the daemon's client, with the time that applying may take.
    """

    def __init__(
        self,
        store: Store,
        slbd: Client,
        events: Events | None = None,
        clock: Callable[[], float] | None = None,
        programs: bool = False,
    ) -> None:
        """Begin with what is on disk; raises ConfigError when all of it is damaged.

        `clock`: by which what is to be confirmed waits. `programs`: checks may be programs.
        """
        self.events = events or Events()
        self._seen = Seen(self.events)
        self._programs = programs
        self.effect = Effect()
        self._wanted = Wanted(self.effect)
        # What slbd was given last, and has, if `standing` says so.
        self.given: Services = ()
        self._looked = False
        self._store = store
        self._slbd = slbd
        self._down = Down(slbd)
        self._epochs = Epochs(store)
        self._clock = clock or steady()
        self._state = store.newest()
        self._taken = Taken(slbd, store, self._wanted, self._state)
        # Whoever was killed between storing it and slbd's answer left what slbd may refuse.
        self._doubtful = self._state is not None and store.never_applied(self._state.generation)
        self._unsaved = False
        self._digests: dict[str, Digests] = {}
        self._lock = asyncio.Lock()

    @property
    def standing(self) -> Standing:
        """What is known of slbd."""
        return self._seen.now

    @property
    def known(self) -> bool:
        """Whether there is a desired state; before the first there is none."""
        return self._state is not None

    @property
    def state(self) -> State:
        """The desired state; raises NotReady before there is one."""
        if self._state is None:
            text = "there is no desired state yet: it is what slbd has when it first answers"
            raise NotReady(f"{text} ({self.standing.reason})")
        return self._state

    async def change(
        self,
        owner: str,
        what: str,
        edit: versions.Edit,
        *,
        base: int | None = None,
        whole: bool = False,
        dry_run: bool = False,
        confirm_s: int | None = None,
        kind: str = "changed",
        epoch: int | None = None,
    ) -> Plan:
        """Change an owner's set by one transaction, or only say what would change.

        `base`: the generation that the change was made for. `whole`: have all of the owner's
        services checked, so that a refusal names the place of the service among them. `confirm_s`:
        what was before comes back unless the change is confirmed in time. `kind`: of the event
        that tells of it. `epoch`: the owner's, which counts from now on, whatever becomes of this.
        Raises what `edit` does, Conflict, NotReady, NotStored, and what slbd refuses it with.
        """
        asked = asking.now()
        asked.owner, asked.change = owner, versions.asked_for(what, dry_run, confirm_s)
        async with self._lock:
            old = self.state
            asked.before = old.generation
            if base is not None and base != old.generation:
                text = f"the desired state is at generation {old.generation}, not {base}"
                raise Conflict(f"{text}; look at what has changed, and try again")
            if epoch is not None and owner in old.owners and owner != OPERATOR:
                there = old.owner(owner).epoch
                await asyncio.to_thread(self._epochs.see, owner, epoch, there)
            new, ops, lines = await asyncio.to_thread(versions.work_out, old, edit)
            states.check_programs(old, new, self._programs)
            if not lines and versions.sets_apart(new) == versions.sets_apart(old):
                return Plan([], old.generation)
            if confirm_s is not None and lines:
                new = states.to_confirm(old, new, owner, confirm_s, self._clock())
            new = self._numbered(new, owner, what)
            await self._check(ops, new.owner(owner).services if whole else None, new, dry_run)
            if dry_run:
                return Plan(lines, old.generation)
            # None is to be kept from writing by what an owner of this name had who was removed.
            for came in new.owners.keys() - old.owners.keys():
                await asyncio.to_thread(self._epochs.forget, came)
            await self._commit(new, owner)
            for gone in old.owners.keys() - new.owners.keys():
                self._digests.pop(gone, None)
                await asyncio.to_thread(self._epochs.forget, gone)
            asked.after = new.generation
            self._tell(kind)
            return Plan(lines, new.generation)

    async def confirm(self) -> int:
        """Keep the operator's last change; raises Conflict, NotReady, NotStored."""
        asked = asking.now()
        asked.owner, asked.change = OPERATOR, "confirmed"
        async with self._lock:
            asked.before = self.state.generation
            new = states.confirmed(self.state, OPERATOR)
            new = self._numbered(new, OPERATOR, asked.change)
            await self._save(new)
            # The services are the same, so slbd has them if it had those.
            if self.standing.applied == self.state.generation:
                self._seen.renumbered(new.generation)
                self._note_applied(new)
            self._state = new
            asked.after = new.generation
            self._tell("confirmed")
            return new.generation

    async def rollback(self, generation: int | None, base: int | None = None) -> Plan:
        """Bring an earlier set of the operator's back; None: the one before the last change.

        Raises Conflict when that set is changed while this looks for the earlier one.
        """
        now = self.state
        pending = now.owner(OPERATOR).pending
        if generation is None and pending:
            what, services = "rolled back, unconfirmed", pending.before
        else:
            earlier = await asyncio.to_thread(self._store.versions)
            found = versions.choose(earlier, now, generation)
            services = found.owner(OPERATOR).services
            what = f"rolled back to {found.generation}"

        def back(state: State) -> State:
            if state.owner(OPERATOR) is not now.owner(OPERATOR):
                text = "the operator's services were changed at this moment"
                raise Conflict(f"{text}; look at what has changed, and try again")
            return states.rolled_back(state, OPERATOR, services)

        return await self.change(OPERATOR, what, back, base=base, kind="rolled_back")

    async def expire(self) -> None:
        """Roll back what was not confirmed in time, on disk too, or as soon as that is possible."""
        if self._unsaved:
            await self._save_late()
        if self._state is None or not states.overdue(self._state, self._clock()):
            return
        async with self._lock:
            new = self.state
            late = states.overdue(new, self._clock())
            for name in late:
                new = states.rolled_back(new, name)
            if not late:
                return
            new = self._numbered(new, late[0], versions.EXPIRED)
            log.warning("generation %d was not confirmed in time: back", self.state.generation)
            try:
                await self._save(new)
            except NotStored as error:
                # The version on disk says that its time is over, so a restart would do the same.
                log.error("%s; rolled back all the same", error)
                self._unsaved = True
            self._state = new
            self._seen.unknown("rolled back just now")
            self._tell("expired")

    async def refit(self, fallen: Fallen) -> None:
        """Have slbd follow which RS are down now; raises SlbError, and the watch tries again."""
        async with self._lock:
            self.effect.fallen = fallen
            if self._state is None or not self.standing.has(self._state.generation):
                # All that slbd is to have comes to it soon, this too; but for what it refuses.
                if self.standing.word == "refused":
                    await asyncio.to_thread(self._taken.mend)
                return
            want, ops = await asyncio.to_thread(self._change, self._state)
            if not ops:
                return
            try:
                done = await asyncio.to_thread(self._slbd.commit, ops)
            except SlbError as error:
                self._seen.unknown(str(error))
                raise
            self._has(want, self._state, done)

    async def tell_down(self) -> None:
        """Have slbd know which RS are down though they are in; what fails comes with the rest."""
        if self._lock.locked():
            # Whoever looks must not wait for a slbd that may hang, but look again.
            return
        async with self._lock:
            if self.followed is None:
                return
            try:
                instance, stays = self.standing.instance, self.effect.stays()
                await asyncio.to_thread(self._down.tell, instance, stays)
            except SlbError as error:
                self._seen.unknown(str(error))

    def had(self) -> tuple[State, Services] | None:
        """What slbd has, and how it has it; None: nobody knows, or it changes just now."""
        if self._lock.locked():
            return None
        if self._state is not None and self.standing.has(self._state.generation):
            return self._state, self.given
        return self._taken.pair() if self.standing.word == "refused" else None

    @property
    def followed(self) -> State | None:
        """What slbd has: the desired state, or where it refuses that, what it took last."""
        if self._state is None or self.standing.has(self._state.generation):
            return self._state
        return self._taken.state if self.standing.word == "refused" else None

    async def take_over(self) -> None:
        """Make what slbd has the first desired state; raises SlbError."""
        async with self._lock:
            found = await asyncio.to_thread(self._slbd.export)
            first = State(0, 0.0, OPERATOR, "", {OPERATOR: Owner(found.services)})
            first = self._numbered(first, OPERATOR, "taken over from slbd")
            await self._save(first)
            self._state = first
            log.info("the desired state is what slbd has: %d VS, %d RS", *first.counts())
            self._tell("changed")

    async def converge(self, version: Version) -> None:
        """Make slbd have the desired state, by one transaction; raises RequestError, Unreachable,
        NoAnswer, and what it refused it with is in the standing. OtherAgent: it was not looked at.
        """
        async with self._lock:
            state, before = self.state, self.standing
            # What it was given is what it must have; what is down by now comes by refit().
            want = self.given
            await asyncio.to_thread(self._look_what_is_out)
            try:
                if not before.has(state.generation):
                    want = await asyncio.to_thread(self._wanted.of, state)
                # First, or what is announced for want of it would be withdrawn at once.
                stays = self.effect.stays()
                await asyncio.to_thread(self._down.tell_also, version.instance, stays)
                done, left_out = await asyncio.to_thread(follow.apply, self._slbd, want)
            except RequestError as error:
                aside = isinstance(error, NotReady | OtherAgent)
                if not aside and not await self._take_back(error):
                    self._seen.refused(state.generation, str(error), version)
                    await asyncio.to_thread(self._taken.mend)
                raise
            beside = before.has(state.generation) and (before.instance, before.pid) == (
                version.instance,
                version.pid,
            )
            self.given = want
            self._applied(state, done, version, left_out)
            if done.plan and beside:
                self._seen.mended(done.plan)
            elif not before.has(state.generation) or done.plan:
                text = "slbd has generation %d now, changes: %d"
                log.info(text, state.generation, len(done.plan))

    async def _take_back(self, refusal: RequestError) -> bool:
        """Take back a version that nobody was told of, because slbd refuses it; False: none is."""
        if not self._doubtful:
            return False
        self._doubtful, last = False, self.state
        kept = await asyncio.to_thread(self._store.versions)
        before = next((one for one in kept if one.generation < last.generation), None)
        if before is None:
            return False
        text = "generation %d was stored and never applied, and slbd refuses it: %s; taken back"
        log.error(text, last.generation, refusal)
        await asyncio.to_thread(self._store.drop, last.generation)
        self._state = before
        return True

    def _look_what_is_out(self) -> None:
        """Once, before slbd is given anything, in all that it may have."""
        if self._looked:
            return
        services, taken = self.state.services(), self._taken.state
        if taken is not None and taken is not self.state:
            services += taken.services()
        if any(service.health for service in services):
            self.effect.fallen = self._down.before(services)
        self._looked = True

    def unreachable(self, reason: str) -> None:
        """Note that slbd does not answer."""
        self._seen.unreachable(reason)

    def digest(self, owner: str) -> Digest:
        """Return what works out digests of an owner's sets."""
        if self._state is None or owner not in self._state.owners:
            # Nothing is remembered of whoever is yet to be taken in.
            return Digests().of
        return self._digests.setdefault(owner, Digests()).of

    def snapshot(self, owner: str | None, with_services: bool) -> StateView:
        """Return the sets of one owner, or of all."""
        return StateView(self.state.generation, self._owners(owner, with_services))

    def status(self) -> StatusView:
        """Return how desired and current state are to each other."""
        generation = self._state.generation if self._state else 0
        view = self.standing.view(generation, self._owners(None, False) if self._state else [])
        return structs.replace(view, damaged=self._store.damaged)

    async def services_status(self) -> list[VsStatus]:
        """Return how each VS is to what slbd has, of which slbd is asked now."""
        if not self.known:
            return []
        state, applied = self.state, self.standing.applied
        want = self.given if self.standing.has(state.generation) else state.services()
        return await asyncio.to_thread(vs_status.now, self._slbd, state, want, applied)

    async def history(self) -> list[VersionView]:
        """Return the versions that are kept, the newest first."""
        return [one.version() for one in await asyncio.to_thread(self._store.versions)]

    def _tell(self, kind: str) -> None:
        now = self.state
        made = {"owner": now.by, "who": now.who, "change": now.change}
        self.events.emit(kind, generation=now.generation, **made)

    def _owners(self, owner: str | None, with_services: bool) -> list[OwnerView]:
        now = self._clock()
        return [
            states.view(name, part, self.digest(name)(part.services), now, with_services)
            for name, part in sorted(self.state.owners.items())
            if owner in (None, name)
        ]

    def _numbered(self, state: State, by: str, what: str) -> State:
        asked = asking.now()
        return structs.replace(
            state,
            generation=self._store.next_generation(),
            who=asked.who or "slb-agent",
            peer=asked.peer,
            time=time.time(),
            by=by,
            change=what,
        )

    async def _check(self, ops: list[Op], every: Services | None, new: State, dry: bool) -> None:
        steps = [asyncio.to_thread(follow.ask, self._slbd, ops, every)]
        if not dry:
            steps.append(asyncio.to_thread(self._store.prepare, new))
        for error in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(error, BaseException):
                await asyncio.to_thread(self._store.forget_prepared)
                raise error

    async def _commit(self, new: State, by: str) -> None:
        try:
            await asyncio.to_thread(self._bring_about, new, by)
        except (Unreachable, NoAnswer, NotReady) as error:
            # It may have come to it all the same, and is taken back then.
            self._seen.unknown(str(error))
            raise NotReady(f"{error}; the desired state is as before") from None
        self._state = new

    def _bring_about(self, new: State, by: str) -> None:
        self._store.keep_prepared()
        self._unsaved = False
        try:
            self._follow(new, by)
        except SlbError:
            self._store.drop(new.generation)
            # The effect is again that on what slbd has.
            if followed := self.followed:
                self._wanted.of(followed)
            raise

    def _follow(self, new: State, by: str) -> None:
        """Have slbd do what changes, if it has what was before, else apply the whole."""
        self._look_what_is_out()
        if self.standing.has(self.state.generation):
            want, ops = self._change(new)
            self._down.tell_also(self.standing.instance, self.effect.stays())
            try:
                done = self._slbd.commit(ops)
            except (UnknownVs, UnknownRs, Duplicate):
                log.warning("a change does not fit what slbd has; it gets the whole desired state")
            else:
                self._has(want, new, done)
                return
        # In this order, so that a refusal names the place of a service among the owner's.
        want = self._wanted.ordered(new.services(by))
        self._down.tell_also(self.standing.instance, self.effect.stays())
        done, left_out = follow.apply(self._slbd, want)
        self.given = want
        self._applied(new, done, None, left_out)

    def _change(self, state: State) -> tuple[Services, list[Op]]:
        """What slbd is to have, and what leads there from what it was given."""
        found = step(self.given, want := self._wanted.of(state))
        return want, plans.plan(found.gone, found.came)

    def _has(self, want: Services, state: State, done: Plan) -> None:
        """Note that a transaction has brought slbd there."""
        self.given = want
        self._note_applied(state)
        self._seen.changed(state.generation, done)

    async def _save(self, new: State) -> None:
        await asyncio.to_thread(self._store.save, new)
        self._unsaved = False

    async def _save_late(self) -> None:
        async with self._lock:
            if self._unsaved:
                try:
                    await self._save(self.state)
                except NotStored:
                    return
                log.info("generation %d is stored now", self.state.generation)

    def _applied(
        self, state: State, done: Plan, version: Version | None, left_out: Sequence[str]
    ) -> None:
        self._note_applied(state)
        self._seen.applied(state.generation, done, version, left_out)

    def _note_applied(self, state: State) -> None:
        self._doubtful = False
        self._taken.note(state)
        self._store.note_applied(state.generation)
