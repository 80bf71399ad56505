# SPDX-License-Identifier: BSD-3-Clause
"""A VS with its RS: what configuration files, `apply` and `export` hold."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from slb.model.endpoint import Endpoint, VsKey

Scheduler = Literal["rr", "wrr", "sh"]
SCHEDULERS: tuple[str, ...] = get_args(Scheduler)

MAX_WEIGHT = 1000
Weight = Annotated[int, Meta(ge=0, le=MAX_WEIGHT)]


class RealServer(Struct, frozen=True, forbid_unknown_fields=True):
    """An RS and its weight; weight 0 drains it."""

    rs: Endpoint
    weight: Weight = 1


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """A VS, how it chooses an RS, and its RS."""

    vs: VsKey
    scheduler: Scheduler = "rr"
    rs: tuple[RealServer, ...] = ()


class ServiceSet(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole wanted set, as `apply` takes it and `export` gives it."""

    services: Annotated[
        tuple[Service, ...],
        Meta(description="a list of all VS that there shall be; [] deletes every VS"),
    ]


class VsEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What may change in a VS."""

    scheduler: Scheduler


class RsEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What may change in an RS."""

    weight: Weight
