# SPDX-License-Identifier: BSD-3-Clause
"""Rules between the keys of `ospf`."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from ospf.bird_area import STUB_MAX
from slb.config import secret
from slb.config.check_addresses import repeated
from slb.config.defaults import versions
from slb.config.reserved import unusable
from slb.config.tree import Path
from slb.errors import ConfigError
from slb.model.config import Config, Ospf, OspfAuth

Finding = tuple[Path, str]
BACKBONE = IPv4Address("0.0.0.0")
# RFC 2328, D.3.
MD5_MAX = 16


def find(config: Config) -> Iterator[Finding]:
    """Yield every broken rule, of a config whose defaults are filled in."""
    ospf = config.ospf
    if ospf.dead_s <= ospf.hello_s:
        text = f"{ospf.dead_s} s is not longer than hello_s ({ospf.hello_s} s); make it 4 times it"
        yield ("ospf", "dead_s"), text
    if ospf.mode == "off":
        return
    yield from _needed(config)
    yield from _links(ospf)
    yield from _stub_areas(ospf)
    yield from _graceful_restart(ospf)
    if ospf.route_type == "stub" and ospf.metric > STUB_MAX:
        text = f"{ospf.metric} is more than a stub network's metric can be; lower it to {STUB_MAX}"
        yield ("ospf", "metric"), text
    yield from _drain_and_hold(ospf)
    if ospf.auth:
        yield from _auth("auth", ospf.auth)
    if isinstance(ospf.auth_v3, OspfAuth):
        yield from _auth("auth_v3", ospf.auth_v3)
    yield from _md5(config)


def _needed(config: Config) -> Iterator[Finding]:
    ospf = config.ospf
    if ospf.router_id is None:
        text = "is missing, and no port has an IPv4 address to take it from; write one"
        yield ("ospf", "router_id"), text
    elif unusable(ospf.router_id):
        yield ("ospf", "router_id"), f"{ospf.router_id} cannot be a router id; write a host address"
    if not ospf.interfaces:
        text = "no port has a kernel interface for OSPF to run on; set kernel_interface.kind"
        yield ("ospf", "interfaces"), text
    if ospf.announce == "subnets" and not config.service_subnets:
        yield ("ospf", "announce"), "there are no service_subnets to announce; add them"


def _drain_and_hold(ospf: Ospf) -> Iterator[Finding]:
    most = min(ospf.drain_metric, STUB_MAX) if ospf.route_type == "stub" else ospf.drain_metric
    if ospf.drain_s and most <= ospf.metric:
        text = f"{most} is no more than metric ({ospf.metric}), so a drain changes nothing"
        yield ("ospf", "drain_metric"), f"{text}; lower metric, or raise this"


def _graceful_restart(ospf: Ospf) -> Iterator[Finding]:
    """BIRD 2.0.12 that was the designated router computes without end when it comes back."""
    types = {link.interface: link.network_type for link in ospf.links}
    kinds = {types.get(name) or ospf.network_type for name in ospf.interfaces}
    if ospf.graceful_restart == "on" and ospf.priority and "broadcast" in kinds:
        text = "on needs a BIRD that is never the designated router; write priority: 0 as well"
        yield ("ospf", "graceful_restart"), f"{text}, or network_type: ptp"


def _links(ospf: Ospf) -> Iterator[Finding]:
    on = ((("ospf", "interfaces", i), name) for i, name in enumerate(ospf.interfaces))
    yield from repeated(on, "the interface")
    names = ((("ospf", "links", i, "interface"), x.interface) for i, x in enumerate(ospf.links))
    yield from repeated(names, "the interface")
    for index, link in enumerate(ospf.links):
        if link.interface not in ospf.interfaces:
            have = ", ".join(ospf.interfaces)
            text = f"OSPF does not run on {link.interface}; choose from {have}"
            yield ("ospf", "links", index, "interface"), text


def _stub_areas(ospf: Ospf) -> Iterator[Finding]:
    """RFC 2328, 3.6: no stub area carries external routes, and the backbone is none."""
    own = {link.interface: link.area for link in ospf.links}
    areas = {own.get(name) or ospf.area for name in ospf.interfaces}
    on = ((("ospf", "stub_areas", i), str(area)) for i, area in enumerate(ospf.stub_areas))
    yield from repeated(on, "the area")
    for index, area in enumerate(ospf.stub_areas):
        path: Path = ("ospf", "stub_areas", index)
        if area == BACKBONE:
            yield path, "the backbone, 0.0.0.0, is never a stub area; remove it"
        elif area not in areas:
            have = ", ".join(str(found) for found in sorted(areas))
            yield path, f"no interface is in {area}; choose from {have}"
    if ospf.route_type == "external" and areas.intersection(ospf.stub_areas):
        text = "external routes do not reach a stub area; write stub, or take it off stub_areas"
        yield ("ospf", "route_type"), text


def _md5(config: Config) -> Iterator[Finding]:
    signed = config.ospf.signed(6)
    if signed and signed.algorithm == "md5" and 6 in versions(config):
        name = "auth" if signed is config.ospf.auth else "auth_v3"
        text = "OSPFv3 has no md5, and there are IPv6 addresses; write hmac-sha-256"
        more = ", or auth_v3 for OSPFv3 alone" if name == "auth" else ""
        yield ("ospf", name, "algorithm"), f"{text}{more}"


def _auth(name: str, auth: OspfAuth) -> Iterator[Finding]:
    ids = ((("ospf", name, "keys", i, "id"), str(key.id)) for i, key in enumerate(auth.keys))
    yield from repeated(ids, "the key id")
    for index, key in enumerate(auth.keys):
        path: Path = ("ospf", name, "keys", index, "secret_file")
        try:
            if len(secret.read(key.secret_file)) > MD5_MAX and auth.algorithm == "md5":
                text = f"{key.secret_file} holds more than the {MD5_MAX} characters of an md5 key"
                yield path, f"{text}; choose a shorter secret"
        except ConfigError as error:
            yield path, error.problems[0]
