# SPDX-License-Identifier: BSD-3-Clause
"""The configuration of slbd, key by key as slb.yaml writes it (docs/configuration.md).

A description in a Meta is what an error tells the operator to write.
"""

from ipaddress import IPv4Address
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from slb.model.address import Address, AddressRange, Interface, Network
from slb.model.endpoint import Endpoint
from slb.model.policy import Seconds
from slb.model.service import Service

Cpu = Annotated[int, Meta(ge=0, le=1023)]
Pps = Annotated[int, Meta(ge=1, le=100_000_000)]
Descriptors = Annotated[int, Meta(ge=32, le=32768)]
Idle = Literal["busy", "adaptive", "auto"]
Mss = Annotated[
    Literal["auto", "off"] | Annotated[int, Meta(ge=536, le=9000)],
    Meta(description="auto, off, or a whole number from 536 to 9000"),
]
# The kernel keeps 15 octets of an interface's name and refuses a slash and blanks.
InterfaceName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}\Z",
        description="an interface name: at most 15 letters, digits, _ . -",
    ),
]
AbsolutePath = Annotated[
    str,
    Meta(
        pattern=r"^/[!-~]+\Z",
        max_length=100,
        description="an absolute path without blanks, at most 100 characters",
    ),
]
PortName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}\Z",
        description="a name: at most 31 letters, digits, _ . -",
    ),
]
Device = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]{1,255}\Z",
        description='a PCI address or a vdev, "0000:3b:00.0" or "net_tap0,iface=lan0"',
    ),
]
FilePrefix = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,23})?\Z",
        description="a name: at most 24 letters, digits, _ -",
    ),
]
FileMode = Annotated[
    str, Meta(pattern=r"^0?[0-7]{3}\Z", description='an octal mode in quotes, "0660"')
]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping in the file; keys it does not know are errors."""


class Cpus(Section, frozen=True):
    """Which CPU runs what; no `workers`: 1..N where there are as many, else shared.

    No `admin` or `kni`: the first CPU that this process may use.
    """

    workers: tuple[Cpu, ...] = ()
    admin: Cpu | None = None
    kni: Cpu | None = None


class IdlePolicy(Section, frozen=True):
    """What a core does when it finds no packet; auto: adaptive where that harms nothing.

    `workers` is one word for all of them, or one for each.
    """

    workers: Idle | tuple[Idle, ...] = "auto"
    admin: Idle = "adaptive"
    kni: Idle = "adaptive"

    def of_worker(self, number: int) -> Idle:
        """Return a worker's own word."""
        return self.workers if isinstance(self.workers, str) else self.workers[number]


class Engine(Section, frozen=True):
    """Cores, memory and table sizes.

    Clients are spread over `workers`, of `workers_max` that are made ready; 0: no others.
    """

    workers: Annotated[int, Meta(ge=1, le=32)] = 1
    workers_max: Annotated[int, Meta(ge=0, le=32)] = 0
    cpus: Cpus = field(default_factory=Cpus)
    idle: IdlePolicy = field(default_factory=IdlePolicy)
    hugepages: bool = True
    memory_mb: Annotated[int, Meta(ge=0, le=1_048_576)] = 0
    sessions: Annotated[int, Meta(ge=1024, le=1_000_000_000)] = 1_000_000
    sessions6: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    mbufs: Annotated[int, Meta(ge=1024, le=16_777_216)] = 65536
    vs_max: Annotated[int, Meta(ge=1, le=65534)] = 4096
    rs_max: Annotated[int, Meta(ge=1, le=1_048_576)] = 65536
    log_level: Annotated[int, Meta(ge=1, le=8)] = 4
    telemetry: bool = False
    shared_memory: bool = False
    file_prefix: FilePrefix = ""

    @property
    def ready(self) -> int:
        """How many workers are made ready."""
        return self.workers_max or self.workers


class KernelInterface(Section, frozen=True):
    """The kernel's end of a port; no `name`: slb0 for the first port, slb1 …"""

    name: InterfaceName | None = None
    kind: Literal["auto", "tap", "vhost", "none"] = "auto"


