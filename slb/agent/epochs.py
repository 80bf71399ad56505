# SPDX-License-Identifier: BSD-3-Clause
"""The highest epoch that each owner has shown, whatever became of what came with it.

Who has been replaced must not write any more, even though his successor's set was refused, or the
version that had it is damaged. So it is on disk before the set is looked at, in a file of its own,
of each owner who has a set. What is in the versions counts as well; a file that cannot be read is
told of, and begun anew.
"""

import logging

from msgspec import MsgspecError

from slb.agent.store import Store
from slb.errors import Conflict, NotStored
from slb.model import codec

log = logging.getLogger(__name__)

FILE = "epochs"


class Epochs:
    """Names of owners and numbers, in a store's file of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = _read(store)

    def see(self, owner: str, epoch: int, there: int) -> None:
        """Take note of an owner's epoch, of whom the desired state has that of `there`.

        Raises Conflict when a higher one has been seen, and NotStored.
        """
        highest = max(there, self._seen.get(owner, 0))
        if epoch < highest:
            raise Conflict(f"epoch {epoch} is over, {highest} has begun; another one is in charge")
        if epoch > highest:
            self._write({**self._seen, owner: epoch})

    def forget(self, owner: str) -> None:
        """Forget that of an owner who has no set; what cannot be removed counts no longer."""
        if owner not in self._seen:
            return
        left = {name: epoch for name, epoch in self._seen.items() if name != owner}
        try:
            self._write(left)
        except NotStored as error:
            log.error("the highest epoch of %s, who has no set, is still on disk: %s", owner, error)
            self._seen = left

    def _write(self, seen: dict[str, int]) -> None:
        self._store.exchange(FILE, codec.encode(seen))
        self._seen = seen


def _read(store: Store) -> dict[str, int]:
    try:
        text = store.beside(FILE)
        return {} if text is None else codec.decode(text, dict[str, int])
    except (OSError, MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        log.error("%s: %s; of epochs those of the desired state count", FILE, reason)
        return {}
