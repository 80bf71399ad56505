# SPDX-License-Identifier: BSD-3-Clause
"""What the fake engine tells: two workers, one port, a few sessions."""

from ipaddress import ip_address

from msgspec.structs import replace

from slb.model.probe import ProbeCount
from slb.model.views import (
    DropView,
    LaddrView,
    OspfNeighbour,
    OspfView,
    PortView,
    RouteView,
    RsView,
    RuleView,
    SessionView,
    SteeringView,
    Traffic,
    WorkerView,
)

LADDR = (
    LaddrView("198.18.0.1", 0, "lan0", active=117, sessions=20412),
    LaddrView("198.18.0.2", 1, "lan0", active=98, sessions=1_234_567),
)

PORT = PortView(
    name="lan0",
    driver="net_ixgbe",
    mac="02:00:00:00:00:10",
    mtu=1500,
    link_up=True,
    speed_mbps=10000,
    kernel_interface="slb0",
    kni_kind="tap",
    rx_queues=2,
    tx_queues=3,
    rx_checksum=True,
    tx_checksum=True,
    rx_packets=48_123_456,
    rx_bytes=3_512_345_678,
    rx_missed=3,
    rx_no_mbuf=0,
    rx_errors=1,
    tx_packets=48_120_001,
    tx_bytes=61_234_567_890,
    tx_errors=0,
    kni_to_kernel=5120,
    kni_from_kernel=4801,
    kni_dropped=2,
)

ROUTES = (
    RouteView("192.0.2.0/24", None, "lan0"),
    RouteView("0.0.0.0/0", "192.0.2.1", "lan0"),
)

STEERING = SteeringView(
    "lan0",
    "flow",
    "queues",
    "the device has room for 1 rules",
    rx_queues=2,
    handed_off=24_061_728,
    laddrs=2,
    ruled_laddrs=1,
    rules=1,
    misdirected=48_123,
    kni_queue=True,
)
RULES = (
    RuleView("lan0", "224.0.0.5", "any", None, 350),
    RuleView("lan0", "198.18.0.1", "any", 0, 117_000),
    RuleView("lan0", "2001:db8:18::1", "tcp", 1, None, stuck=True),
)
_ONE = ProbeCount(ip_address("198.18.0.1"), "lan0", 0, "flow", expected=True)
_TWO = ProbeCount(ip_address("198.18.0.2"), "lan0", 1, "flow", expected=True)
PROBES = (_ONE, _TWO)
# When they have come back, those to the second address to the first one's worker.
PROBED = (
    replace(_ONE, right=(8, 8)),
    replace(_TWO, handed=(8, 8)),
    replace(_TWO, worker=0, expected=False, elsewhere=(8, 8)),
)

OSPF = OspfView(
    mode="managed",
    running=True,
    router_id="192.0.2.2",
    neighbours=[OspfNeighbour("192.0.2.1", "192.0.2.1", "slb0", "Full/DR", True)],
    announced=["10.96.0.0/16", "198.18.0.1/32", "198.18.0.2/32"],
    withheld=None,
    adjacency={"OSPFv2": "full"},
)

SESSIONS = tuple(
    SessionView(
        client=f"203.0.113.{n}:{40000 + n}",
        vs="10.96.0.10:80/tcp",
        local=f"198.18.0.{1 + n % 2}:{1024 + n}",
        rs=f"10.10.0.{1 + n % 2}:8080",
        worker=n % 2,
        state="established" if n % 3 else "time_wait",
        idle_ms=400 * n * n,
        expires_ms=900_000 - 400 * n * n,
    )
    for n in range(1, 7)
)


def traffic(share: int, readings: int) -> Traffic:
    """Counters that move by a fixed step with every reading."""
    return Traffic(
        in_packets=1_204_518 * share + 1000 * readings,
        in_bytes=96_361_440 * share + 64_000 * readings,
        out_packets=1_604_518 * share + 2000 * readings,
        out_bytes=2_287_651_120 * share + 3_000_000 * readings,
        sessions=20_412 * share + 10 * readings,
        active=117 * share,
    )


def rs_view(vs: str, rs: str, weight: int) -> RsView:
    """An RS; the one whose address ends in 9 was removed and still has sessions."""
    removed = rs.startswith("10.10.0.9:")
    counters = Traffic(sessions=412, active=3) if removed else traffic(weight, 0)
    return RsView(vs, rs, weight, removed, counters)


def worker(number: int, generation: int, readings: int) -> WorkerView:
    """A worker: the second one has done more."""
    return WorkerView(
        worker=number,
        cpu=number + 1,
        lcore=number + 1,
        numa=0,
        idle=("busy", "adaptive")[number % 2],
        generation=generation,
        rounds=10**9 + readings,
        busy_cycles=250 * readings,
        idle_cycles=750 * readings,
        rx_packets=24_061_728 * number + 1000 * readings,
        tx_packets=24_060_000 * number + 1000 * readings,
        handed_off=12_030_864 * number,
        handed_in=12_030_864 * (1 - number),
        punted=2560,
        dropped=1221,
        sessions_active=107 + number,
        sessions_created=617_000 * number + 10 * readings,
        sessions_ended=616_000 * number,
        sessions_recycled=0,
        sessions_reset=0,
        sessions_capacity=1_000_000,
        untold=3 + number,
        session_bytes=80_793_600,
    )


def drops(readings: int) -> list[DropView]:
    """One reason that never occurs, one that did, one that goes on."""
    return [
        DropView("SHORT", 0, [0, 0]),
        DropView("NO_VS", 2402, [1204, 1198]),
        DropView("NOT_SYN", 250_017 + 5 * readings, [17 + 5 * readings, 250_000]),
    ]
