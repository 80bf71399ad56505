# SPDX-License-Identifier: BSD-3-Clause
"""Single changes of a set of services, as the API's routes for a VS or an RS ask for them. Pure."""

from msgspec import UNSET
from msgspec.structs import replace

from slb.agent.keyed import Services, exchanged, keyed
from slb.errors import BadRequest, Duplicate, UnknownRs, UnknownVs
from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Policy
from slb.model.service import RealServer, Service, VsEdit


def add(services: Services, service: Service) -> Services:
    """Add a VS; raises Duplicate."""
    if service.vs in keyed(services):
        raise Duplicate(f"VS {service.vs} exists already")
    return exchanged(services, (), [service])


def edit(services: Services, vs: VsKey, change: VsEdit) -> Services:
    """Change a VS's policy; raises UnknownVs, BadRequest."""
    if change == VsEdit():
        text = "nothing to change: give scheduler, one_packet, timeouts, client_address,"
        raise BadRequest(f"{text} syn_proxy or health")
    service = _find(services, vs)
    policy = change.apply(service.policy)
    fields = {name: getattr(policy, name) for name in Policy.__struct_fields__}
    if change.health is not UNSET:
        fields["health"] = change.health or UNSET
    return _put(services, replace(service, **fields))


def delete(services: Services, vs: VsKey) -> Services:
    """Delete a VS; raises UnknownVs."""
    _find(services, vs)
    return exchanged(services, [vs], ())


def add_rs(services: Services, vs: VsKey, real: RealServer) -> Services:
    """Add an RS; raises UnknownVs, Duplicate."""
    service = _find(services, vs)
    if any(one.rs == real.rs for one in service.rs):
        raise Duplicate(f"RS {real.rs} exists already in VS {vs}")
    return _put(services, replace(service, rs=(*service.rs, real)))


def edit_rs(services: Services, vs: VsKey, rs: Endpoint, weight: int) -> Services:
    """Change an RS's weight; raises UnknownVs, UnknownRs."""
    service = _find(services, vs)
    _find_rs(service, rs)
    real = (replace(one, weight=weight) if one.rs == rs else one for one in service.rs)
    return _put(services, replace(service, rs=tuple(real)))


def delete_rs(services: Services, vs: VsKey, rs: Endpoint) -> Services:
    """Delete an RS; raises UnknownVs, UnknownRs."""
    service = _find(services, vs)
    found = _find_rs(service, rs)
    return _put(services, replace(service, rs=tuple(one for one in service.rs if one is not found)))


def _find(services: Services, vs: VsKey) -> Service:
    if found := keyed(services).get(vs):
        return found
    raise UnknownVs(f"VS {vs} does not exist")


def _find_rs(service: Service, rs: Endpoint) -> RealServer:
    if found := next((one for one in service.rs if one.rs == rs), None):
        return found
    raise UnknownRs(f"RS {rs} does not exist in VS {service.vs}")


def _put(services: Services, changed: Service) -> Services:
    return exchanged(services, (), [changed])
