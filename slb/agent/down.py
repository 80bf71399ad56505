# SPDX-License-Identifier: BSD-3-Clause
"""Tells slbd which RS are down though they are in, for the quorum that its announcements need."""

import logging
from collections.abc import Iterable

from slb.api.client import Client
from slb.errors import NotFound, NotReady, OtherAgent, RequestError
from slb.model.down import DownRs

log = logging.getLogger(__name__)


class Down:
    """What one slbd after the other was told."""

    def __init__(self, slbd: Client) -> None:
        self._slbd = slbd
        self._told: tuple[str, frozenset[DownRs]] | None = None
        # Which one refused to hear it.
        self._refused = ""

    def there(self) -> list[DownRs]:
        """Return what slbd was told, by an earlier agent; raises SlbError."""
        try:
            return self._slbd.down_list()
        except NotFound:
            return []

    def tell(self, instance: str, down: Iterable[DownRs]) -> None:
        """Tell that slbd, unless it knows; raises Unreachable, NoAnswer, NotReady, OtherAgent."""
        told = (instance, frozenset(down))
        if told == self._told:
            return
        try:
            self._slbd.down_set(told[1])
        except (NotReady, OtherAgent):
            raise
        except RequestError as error:
            # An older slbd, for one. Services come to it all the same.
            if instance != self._refused:
                log.warning("%s; slbd's quorum counts RS that are down though they are in", error)
            self._refused = instance
        self._told = told
