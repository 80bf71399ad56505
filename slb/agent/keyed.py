# SPDX-License-Identifier: BSD-3-Clause
"""Services by key. Of the sets that were asked for last it is known, so that a small change of a
large set does not look at each VS."""

from collections.abc import Iterable, Mapping

from slb.model.endpoint import VsKey
from slb.model.service import Service

Services = tuple[Service, ...]
Keyed = Mapping[VsKey, Service]

_SETS = 8
# The newest first. Exchanged as a whole, as several threads may look.
_known: tuple[tuple[Services, Keyed], ...] = ()


def keyed(services: Services) -> Keyed:
    """Return the services by key; of a VS that is there twice, the last."""
    for known, found in _known:
        if known is services:
            return found
    return _keep(services, {one.vs: one for one in services})


def exchanged(
    services: Services, gone: Iterable[VsKey], first: Services = (), last: Services = ()
) -> Services:
    """Return the services without those of some keys, with new ones before and behind them."""
    found = dict(keyed(services))
    leave = {id(found.pop(vs)) for vs in gone if vs in found}
    made = (*first, *(one for one in services if id(one) not in leave), *last)
    _keep(made, found | {one.vs: one for one in (*first, *last)})
    return made


def _keep(services: Services, found: Keyed) -> Keyed:
    global _known
    _known = ((services, found), *_known[: _SETS - 1])
    return found
