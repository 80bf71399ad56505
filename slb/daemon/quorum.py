# SPDX-License-Identifier: BSD-3-Clause
"""Which subnets or VIPs have somebody behind them to serve their clients."""

from collections.abc import Iterable, Set
from ipaddress import ip_address, ip_network

from ospf.model import Network, ordered
from slb.model.config import Config
from slb.model.down import DownRs
from slb.model.endpoint import VsKey
from slb.model.service import RealServer, Service


def quorums(
    config: Config, services: Iterable[Service], down: Set[DownRs] = frozenset()
) -> dict[Network, bool]:
    """Return the subnets or VIPs, and whether a VS of each has the RS that it needs.

    One VS is enough: a VIP's others, or a subnet's, would lose their clients as well. `down`: RS
    that do not count, though they have a weight.
    """
    needed = config.ospf.quorum

    def counts(vs: VsKey, real: RealServer) -> bool:
        return real.weight > 0 and not (down and DownRs(vs, real.rs) in down)

    rows = [
        (one.vs.address, sum(counts(one.vs, real) for real in one.rs) >= needed) for one in services
    ]
    if config.ospf.announce == "vips":
        found = dict.fromkeys(ordered(ip_network(address) for address, _ in rows), False)
        for address, met in rows:
            found[ip_network(address)] |= met
        return found
    served = {ip_address(address) for address, met in rows if met}
    return {n: not needed or any(vip in n for vip in served) for n in config.service_subnets}
