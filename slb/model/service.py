# SPDX-License-Identifier: BSD-3-Clause
"""A VS with its RS: what configuration files, `apply` and `export` hold."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from slb.model.endpoint import Endpoint, VsKey
from slb.model.health import Health
from slb.model.policy import ClientAddress, Policy, Scheduler, Seconds, TimeoutName, VsTimeouts

MAX_WEIGHT = 1000
Weight = Annotated[int, Meta(ge=0, le=MAX_WEIGHT)]


class RealServer(Struct, frozen=True, forbid_unknown_fields=True):
    """An RS and its weight; weight 0 drains it."""

    rs: Endpoint
    weight: Weight = 1


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """A VS, how it chooses an RS, its RS, and what else differs from other VS.

    `health` is slb-agent's: where it is not given it is not written either, as by slbd.
    """

    vs: VsKey
    scheduler: Scheduler = "rr"
    rs: tuple[RealServer, ...] = ()
    one_packet: bool = False
    timeouts: VsTimeouts = VsTimeouts()
    client_address: ClientAddress = "none"
    syn_proxy: bool = False
    health: Health | UnsetType = UNSET

    @classmethod
    def of(cls, vs: VsKey, policy: Policy, rs: tuple[RealServer, ...]) -> "Service":
        """Make a VS of its parts."""
        return cls(
            vs,
            policy.scheduler,
            rs,
            policy.one_packet,
            policy.timeouts,
            policy.client_address,
            policy.syn_proxy,
        )

    @property
    def policy(self) -> Policy:
        """All but its key and its RS."""
        return Policy(
            self.scheduler, self.one_packet, self.timeouts, self.client_address, self.syn_proxy
        )


class ServiceSet(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole wanted set, as `apply` takes it and `export` gives it."""

    services: Annotated[
        tuple[Service, ...],
        Meta(description="a list of all VS that there shall be; [] deletes every VS"),
    ]


class VsEdit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may change in a VS; None: it stays. A timeout of None is the global one again.

    `health` is slb-agent's; None: no checks any more.
    """

    scheduler: Scheduler | None = None
    one_packet: bool | None = None
    timeouts: dict[TimeoutName, Seconds | None] = {}
    client_address: ClientAddress | None = None
    syn_proxy: bool | None = None
    health: Health | UnsetType | None = UNSET

    def apply(self, policy: Policy) -> Policy:
        """Return the policy after the change."""
        return Policy(
            self.scheduler or policy.scheduler,
            policy.one_packet if self.one_packet is None else self.one_packet,
            replace(policy.timeouts, **self.timeouts),
            self.client_address or policy.client_address,
            policy.syn_proxy if self.syn_proxy is None else self.syn_proxy,
        )


class RsEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What may change in an RS."""

    weight: Weight
