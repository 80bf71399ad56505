# SPDX-License-Identifier: BSD-3-Clause
"""Has slbd follow the desired state as a whole, or as far as it can.

A slbd that was started with other service subnets would refuse the whole for one VS, and serve
nothing. So what it refuses is left out, but only if it does not have it anyway: nothing that works
is taken away for being refused.
"""

import re
from collections.abc import Iterable, Sequence

from slb.api.client import Client
from slb.errors import BadRequest, NoAnswer, NotReady, Unreachable
from slb.health.effect import bare
from slb.model.op import Op
from slb.model.service import Service
from slb.model.views import Plan

MAX_LEFT_OUT = 100
_PLACE = re.compile(r"services\[(\d{1,6})\][^ ]*: ", re.ASCII)


def apply(slbd: Client, services: Iterable[Service]) -> tuple[Plan, list[str]]:
    """Apply all that slbd takes; returns also why the others were left out.

    Raises RequestError, Unreachable, NoAnswer.
    """
    rest, left_out = list(services), list[str]()
    has = None
    while True:
        try:
            return slbd.apply(rest), left_out
        except BadRequest as error:
            place = _PLACE.match(str(error))
            if place is None or int(place[1]) >= len(rest) or len(left_out) == MAX_LEFT_OUT:
                raise
            if has is None:
                has = {service.vs for service in slbd.export().services}
            if rest.pop(int(place[1])).vs in has:
                raise
            left_out.append(without_place(str(error)))


def ask(slbd: Client, ops: Sequence[Op], every: Sequence[Service] | None) -> None:
    """Ask whether slbd would take all of these services, if given, or else a change.

    Raises what it refuses them with, and NotReady.
    """
    try:
        if every is not None:
            slbd.apply(bare(every), dry_run=True)
        else:
            slbd.commit(ops, dry_run=True)
    except (Unreachable, NoAnswer) as error:
        raise NotReady(f"{error}; nothing has changed") from None


def without_place(refusal: str) -> str:
    """Return slbd's sentence about one of the services without where it stood in the request."""
    return _PLACE.sub("", refusal, count=1)
