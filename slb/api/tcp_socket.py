# SPDX-License-Identifier: BSD-3-Clause
"""A TCP socket that listens."""

import socket

from slb.model.endpoint import Endpoint


def listening(endpoint: Endpoint, backlog: int) -> socket.socket:
    """Return a socket that listens there, of one family alone, and never blocks; raises OSError."""
    family = socket.AF_INET6 if endpoint.address.version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The IPv4 addresses are not meant by the IPv6 wildcard.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((str(endpoint.address), endpoint.port))
        bound.listen(backlog)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
