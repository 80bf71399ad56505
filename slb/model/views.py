# SPDX-License-Identifier: BSD-3-Clause
"""What the API answers; addresses and keys are texts here, ready to be shown."""

from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from slb.model.policy import VsTimeouts

T = TypeVar("T")


class Items(Struct, Generic[T], frozen=True):
    """A listing."""

    items: list[T]


class Version(Struct, frozen=True):
    """Who answers, and since when; no other start of slbd has the same `instance`.

    `reload_trouble`: why slb.yaml was not taken when it was read again last; empty if it was.
    """

    slb: str
    abi: int
    dpdk: str
    pid: int
    generation: int
    instance: str = ""
    uptime_s: float = 0.0
    reload_trouble: str = ""


class Generation(Struct, frozen=True):
    """The generation that every worker acknowledged."""

    generation: int


class Plan(Struct, frozen=True):
    """What `apply` did, or would do, one line for each change."""

    plan: list[str]
    generation: int


class Traffic(Struct, frozen=True):
    """Counters of a VS or an RS; `in` is client to RS."""

    in_packets: int = 0
    in_bytes: int = 0
    out_packets: int = 0
    out_bytes: int = 0
    sessions: int = 0
    active: int = 0


class Answers(Struct, frozen=True):
    """What became of the sessions of a VS or an RS; the others of `sessions` wait for their RS.

    `unanswered` ended before their RS answered; `refused`: it answered by an RST; `aborted`: their
    client was first. `resets`: RSTs by RS later on, before either end closed. `latency_us`, from
    SYN to SYN-ACK, is the sum of `samples`.
    """

    answered: int = 0
    unanswered: int = 0
    refused: int = 0
    aborted: int = 0
    resets: int = 0
    latency_us: int = 0
    samples: int = 0


class VsView(Struct, frozen=True):
    """A VS; `generation` is the one that last changed it.

    `draining` counts its RS with weight 0, `removed` former ones whose sessions still live.
    `timeouts` holds those that are its own. `refused`: packets that should have begun a session,
    for which there was no RS, no local port or no room.
    """

    vs: str
    scheduler: str
    rs_count: int
    draining: int
    removed: int
    generation: int
    traffic: Traffic
    one_packet: bool = False
    timeouts: VsTimeouts = VsTimeouts()
    client_address: str = "none"
    syn_proxy: bool = False
    refused: int = 0
    answers: Answers = Answers()


class RsView(Struct, frozen=True):
    """An RS of a VS; `removed`: deleted, its sessions still live; `vs_removed`: so was its VS."""

    vs: str
    rs: str
    weight: int
    removed: bool
    traffic: Traffic
    vs_removed: bool = False
    answers: Answers = Answers()


class RsAnswers(Struct, frozen=True, array_like=True):
    """An RS of a VS that is there, its sessions since then, and what became of them; a list.

    Sessions of a removed one count with those of the one that was added again.
    """

    vs: str
    rs: str
    sessions: int
    answered: int
    unanswered: int
    refused: int
    aborted: int
    resets: int
    latency_us: int
    samples: int


class LaddrView(Struct, frozen=True):
    """A local address and the worker that owns it; `state`: waiting, active or draining.

    A waiting one is new, and new sessions use it when probes have had their time. A draining one
    was taken away; it is there until its last session has ended. `configured`: slb.yaml has it, as
    slbd has read it last; what slb.yaml does not have is gone after slbd's next start.
    """

    address: str
    worker: int
    port: str
    active: int
    sessions: int
    state: str = "active"
    configured: bool = True


class MemberView(Struct, frozen=True):
    """A device of a port that is a bond; `state`: active, standby, waiting or down.

    Standby: of active-backup, its link is up and another carries the packets. Waiting: its link is
    up, and LACP has not agreed with the switch yet. `lost`: missed, without a buffer, or errors.
    """

    device: str
    driver: str
    state: str
    link_up: bool
    speed_mbps: int
    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int
    lost: int


class PortView(Struct, frozen=True):
    """A port, its counters and those of its kernel interface.

    `link_up` is None where nobody can say: behind a tap whose other end is in another namespace.
    `rx_checksum`, `tx_checksum`: the device checks IPv4 headers, and makes UDP checksums.
    """

    name: str
    driver: str
    mac: str
    mtu: int
    link_up: bool | None
    speed_mbps: int
    kernel_interface: str
    kni_kind: str
    rx_queues: int
    tx_queues: int
    rx_checksum: bool
    tx_checksum: bool
    rx_packets: int
    rx_bytes: int
    rx_missed: int
    rx_no_mbuf: int
    rx_errors: int
    tx_packets: int
    tx_bytes: int
    tx_errors: int
    kni_to_kernel: int
    kni_from_kernel: int
    kni_dropped: int
    members: list[MemberView] = []


