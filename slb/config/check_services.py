# SPDX-License-Identifier: BSD-3-Clause
"""Rules between services and the rest of the file; the API applies the same to what it is sent."""

from collections.abc import Iterable, Iterator, Sequence

from slb.config.defaults import local_addresses
from slb.config.reserved import RESERVED, unusable
from slb.config.spans import Spans
from slb.config.tree import Path
from slb.model.address import Address, Network
from slb.model.config import Config
from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Policy, VsTimeouts
from slb.model.service import Service

Finding = tuple[Path, str]

MAX_RS_PER_VS = 4096
NO_TIMEOUTS = VsTimeouts()
_RESERVED = Spans(network for network, _ in RESERVED)
NO_CHECKS = "slbd makes no health checks; give it to slb-agent, by 'slbctl apply', or remove it"


class Places:
    """Where VS and RS may be: for large sets, whose sentences are made for what is wrong alone."""

    def __init__(self, subnets: Iterable[Network], local: frozenset[Address]) -> None:
        self._subnets, self._local = tuple(subnets), local
        self._served = Spans(self._subnets)
        self._taken = Spans(self._subnets, local)

    def misplaced(self, vs: VsKey) -> str | None:
        """Say why a VS cannot have its address; None when it can."""
        if self._served.has(vs) and not _RESERVED.has(vs):
            return None
        return misplaced(vs, self._subnets)

    def wrong_rs(self, rs: Endpoint) -> str | None:
        """Say why an RS cannot have its address; None when it can."""
        if not self._taken.has(rs) and not _RESERVED.has(rs):
            return None
        return wrong_rs(rs.address, self._subnets, self._local)


def find(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the services of a config."""
    local = {a for port in config.ports for span in port.local_addresses for a in span}
    yield from services(config.services, config.service_subnets, frozenset(local))
    yield from _unreachable(config)
    total = sum(len(service.rs) for service in config.services)
    for key, count, limit in (
        ("vs_max", len(config.services), config.engine.vs_max),
        ("rs_max", total, config.engine.rs_max),
    ):
        if count > limit:
            yield ("engine", key), f"{limit} is less than the {count} in services; raise it"


def services(
    wanted: Sequence[Service],
    subnets: Iterable[Network],
    local: frozenset[Address] = frozenset(),
) -> Iterator[Finding]:
    """Yield what is wrong with a set of services."""
    seen: set[VsKey] = set()
    places = Places(subnets, local)
    for i, service in enumerate(wanted):
        path: Path = ("services", i)
        if service.vs in seen:
            yield (*path, "vs"), f"VS {service.vs} is there twice; merge the two"
        seen.add(service.vs)
        if reason := places.misplaced(service.vs):
            yield (*path, "vs"), reason
        if service.health:
            yield (*path, "health"), NO_CHECKS
        if len(service.rs) > MAX_RS_PER_VS:
            yield (*path, "rs"), f"{len(service.rs)} RS; a VS takes at most {MAX_RS_PER_VS}"
        for field, sentence in policy(service.vs, service.policy):
            yield (*path, *field), sentence
        yield from _real_servers(path, service, places)


def policy(vs: VsKey, wanted: Policy) -> Iterator[Finding]:
    """Yield what does not suit a VS's protocol, with the path inside the VS."""
    if wanted.one_packet and vs.proto != "udp":
        yield ("one_packet",), f"VS {vs} is not UDP, and one_packet is for UDP alone; remove it"
    if wanted.client_address != "none" and vs.proto != "tcp":
        text = f"VS {vs} is not TCP, and client_address is for TCP alone; remove it"
        yield ("client_address",), text
    if wanted.syn_proxy and vs.proto != "tcp":
        yield ("syn_proxy",), f"VS {vs} is not TCP, and syn_proxy is for TCP alone; remove it"
    elif wanted.syn_proxy and wanted.client_address != "none":
        text = (
            f"VS {vs} has client_address too, and a SYN proxy's RS cannot be told their clients; "
            "remove one of them"
        )
        yield ("syn_proxy",), text
    for name in wanted.timeouts.given() if wanted.timeouts != NO_TIMEOUTS else ():
        if not name.startswith(f"{vs.proto}_"):
            text = f"VS {vs} has no sessions in state {name}; remove the timeout"
            yield ("timeouts", name), text


def misplaced(vs: VsKey, subnets: Iterable[Network]) -> str | None:
    """Say why a VS cannot have its address; None when it can."""
    if reason := unusable(vs.address):
        return f"VS {vs}: the address is {reason}; write one of a service subnet"
    if any(vs.address in subnet for subnet in subnets):
        return None
    known = ", ".join(str(subnet) for subnet in subnets) or "none is configured"
    return f"VS {vs} lies in no service subnet ({known}); add its subnet to service_subnets"


def wrong_rs(address: Address, subnets: Iterable[Network], local: frozenset[Address]) -> str | None:
    """Say why an RS cannot have its address; None when it can."""
    if reason := unusable(address):
        return f"RS address {address} is {reason}; write the address of a server"
    if any(address in subnet for subnet in subnets):
        return f"RS address {address} lies in a service subnet; write the server's own address"
    if address in local:
        return f"RS address {address} is one of our local addresses; write the server's own"
    return None


def _unreachable(config: Config) -> Iterator[Finding]:
    """A worker speaks to an RS from a local address of the same family, of which it needs one."""
    workers, count = config.engine.workers_max, local_addresses(config)
    for i, service in enumerate(config.services):
        for j, real in enumerate(service.rs):
            version = real.rs.address.version
            if count[version] < workers:
                text = f"RS {real.rs} needs an IPv{version} local address on every worker:"
                yield (
                    ("services", i, "rs", j, "rs"),
                    f"{text} {count[version]} for {workers}; add some to ports[].local_addresses",
                )
                # Once for a family is enough.
                count[version] = workers


def _real_servers(path: Path, service: Service, places: Places) -> Iterator[Finding]:
    seen = set()
    for j, real in enumerate(service.rs):
        if real.rs in seen:
            here = (*path, "rs", j, "rs")
            yield here, f"RS {real.rs} is in VS {service.vs} twice; keep one of them"
        seen.add(real.rs)
        if reason := places.wrong_rs(real.rs):
            yield (*path, "rs", j, "rs"), reason