class StaticRoute(Section, frozen=True):
    """A route that slbd puts on the kernel interface."""

    to: Network
    via: Address


class Bond(Section, frozen=True):
    """How a port of several devices uses them; no `policy`: by addresses and ports."""

    mode: Literal["active-backup", "balance-xor", "lacp"]
    policy: Literal["l2", "l23", "l34"] | None = None
    primary: Device | None = None
    dedicated_queues: bool = False


class Port(Section, frozen=True):
    """A port of the engine with its kernel interface and its local addresses.

    It has one device, or it is a bond of its members.
    """

    name: PortName
    device: Device = ""
    members: Annotated[tuple[Device, ...], Meta(min_length=2, max_length=8)] = ()
    bond: Bond | None = None
    mac: str = ""
    mtu: Annotated[int, Meta(ge=576, le=9600)] = 1500
    vlan: Annotated[int, Meta(ge=0, le=4094)] = 0
    queues: Annotated[int, Meta(ge=0, le=32)] = 0
    rx_descriptors: Descriptors = 1024
    tx_descriptors: Descriptors = 1024
    spread: Literal["auto", "hash"] = "auto"
    steering: Literal["auto", "flow", "rss-port", "soft"] = "auto"
    misdirected_pps: Pps = 1000
    checksum_offload: Literal["auto", "on", "off"] = "auto"
    kernel_interface: KernelInterface = field(default_factory=KernelInterface)
    addresses: tuple[Interface, ...] = ()
    routes: tuple[StaticRoute, ...] = ()
    local_addresses: tuple[AddressRange, ...] = ()

    def devices(self) -> tuple[str, ...]:
        """Return the port's one device, or those of the bond."""
        return self.members or (self.device,)


class Timeouts(Section, frozen=True):
    """Seconds a session lives without a packet, by its state."""

    tcp_syn_sent: Seconds = 30
    tcp_syn_recv: Seconds = 30
    tcp_established: Seconds = 900
    tcp_fin_wait: Seconds = 30
    tcp_close_wait: Seconds = 30
    tcp_last_ack: Seconds = 30
    tcp_time_wait: Seconds = 10
    tcp_close: Seconds = 5
    udp_oneway: Seconds = 30
    udp_replied: Seconds = 60


class Tcp(Section, frozen=True):
    """What TCP connections get beside full NAT."""

    no_session: Literal["drop", "reset"] = "drop"
    expired: Literal["drop", "reset"] = "drop"
    mss: Mss = "auto"
    renumber: bool = True


class Drain(Section, frozen=True):
    """How long what is on its way out lives; 0: until it ends by itself.

    `tcp_s`: sessions of a removed RS; `workers_s`: those of workers that get no more clients.
    """

    tcp_s: Annotated[int, Meta(ge=0, le=86400)] = 0
    workers_s: Annotated[int, Meta(ge=0, le=86400)] = 0


class Fragments(Section, frozen=True):
    """What a worker keeps of fragmented datagrams; no datagrams: fragments are dropped."""

    datagrams: Annotated[int, Meta(ge=0, le=1_048_576)] = 1024
    held: Annotated[int, Meta(ge=0, le=65535)] = 512


class Punt(Section, frozen=True):
    """Packets a second that may go to the kernel, by kind, for the whole process."""

    ospf_pps: Pps = 1000
    arp_pps: Pps = 1000
    other_pps: Pps = 5000


class OspfKey(Section, frozen=True):
    """A key of OSPF's authentication; the secret is in a file that nobody else may read."""

    id: Annotated[int, Meta(ge=1, le=255)]
    secret_file: AbsolutePath


class OspfAuth(Section, frozen=True):
    """How packets of OSPF are signed: with the first key; each of the keys is accepted."""

    algorithm: Literal["md5", "hmac-sha-256", "hmac-sha-384", "hmac-sha-512"]
    keys: Annotated[tuple[OspfKey, ...], Meta(min_length=1, max_length=8)]


class OspfLink(Section, frozen=True):
    """What differs on one of the interfaces; nothing: as on all of them."""

    interface: InterfaceName
    area: IPv4Address | None = None
    cost: Annotated[int, Meta(ge=1, le=65535)] | None = None
    network_type: Literal["broadcast", "ptp"] | None = None


