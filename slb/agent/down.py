# SPDX-License-Identifier: BSD-3-Clause
"""Tells slbd which RS are down though they are in, for the quorum that its announcements need."""

import logging
import time
from collections.abc import Iterable

from slb.api.client import Client
from slb.errors import NotFound, NotReady, OtherAgent, RequestError
from slb.health.effect import Fallen, already_down, already_out
from slb.model.down import DownRs
from slb.model.service import Service

log = logging.getLogger(__name__)


class Down:
    """What one slbd after the other was told."""

    def __init__(self, slbd: Client) -> None:
        self._slbd = slbd
        self._told: tuple[str, frozenset[DownRs]] | None = None
        # Whether it has heard that is not known: it may do later what it did not answer.
        self._doubtful = False
        # Which one refused to hear it.
        self._refused = ""

    def there(self) -> list[DownRs]:
        """Return what slbd was told, by an earlier agent; raises SlbError."""
        try:
            return self._slbd.down_list()
        except NotFound:
            return []

    def before(self, services: Iterable[Service]) -> Fallen:
        """Return what an earlier agent must have found down, as of now; raises SlbError."""
        services = tuple(services)
        found = already_out(services, self._slbd.export().services)
        stays = already_down(services, self.there())
        # Who is out went down first, or he would change places with who stays in.
        now = time.monotonic()
        return dict.fromkeys(stays, now) | dict.fromkeys(found, now - 1)

    def tell_also(self, instance: str, down: Iterable[DownRs]) -> None:
        """Tell of these before a change, with those that were told of; raises as tell() does.

        Those that are down no more, or out, are taken back behind it: no moment counts them.
        """
        there = self._told[1] if self._told and self._told[0] == instance else frozenset()
        self.tell(instance, there | frozenset(down))

    def tell(self, instance: str, down: Iterable[DownRs]) -> None:
        """Tell that slbd, unless it knows; raises Unreachable, NoAnswer, NotReady, OtherAgent."""
        told = (instance, frozenset(down))
        if told == self._told and not self._doubtful:
            return
        self._doubtful = True
        try:
            self._slbd.down_set(told[1])
        except (NotReady, OtherAgent):
            raise
        except RequestError as error:
            # An older slbd, for one. Services come to it all the same.
            if instance != self._refused:
                log.warning("%s; slbd's quorum counts RS that are down though they are in", error)
            self._refused = instance
        self._told, self._doubtful = told, False
