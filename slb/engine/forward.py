# SPDX-License-Identifier: BSD-3-Clause
"""The forwarding view as the arrays that slb_forward_set takes."""

from typing import Any

from slb.engine.binding import ffi
from slb.engine.marshal import put_address, put_mac
from slb.model.forwarding import Forwarding


def put_forwarding(view: Forwarding) -> tuple[Any, int, Any, int, Any, int]:
    """Return routes, neighbours and own addresses, each with its length."""
    routes = ffi.new("struct slb_route[]", len(view.routes))
    for row, route in zip(routes, view.routes, strict=True):
        put_address(row.prefix, route.prefix.network_address)
        if route.gateway is not None:
            put_address(row.gateway, route.gateway)
        row.len, row.port = route.prefix.prefixlen, route.port
    neighbours = ffi.new("struct slb_neighbour[]", len(view.neighbours))
    for row, neighbour in zip(neighbours, view.neighbours, strict=True):
        put_address(row.addr, neighbour.address)
        put_mac(row.mac, neighbour.mac)
        row.port = neighbour.port
    own = ffi.new("struct slb_own_address[]", len(view.own))
    for row, address in zip(own, view.own, strict=True):
        put_address(row.addr, address.address)
        row.port = address.port
    return routes, len(routes), neighbours, len(neighbours), own, len(own)
