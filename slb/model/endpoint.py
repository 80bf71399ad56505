# SPDX-License-Identifier: BSD-3-Clause
"""The two keys an operator writes: a VS `10.96.0.10:80/tcp` and an RS `10.10.0.1:8080`.

An IPv6 address stands in brackets: `[2001:db8::1]:80/tcp`. Both are values: equal, hashable and
ordered by address, port and protocol, so that every listing comes out the same.
"""

import re
from functools import lru_cache
from typing import Final

from slb.errors import TextError
from slb.model.address import Address, parse_address, show

PROTOCOLS = ("tcp", "udp")
# The same texts come again and again, tens of thousands at a time.
PARSED = 1 << 17
_WRITTEN = re.compile(r"(\[([^\]]*)\]|[^:\[\]]*):([0-9]{1,5})", re.ASCII)


class Endpoint:
    """An address and a port; `order` is what sets of them are sorted by."""

    __slots__ = ("_text", "address", "order", "port")

    def __init__(self, address: Address, port: int) -> None:
        self.address: Final = address
        self.port: Final = port
        self.order: tuple[int, int, int, str] = (address.version, int(address), port, "")
        self._text = ""

    @classmethod
    @lru_cache(PARSED)
    def parse(cls, text: str) -> "Endpoint":
        """Parse `10.10.0.1:8080`; raises TextError."""
        if not (match := _WRITTEN.fullmatch(text)):
            raise TextError(f"{show(text)} is not ADDRESS:PORT; write {_meant(text)}")
        address = parse_address(match[2] if match[2] is not None else match[1])
        if (address.version == 6) != (match[2] is not None):
            raise TextError(f"{show(text)}: brackets are for IPv6 addresses alone")
        port = int(match[3])
        if not 1 <= port <= 65535:
            raise TextError(f"{show(text)}: port {port} is not within 1..65535")
        return cls(address, port)

    def __str__(self) -> str:
        if not self._text:
            self._text = self._written()
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.order == self.order

    def __lt__(self, other: "Endpoint") -> bool:
        return self.order < other.order

    def __hash__(self) -> int:
        return hash(self.order)

    def _written(self) -> str:
        if self.address.version == 6:
            return f"[{self.address}]:{self.port}"
        return f"{self.address}:{self.port}"


class VsKey(Endpoint):
    """What names a virtual server: an address, a port and a protocol."""

    __slots__ = ("proto",)

    def __init__(self, address: Address, port: int, proto: str) -> None:
        super().__init__(address, port)
        self.proto: Final = proto
        self.order = (*self.order[:3], proto)

    @classmethod
    @lru_cache(PARSED)
    def parse(cls, text: str) -> "VsKey":
        """Parse `10.96.0.10:80/tcp`; raises TextError."""
        head, slash, proto = text.rpartition("/")
        if not slash or proto not in PROTOCOLS:
            raise TextError(
                f"{show(text)} is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp; write 10.96.0.10:80/tcp"
            )
        endpoint = Endpoint.parse(head)
        return cls(endpoint.address, endpoint.port, proto)

    def _written(self) -> str:
        return f"{super()._written()}/{self.proto}"


def _meant(text: str) -> str:
    """What may have been meant: an IPv6 address without its brackets, or without a port."""
    head, _, port = text.rpartition(":")
    if re.fullmatch("[0-9]{1,5}", port, re.ASCII) and _is_ipv6(head):
        return f"[{head}]:{port}"
    return f"[{text}]:8080" if _is_ipv6(text) else "10.10.0.1:8080"


def _is_ipv6(text: str) -> bool:
    try:
        return parse_address(text).version == 6
    except TextError:
        return False
