# SPDX-License-Identifier: BSD-3-Clause
"""What slbd is to have of the desired state: its effect. After a small change of a large set it is
worked out for what has changed, as long as the same RS are down."""

from dataclasses import dataclass

from slb.agent.keyed import Services, step, unlike
from slb.agent.state import State
from slb.health.effect import Effect, Fallen


@dataclass(frozen=True)
class _Last:
    services: Services
    fallen: Fallen
    found: Services


class Wanted:
    """What an effect makes of states, one after the other."""

    def __init__(self, effect: Effect) -> None:
        self._effect = effect
        self._last = _Last((), {}, ())

    def of(self, state: State) -> Services:
        """Return all services as slbd is to have them, in any order."""
        # Those of the largest set come first, so that they stay where they are when another grows.
        first = max(state.owners, key=lambda name: len(state.owners[name].services), default="")
        services = state.services(first)
        found = self._again(services)
        if found is None:
            found = self._effect.of(services)
        self._last = _Last(services, self._effect.fallen, found)
        return found

    def ordered(self, services: Services) -> Services:
        """Return these as slbd is to have them, in this order."""
        self._last = _Last((), {}, ())
        return self._effect.of(services)

    def _again(self, services: Services) -> Services | None:
        """Return what is the last answer but for a little; None: it is another one."""
        last = self._last
        places = unlike(last.services, services) if last.fallen is self._effect.fallen else None
        if not last.services or places is None:
            return None
        self._effect.forget(service.vs for service in step(last.services, services).gone)
        both = min(len(services), len(last.services))
        found = [*last.found[:both], *services[both:]]
        for place in (*places, *range(both, len(services))):
            found[place] = self._effect.one(services[place])
        return tuple(found)
