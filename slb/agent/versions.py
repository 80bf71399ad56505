# SPDX-License-Identifier: BSD-3-Clause
"""What lies between two versions of the desired state. Pure."""

from collections.abc import Callable, Sequence

from msgspec import structs

from slb.agent.keyed import Services, Step, step
from slb.agent.state import Owner, State
from slb.errors import Conflict
from slb.health import difference
from slb.model.desired import OPERATOR
from slb.model.op import Op
from slb.tables import plan as plans

Edit = Callable[[State], State]
# So many of those that are kept are named, where another one is asked for.
SHOWN = 10
# The change of a version that was made by the clock.
EXPIRED = "not confirmed in time, rolled back"


def asked_for(what: str, dry_run: bool, confirm_s: int | None) -> str:
    """Return a change in the words of the history, and how it was asked for."""
    if dry_run:
        return f"{what}, dry run"
    return what if confirm_s is None else f"{what}, to be confirmed within {confirm_s} s"


def work_out(old: State, edit: Edit) -> tuple[State, list[Op], list[str]]:
    """Return the state after an edit, the ops that lead there, and all that changes in words."""
    new = edit(old)
    found = between(old, new)
    ops = plans.plan(found.gone, found.came)
    return new, ops, [str(op) for op in ops] + difference.lines(found.gone, found.came)


def between(old: State, new: State) -> Step:
    """Return what lies between the services of two states, whoever's they are."""
    steps = [
        step(old.owner(name).services, new.owner(name).services)
        for name in old.owners.keys() | new.owners.keys()
    ]
    gone = tuple(service for found in steps for service in found.gone)
    return Step(gone, tuple(service for found in steps for service in found.came))


def sets_apart(state: State) -> dict[str, Owner]:
    """Return what a version has beside the services: epochs, numbers, what is to be confirmed."""
    return {name: structs.replace(part, services=()) for name, part in state.owners.items()}


def choose(earlier: Sequence[State], now: State, generation: int | None) -> State:
    """Return the version to go back to; None: the last that had other services of the operator's.

    Raises Conflict, also where that one was to be confirmed and was not: who wants to be rid of it
    would get it again.
    """
    if generation is not None:
        if found := next((one for one in earlier if one.generation == generation), None):
            return found
        lacks = "is not kept any more" if generation < now.generation else "does not exist yet"
        raise Conflict(f"generation {generation} {lacks}; {_kept(earlier)}")
    have, later = now.owner(OPERATOR).services, now
    for one in earlier:
        if one.generation < now.generation and _differ(have, one.owner(OPERATOR).services):
            if later.change == EXPIRED:
                text = "was not confirmed in time, so it is undone already"
                raise Conflict(f"generation {one.generation} {text}; say which one is to come back")
            return one
        later = one
    raise Conflict("no earlier version that is kept has other services of the operator's")


def _kept(earlier: Sequence[State]) -> str:
    shown = ", ".join(str(one.generation) for one in earlier[:SHOWN])
    more = len(earlier) - SHOWN
    return f"there are {shown}" + (f" and {more} more ('slbctl history')" if more > 0 else "")


def _differ(one: Services, other: Services) -> bool:
    return bool(plans.plan(one, other) or difference.lines(one, other))
