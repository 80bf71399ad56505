# SPDX-License-Identifier: BSD-3-Clause
"""What a kernel interface needs for IPv6 beside its addresses."""

import logging
from pathlib import Path
from socket import AF_INET6
from typing import Any

from slb.kernel.netlink import EXISTS, GONE, flat, ignoring

log = logging.getLogger(__name__)

CONF = Path("/proc/sys/net/ipv6/conf")
SETTINGS = {
    # Addresses and routes are those of the configuration and of BIRD, not a router's advice.
    "accept_ra": 0,
    "autoconf": 0,
    # The link-local address of an interface that comes up is of use at once, as neighbour discovery
    # and OSPF begin with it. It is made of the port's own MAC.
    "accept_dad": 0,
    # As IPv4 addresses do, those of IPv6 outlive `ip link set … down`.
    "keep_addr_on_down": 1,
}
# Last, as it makes the link-local address. A host that has switched IPv6 off and uses none with us
# keeps it so.
SWITCH = {"disable_ipv6": 0}
SCOPE_LINK = 253
NODAD, TENTATIVE, NOPREFIXROUTE = 0x02, 0x40, 0x200


def configure(name: str, used: bool) -> None:
    """Write the settings of an interface; a kernel without IPv6 has none, others are logged."""
    for key, value in (SETTINGS | SWITCH if used else SETTINGS).items():
        file = CONF / name / key
        try:
            if int(file.read_text()) != value:
                file.write_text(str(value))
        except FileNotFoundError:
            log.debug("%s: no such setting", file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s cannot be made %d: %s", file, value, reason)


def address_keys(answered: bool) -> dict[str, Any]:
    """Return what an address is added with; `answered`: it is there for neighbours alone.

    Deprecated, such an address is never the source of the kernel's own packets, whose answers
    would reach the workers; and no route to it is needed.
    """
    if answered:
        return {"flags": NODAD | NOPREFIXROUTE, "preferred_lft": 0}
    return {"flags": NODAD}


def settle_link_local(ip: Any, index: int) -> None:
    """End the detection of duplicates that began before the settings were made."""
    for message in map(flat, ip.get_addr(family=AF_INET6, index=index)):
        if message["scope"] == SCOPE_LINK and message.get("IFA_FLAGS", 0) & TENTATIVE:
            keys = {"index": index, "address": message["IFA_ADDRESS"]}
            keys["prefixlen"] = message["prefixlen"]
            _replace(ip, keys | {"scope": SCOPE_LINK, "flags": NODAD})


def _replace(ip: Any, keys: dict[str, Any]) -> None:
    ignoring(lambda: ip.addr("del", **keys), *GONE)
    ignoring(lambda: ip.addr("add", **keys), EXISTS)
