# SPDX-License-Identifier: BSD-3-Clause
"""What the announced prefixes are of: local addresses, or services."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from slb.model.views import LaddrView


def of_local_addresses(announced: Iterable[str], laddrs: Iterable[LaddrView]) -> int:
    """Return how many prefixes are those of local addresses; service subnets have none."""
    local = {ip_address(row.address) for row in laddrs}
    networks = map(ip_network, announced)
    return sum(
        net.network_address in local
        if net.prefixlen == net.max_prefixlen
        else any(address in net for address in local)
        for net in networks
    )
