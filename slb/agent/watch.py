# SPDX-License-Identifier: BSD-3-Clause
"""Watches slbd, and makes it have the desired state whenever it may not have it.

slbd's version says which process answers and at which generation it is: another process has been
started anew, another generation has been changed by somebody, maybe beside us.
"""

import asyncio
import logging
import time

from slb.agent.desired import Desired
from slb.api.client import Client
from slb.errors import (
    ConfigError,
    NoAnswer,
    NotReady,
    OtherAgent,
    RequestError,
    SlbError,
    Unreachable,
)
from slb.model.views import Version

log = logging.getLogger(__name__)

LOOK_S = 0.2
# What a route or a neighbour does to the generation is not looked at more often.
COMPARE_S = 1.0
REFUSED_S = 5.0


class Watch:
    """`slbd`: the daemon's client, with little patience, which says that an slb-agent asks.

    All raise ConfigError when slbd follows another slb-agent: this one has to end.
    """

    def __init__(self, desired: Desired, slbd: Client) -> None:
        self._desired = desired
        self._slbd = slbd
        self._compared = 0.0
        self._trouble = ""

    async def meet(self) -> None:
        """Have slbd follow this agent, if it answers at all."""
        try:
            await self._version()
        except OtherAgent as error:
            raise _to_end(error) from None
        except SlbError:
            # It is looked for by and by.
            return

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once; what fails is tried again at the next look."""
        try:
            await self._desired.expire()
            seen = self._desired.standing
            version = await self._version()
            if self._desired.standing is not seen:
                # A change of ours went by, so this may be from before it.
                return
            if not self._desired.known:
                await self._desired.take_over()
            if self._is_due(version):
                self._compared = time.monotonic()
                await self._desired.converge(version)
        except (Unreachable, NoAnswer, NotReady) as error:
            self._desired.unreachable(str(error))
        except OtherAgent as error:
            raise _to_end(error) from None
        except RequestError as error:
            self._tell(str(error))
        else:
            self._trouble = ""

    async def _version(self) -> Version:
        return await asyncio.to_thread(self._slbd.version)

    def _is_due(self, version: Version) -> bool:
        seen = self._desired.standing
        another = (version.instance, version.pid) != (seen.instance, seen.pid)
        if another or seen.word in ("unknown", "unreachable"):
            return True
        since = time.monotonic() - self._compared
        if seen.word in ("refused", "incomplete") and since >= REFUSED_S:
            return True
        if seen.word == "refused":
            return False
        if seen.applied != self._desired.state.generation:
            return True
        return version.generation != seen.slbd_generation and since >= COMPARE_S

    def _tell(self, trouble: str) -> None:
        if self._desired.standing.word != "refused" and trouble != self._trouble:
            log.error("%s", trouble)
        self._trouble = trouble


def _to_end(error: OtherAgent) -> ConfigError:
    return ConfigError([str(error)])
