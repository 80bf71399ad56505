# SPDX-License-Identifier: BSD-3-Clause
"""The two keys an operator writes: a VS `10.96.0.10:80/tcp` and an RS `10.10.0.1:8080`.

An IPv6 address stands in brackets: `[2001:db8::1]:80/tcp`. Both are values: equal, hashable and
ordered by address, port and protocol, so that every listing comes out the same.
"""

import re
from typing import Final

from slb.errors import TextError
from slb.model.address import Address, parse_address, show

PROTOCOLS = ("tcp", "udp")


class Endpoint:
    """An address and a port."""

    __slots__ = ("address", "port")

    def __init__(self, address: Address, port: int) -> None:
        self.address: Final = address
        self.port: Final = port

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Parse `10.10.0.1:8080`; raises TextError."""
        if not (match := re.fullmatch(r"(\[([^\]]*)\]|[^:\[\]]*):([0-9]{1,5})", text, re.ASCII)):
            raise TextError(f"{show(text)} is not ADDRESS:PORT; write 10.10.0.1:8080")
        address = parse_address(match[2] if match[2] is not None else match[1])
        if (address.version == 6) != (match[2] is not None):
            raise TextError(f"{show(text)}: brackets are for IPv6 addresses alone")
        port = int(match[3])
        if not 1 <= port <= 65535:
            raise TextError(f"{show(text)}: port {port} is not within 1..65535")
        return cls(address, port)

    def __str__(self) -> str:
        if self.address.version == 6:
            return f"[{self.address}]:{self.port}"
        return f"{self.address}:{self.port}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def _order(self) -> tuple[int | str, ...]:
        return (self.address.version, int(self.address), self.port)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._order() == self._order()

    def __lt__(self, other: "Endpoint") -> bool:
        return self._order() < other._order()

    def __hash__(self) -> int:
        return hash(self._order())


class VsKey(Endpoint):
    """What names a virtual server: an address, a port and a protocol."""

    __slots__ = ("proto",)

    def __init__(self, address: Address, port: int, proto: str) -> None:
        super().__init__(address, port)
        self.proto: Final = proto

    @classmethod
    def parse(cls, text: str) -> "VsKey":
        """Parse `10.96.0.10:80/tcp`; raises TextError."""
        head, slash, proto = text.rpartition("/")
        if not slash or proto not in PROTOCOLS:
            raise TextError(
                f"{show(text)} is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp; write 10.96.0.10:80/tcp"
            )
        endpoint = Endpoint.parse(head)
        return cls(endpoint.address, endpoint.port, proto)

    def __str__(self) -> str:
        return f"{super().__str__()}/{self.proto}"

    def _order(self) -> tuple[int | str, ...]:
        return (*super()._order(), self.proto)
