# SPDX-License-Identifier: BSD-3-Clause
"""What slbd took last, for as long as it refuses the desired state.

It goes on serving that, so of that, too, RS go out and come back: in the VS that slbd has, whatever
else it may have. What it was given last says little then, so it is asked each time.
"""

import logging

from slb.agent.keyed import Services
from slb.agent.state import State
from slb.agent.store import Store
from slb.agent.wanted import Wanted
from slb.api.client import Client
from slb.errors import NotReady, OtherAgent, RequestError, SlbError
from slb.model.endpoint import VsKey
from slb.model.op import Op
from slb.tables import plan as plans

log = logging.getLogger(__name__)


class Taken:
    """The state that slbd was given last and took, by this agent or the one before."""

    def __init__(self, slbd: Client, store: Store, wanted: Wanted, newest: State | None) -> None:
        """Find it among the versions that are kept, of which `newest` is known already."""
        self._slbd = slbd
        self._wanted = wanted
        # None: nobody knows.
        self.state: State | None = None
        # What slbd has of that while it refuses another one; None: it was not asked yet.
        self.given: Services | None = None
        self._trouble = ""
        applied = store.applied()
        if newest is not None and newest.generation == applied:
            self.state = newest
        elif applied is not None:
            kept = store.versions()
            self.state = next((one for one in kept if one.generation == applied), None)

    def note(self, state: State) -> None:
        """Note what slbd has taken."""
        self.state, self.given = state, None

    def pair(self) -> tuple[State, Services] | None:
        """Return the state, and how slbd has it while it refuses another; None: nobody knows."""
        if self.state is None or self.given is None:
            return None
        return self.state, self.given

    def mend(self) -> None:
        """Have slbd follow which RS are down; what fails is in the log, and to be tried again."""
        if (state := self.state) is None:
            return
        # The effect is that on this state again, whatever becomes of the rest.
        every = self._wanted.of(state)
        try:
            has = {one.vs: one for one in self._slbd.export().services}
            want = tuple(one for one in every if one.vs in has)
            refused = self._bring(plans.plan([has[one.vs] for one in want], want))
            self.given = tuple(has[one.vs] if one.vs in refused else one for one in want)
            if refused:
                raise next(iter(refused.values()))
        except SlbError as error:
            if str(error) != self._trouble:
                log.warning("%s; slbd has not heard yet which RS are down", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def _bring(self, ops: list[Op]) -> dict[VsKey, RequestError]:
        """All of it or, for what slbd does not take of one VS must not keep back the others, as
        much as it takes; returns what it refused.
        """
        refused: dict[VsKey, RequestError] = {}
        try:
            if ops:
                self._slbd.commit(ops)
        except (NotReady, OtherAgent):
            raise
        except RequestError:
            for vs in dict.fromkeys(op.vs for op in ops):
                try:
                    self._slbd.commit([op for op in ops if op.vs == vs])
                except RequestError as error:
                    refused[vs] = error
        return refused
