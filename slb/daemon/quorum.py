# SPDX-License-Identifier: BSD-3-Clause
"""Which subnets or VIPs have somebody behind them to serve their clients."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from ospf.model import Network, ordered
from slb.model.config import Config
from slb.model.service import Service


def quorums(config: Config, services: Iterable[Service]) -> dict[Network, bool]:
    """Return the subnets or VIPs, and whether a VS of each has the RS that it needs.

    One VS is enough: a VIP's others, or a subnet's, would lose their clients as well.
    """
    needed = config.ospf.quorum
    rows = [(s.vs.address, sum(rs.weight > 0 for rs in s.rs) >= needed) for s in services]
    if config.ospf.announce == "vips":
        found = dict.fromkeys(ordered(ip_network(address) for address, _ in rows), False)
        for address, met in rows:
            found[ip_network(address)] |= met
        return found
    served = {ip_address(address) for address, met in rows if met}
    return {n: not needed or any(vip in n for vip in served) for n in config.service_subnets}
