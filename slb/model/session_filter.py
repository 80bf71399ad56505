# SPDX-License-Identifier: BSD-3-Clause
"""Which sessions a listing is about."""

from msgspec import Struct

from slb.errors import TextError
from slb.model.address import Address, parse_address
from slb.model.endpoint import Endpoint, VsKey


class Peer(Struct, frozen=True):
    """An address with a port, or with any (0)."""

    address: Address
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Parse `ADDRESS` or `ADDRESS:PORT`; raises TextError."""
        try:
            return cls(parse_address(text))
        except TextError:
            endpoint = Endpoint.parse(text)
            return cls(endpoint.address, endpoint.port)


class SessionFilter(Struct, frozen=True):
    """What a session must have; None matches every session."""

    vs: VsKey | None = None
    rs: Peer | None = None
    client: Peer | None = None
    worker: int | None = None
