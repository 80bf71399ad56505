# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of slb-agent's API over TCP, key by key as agent.yaml writes it.

A description in a Meta is what an error tells the operator to write.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from slb.model.config import AbsolutePath, Section
from slb.model.desired import OwnerName
from slb.model.endpoint import Endpoint

Role = Literal["read", "write"]
San = Annotated[
    str,
    Meta(
        pattern=r"^(DNS|URI):[!-~]{1,250}\Z",
        description='a name of the certificate in quotes, "DNS:ops.example.net" or "URI:…"',
    ),
]
TokenName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,31}\Z",
        description="a name: at most 32 small letters, digits, . _ -",
    ),
]
TokenHash = Annotated[
    str,
    Meta(
        pattern=r"^sha256:[0-9a-f]{32}:[0-9a-f]{64}\Z",
        description="the hash that 'slbctl token new' printed",
    ),
]


class Tls(Section, frozen=True):
    """What the agent shows, and which certificates of clients it trusts."""

    certificate: AbsolutePath
    key: AbsolutePath
    client_ca: AbsolutePath | None = None


class ClientRule(Section, frozen=True):
    """What who has a certificate of that name may do."""

    identity: San
    role: Role = "read"
    owners: tuple[OwnerName, ...] = ()


class TokenRule(Section, frozen=True):
    """What who has the token may do; the token itself is nowhere here."""

    name: TokenName
    hash: TokenHash
    role: Role = "read"
    owners: tuple[OwnerName, ...] = ()


class Limits(Section, frozen=True):
    """What clients may take of the agent: over TCP, and its requests on the Unix socket."""

    requests_per_s: Annotated[int, Meta(ge=1, le=100_000)] = 100
    burst: Annotated[int, Meta(ge=1, le=100_000)] = 200
    connections: Annotated[int, Meta(ge=1, le=10_000)] = 256
    idle_s: Annotated[int, Meta(ge=1, le=3600)] = 60


class Metrics(Section, frozen=True):
    """Of how many RS that are checked there are figures each; with more, of none."""

    rs_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000


class AgentConfig(Section, frozen=True):
    """The whole file."""

    listen: Annotated[tuple[Endpoint, ...], Meta(max_length=16)] = ()
    any_address: bool = False
    tls: Tls | None = None
    clients: tuple[ClientRule, ...] = ()
    tokens: tuple[TokenRule, ...] = ()
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