class SteeringView(Struct, frozen=True):
    """How a port's replies find their worker; `handed_off` counts all workers' hand-offs.

    `ruled_laddrs` of its `laddrs` local addresses have `rules` in the device. `misdirected`:
    replies that came to a worker other than theirs, and were handed over. `kni_queue`: the KNI core
    has a receive queue of its own; where it could have had one, `reason` says why not. Of the
    addresses in use, `proved` have had probes come to their workers and `unproved` none; those of
    the addresses `wrong` came to another worker. `stuck_rules` of the rules the device would not
    give back: their addresses are gone.
    """

    port: str
    method: str
    spread: str
    reason: str
    rx_queues: int
    handed_off: int
    laddrs: int = 0
    ruled_laddrs: int = 0
    rules: int = 0
    misdirected: int = 0
    misdirected_pps: int = 0
    health: str = "ok"
    kni_queue: bool = False
    proved: int = 0
    unproved: int = 0
    wrong: list[str] = []
    stuck_rules: int = 0


class RuleView(Struct, frozen=True):
    """A rule in a port's device: what is sent to a local address goes to its worker.

    What is for routers or the port's own address goes to the KNI core: `worker` is None. `packets`
    says which of them: any, tcp, udp or fragment. `hits` is None where the device does not count.
    `stuck`: the address is gone, and the device would not give the rule back.
    """

    port: str
    address: str
    packets: str
    worker: int | None
    hits: int | None
    stuck: bool = False


class ProbeView(Struct, frozen=True):
    """What probes have shown of a local address in use; `method` is how this one is steered.

    `workers`: what is sent to it is for them; `seen_by`: those that the latest probes to come back
    came to. `state`: proved; handed-over: came to another worker, where the device has not been
    told to do better; wrong: where it has; unproved: none, or not all, came back so far.
    """

    port: str
    address: str
    method: str
    state: str
    workers: list[int]
    seen_by: list[int]
    attempts: int = 0


class WorkerView(Struct, frozen=True):
    """A worker core; `idle` is what it does when it finds no packet, busy or adaptive.

    `state`: active, it gets its `share` of all clients; draining, it has sessions from before, and
    gets no clients; or idle.
    `untold`: segments that should have told an RS its client's address, and could not.
    """

    worker: int
    cpu: int
    lcore: int
    numa: int
    idle: str
    generation: int
    rounds: int
    busy_cycles: int
    idle_cycles: int
    rx_packets: int
    tx_packets: int
    handed_off: int
    handed_in: int
    punted: int
    dropped: int
    sessions_active: int
    sessions_created: int
    sessions_ended: int
    sessions_recycled: int
    sessions_reset: int
    sessions_capacity: int
    untold: int
    session_bytes: int
    state: str = "active"
    share: float = 0.0


class WorkerBytes(NamedTuple):
    """Bytes of IP packets of sessions that a worker has moved, by their direction."""

    inward: int
    outward: int


class NeighbourView(Struct, frozen=True):
    """A neighbour as the workers know it."""

    address: str
    mac: str
    port: str


class RouteView(Struct, frozen=True):
    """A route as the workers know it; `gateway` None: directly connected."""

    prefix: str
    gateway: str | None
    port: str


class DropView(Struct, frozen=True):
    """How many packets were dropped for one reason, in all and by each worker."""

    reason: str
    total: int
    workers: list[int]


class SessionView(Struct, frozen=True):
    """A session."""

    client: str
    vs: str
    local: str
    rs: str
    worker: int
    state: str
    idle_ms: int
    expires_ms: int


class SessionPage(Struct, frozen=True):
    """The first sessions that match; `more`: there are others."""

    items: list[SessionView]
    more: bool


class SessionCount(Struct, frozen=True):
    """How many sessions match."""

    count: int


class SessionsReset(Struct, frozen=True):
    """How many sessions were ended; a TCP connection's stays in state close until its time-out."""

    sessions: int


class Stats(Struct, frozen=True):
    """The workers and the sum of their counters."""

    generation: int
    totals: dict[str, int]
    workers: list[WorkerView]


class OspfNeighbour(Struct, frozen=True):
    """A router that BIRD sees."""

    router_id: str
    address: str
    interface: str
    state: str
    full: bool


NO_QUORUM = "no quorum"


class OspfView(Struct, frozen=True):
    """What OSPF does; `withheld` says why nothing is announced, None when it is.

    `adjacency` has an entry for each OSPF that is spoken. `error`: why BIRD's state is not known,
    or why BIRD did not take what it should announce. `held`: prefixes that are not announced, and
    why; NO_QUORUM, or how long they are still to be well. `draining`: it is about to withdraw.
    `restarting`: the neighbours keep what was announced while BIRD is started again. `lost`:
    neighbours that were Full within the last hour and are not, while another one is.
    """

    mode: str
    running: bool
    router_id: str
    neighbours: list[OspfNeighbour]
    announced: list[str]
    withheld: str | None
    adjacency: dict[str, str] = {}
    error: str | None = None
    held: dict[str, str] = {}
    draining: bool = False
    restarting: bool = False
    lost: list[str] = []
