# SPDX-License-Identifier: BSD-3-Clause
"""Which types of checks there are, and how each is made."""

from slb.health.datagram import echo, udp
from slb.health.grpc import grpc, grpcs
from slb.health.http import http, https
from slb.health.probe import Probe, tcp
from slb.health.program import none
from slb.health.resolve import resolve

PROBES: dict[str, Probe] = {
    "tcp": tcp,
    "http": http,
    "https": https,
    "udp": udp,
    "dns": resolve,
    "icmp": echo,
    "grpc": grpc,
    "grpcs": grpcs,
    "command": none,
}