class OspfBfd(Section, frozen=True):
    """How soon a silent neighbour is given up: after `multiplier` packets that did not come."""

    interval_ms: Annotated[int, Meta(ge=10, le=10_000)] = 100
    multiplier: Annotated[int, Meta(ge=2, le=100)] = 3


class Ospf(Section, frozen=True):
    """How routes are announced; `managed`: slbd runs a BIRD of its own."""

    mode: Literal["off", "managed", "system"] = "off"
    router_id: IPv4Address | None = None
    area: IPv4Address = IPv4Address("0.0.0.0")
    stub_areas: tuple[IPv4Address, ...] = ()
    announce: Literal["subnets", "vips"] = "subnets"
    hello_s: Annotated[int, Meta(ge=1, le=65535)] = 1
    dead_s: Annotated[int, Meta(ge=2, le=65535)] = 4
    cost: Annotated[int, Meta(ge=1, le=65535)] = 10
    network_type: Literal["broadcast", "ptp"] = "broadcast"
    priority: Annotated[int, Meta(ge=0, le=255)] = 1
    interfaces: tuple[InterfaceName, ...] = ()
    links: tuple[OspfLink, ...] = ()
    metric: Annotated[int, Meta(ge=1, le=16_777_213)] = 10_000
    metric_type: Literal[1, 2] = 2
    route_type: Literal["external", "stub"] = "external"
    quorum: Annotated[int, Meta(ge=0, le=65535)] = 0
    hold_s: Annotated[int, Meta(ge=0, le=3600)] = 0
    hold_max_s: Annotated[int, Meta(ge=1, le=86400)] = 300
    drain_s: Annotated[int, Meta(ge=0, le=600)] = 0
    drain_metric: Annotated[int, Meta(ge=1, le=16_777_213)] = 16_777_213
    auth: OspfAuth | None = None
    auth_v3: OspfAuth | Literal["none"] | None = None
    bfd: OspfBfd | None = None
    graceful_restart: Literal["off", "aware", "on"] = "aware"
    control_socket: AbsolutePath = "/run/bird/bird.ctl"
    include_file: AbsolutePath = "/etc/bird/slb.conf"
    await_services_s: Annotated[int, Meta(ge=0, le=3600)] = 0

    def signed(self, version: int) -> OspfAuth | None:
        """How packets that carry IPv4 (4) or IPv6 (6) are signed; None: not at all."""
        if version == 6 and self.auth_v3 is not None:
            return self.auth_v3 if isinstance(self.auth_v3, OspfAuth) else None
        return self.auth

    @property
    def keys(self) -> tuple[OspfKey, ...]:
        """Every key that is in use or could be."""
        auths = (self.auth, self.signed(6))
        return tuple(key for auth in auths if auth for key in auth.keys)


class Api(Section, frozen=True):
    """Where the API listens."""

    socket: AbsolutePath = "/run/slb/slbd.sock"
    mode: FileMode = "0660"
    group: Annotated[str, Meta(max_length=32, description="a group's name")] = ""


class Metrics(Section, frozen=True):
    """Where Prometheus finds the metrics besides the API's socket, and how many there may be."""

    address: Endpoint | None = None
    rs_max: Annotated[int, Meta(ge=0, le=1_048_576)] = 10_000


class Config(Section, frozen=True):
    """The whole file."""

    ports: Annotated[tuple[Port, ...], Meta(min_length=1, max_length=8)]
    engine: Engine = field(default_factory=Engine)
    service_subnets: tuple[Network, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    tcp: Tcp = field(default_factory=Tcp)
    drain: Drain = field(default_factory=Drain)
    recycle: bool = True
    fragments: Fragments = field(default_factory=Fragments)
    punt: Punt = field(default_factory=Punt)
    ospf: Ospf = field(default_factory=Ospf)
    api: Api = field(default_factory=Api)
    metrics: Metrics = field(default_factory=Metrics)
    services: tuple[Service, ...] = ()
