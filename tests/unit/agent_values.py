# SPDX-License-Identifier: BSD-3-Clause
"""Services and states, briefly written."""

from slb.agent.state import Owner, State
from slb.model.desired import OPERATOR
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, Service


def key(number: int) -> VsKey:
    """The VS 10.96.0.NUMBER:80/tcp."""
    return VsKey.parse(f"10.96.0.{number}:80/tcp")


def service(number: int, *weights: int) -> Service:
    """That VS with an RS for each weight."""
    real = (
        RealServer(Endpoint.parse(f"10.10.0.{n}:8080"), w) for n, w in enumerate(weights, start=1)
    )
    return Service(key(number), "wrr", tuple(real))


def state(generation: int, *services: Service, **others: Owner) -> State:
    """A version: the operator's services, and other owners' parts."""
    owners = {OPERATOR: Owner(services), **others}
    return State(generation, 1.5, OPERATOR, "a test's", owners)
