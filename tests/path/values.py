# SPDX-License-Identifier: BSD-3-Clause
"""What goes into a harness and what it tells, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packets.nic import Nic


@dataclass(frozen=True)
class Settings:
    """What a harness is opened with; a local address is (address, worker, port)."""

    workers: int = 2
    ports: int = 2
    laddrs: Sequence[tuple[str, int, int]] = (
        ("198.18.0.1", 0, 0),
        ("198.18.0.2", 1, 0),
        ("2001:db8:18::1", 0, 0),
        ("2001:db8:18::2", 1, 0),
    )
    sessions: int = 1000
    sessions6: int = 1000
    vs_max: int = 64
    rs_max: int = 256
    datagrams: int = 1024
    held: int = 512
    mtu: int = 1500
    pps: Mapping[str, int] = field(default_factory=dict)  # ospf, arp, other
    timeouts: Mapping[str, int] = field(default_factory=dict)  # TCP_SYN_SENT: seconds
    spread_hash: frozenset[int] = frozenset()  # ports
    kni: bool = False  # every port has a kernel interface
    own: Sequence[str] = ()  # of port 0, with prefix lengths
    nics: Mapping[int, Nic] = field(default_factory=dict)  # of ports
    steering: str = "AUTO"  # of these ports
    queues: int = 0  # that a port may have; 0: any number
    vlans: Mapping[int, int] = field(default_factory=dict)  # by port
    renumber: bool = True
    options: Mapping[str, int] = field(default_factory=dict)  # other fields of struct slb_config


@dataclass(frozen=True)
class Op:
    """One change of VS and RS; the kind as in enum slb_op_kind."""

    kind: str
    vs: str
    rs: str = ""
    weight: int = 1
    scheduler: str = "rr"
    one_packet: bool = False
    timeouts: Mapping[str, int] = field(default_factory=dict)  # as in Settings
    client_address: str = "none"
    syn_proxy: bool = False


@dataclass(frozen=True)
class Route:
    """A route; no gateway: connected."""

    prefix: str
    gateway: str = ""
    port: int = 0


@dataclass(frozen=True)
class Neighbour:
    """A neighbour on a port's link."""

    address: str
    mac: str
    port: int = 0


@dataclass(frozen=True)
class View:
    """What is forwarded where."""

    routes: Sequence[Route] = ()
    neighbours: Sequence[Neighbour] = ()
    own: Sequence[str] = ()


@dataclass(frozen=True)
class Traffic:
    """struct slb_traffic, and of struct slb_answers what does not depend on the time."""

    in_packets: int
    in_bytes: int
    out_packets: int
    out_bytes: int
    sessions: int
    active: int
    answered: int = 0
    unanswered: int = 0
    refused: int = 0
    aborted: int = 0
    resets: int = 0


@dataclass(frozen=True)
class Vs:
    """struct slb_vs_info."""

    vs: str
    scheduler: str
    n_rs: int
    draining: int
    removed: int
    generation: int
    traffic: Traffic
    refused: int = 0


@dataclass(frozen=True)
class Rs:
    """struct slb_rs_info."""

    vs: str
    rs: str
    weight: int
    removed: bool
    traffic: Traffic
    vs_removed: bool = False
    latency_us: int = field(default=0, compare=False)
    samples: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Laddr:
    """struct slb_laddr_info."""

    address: str
    worker: int
    port: int
    active: int
    sessions: int
    draining: bool = False
    waiting: bool = False


@dataclass(frozen=True)
class Session:
    """struct slb_session_info."""

    client: str
    vs: str
    local: str
    rs: str
    worker: int
    state: str
    idle_ms: int
    expires_ms: int
