# SPDX-License-Identifier: BSD-3-Clause
"""How much memory the engine will ask for: what csrc/engine/pools.c works out, without the engine.

A test holds the two together; the engine's own number is the one that counts.
"""

from slb.model.config import Config

PAGE = 4096
# Octets, as csrc has them: rte_mbuf with its padding, a session's line, a group of its index.
MBUF, ROOM, HEADROOM, L2_ROOM = 128 + 128, 2176, 128, 32
LINE, GROUP, GROUP_SLOTS, ACKS = 64, 64, 12, 12
A_VS, AN_RS, A_DATAGRAM, HELD = 288, 320, 148, 16
FREED_PORTS = 64 * (8 + 256 * 16)
SPARE_MB, SPARE_WORKER_MB, TOOLS_MB = 64, 8, 32
KNI_DESC, POOL_CACHE = 512, 256
LACP_MBUF, LACP_SPARE = 512, 64


def needed_mb(config: Config) -> int:
    """MiB for a config whose defaults are filled in; a few per cent more or less."""
    engine = config.engine
    if engine.memory_mb:
        return engine.memory_mb
    total = pool_bytes(config) + engine.ready * _worker_bytes(config) + _lacp_bytes(config)
    tools = TOOLS_MB if engine.shared_memory else 0
    return (total >> 20) + SPARE_MB + SPARE_WORKER_MB * engine.ready + tools


def pool_bytes(config: Config) -> int:
    """The packet buffers of one NUMA node, with those of all queues for the KNI core."""
    widest = max(port.mtu for port in config.ports) + HEADROOM + L2_ROOM
    room = _up(max(ROOM, widest), 64) + MBUF
    if not config.engine.hugepages:
        room = _up(room, PAGE)
    return (config.engine.mbufs + _kni_mbufs(config)) * room * 11 // 10


def _kni_mbufs(config: Config) -> int:
    """What the KNI core's own queues may need, whether or not the devices have them."""
    return sum(
        port.rx_descriptors * len(port.devices()) + KNI_DESC + POOL_CACHE
        for port in config.ports
        if port.kernel_interface.kind != "none" and port.steering in ("auto", "flow")
    )


def _lacp_bytes(config: Config) -> int:
    """Buffers for the frames of LACP, which each member of a bond has of its own."""
    return sum(
        len(port.members)
        * (config.engine.ready * port.tx_descriptors + LACP_SPARE)
        * (LACP_MBUF * 11 // 10)
        for port in config.ports
        if port.bond and port.bond.mode == "lacp"
    )


def _worker_bytes(config: Config) -> int:
    engine, fragments = config.engine, config.fragments
    line = LINE + (ACKS if config.tcp.expired == "reset" else 0)
    lines = engine.sessions + 2 * engine.sessions6
    return (
        lines * line
        + _groups(engine.sessions + engine.sessions6) * GROUP
        + fragments.datagrams * A_DATAGRAM
        + fragments.held * HELD
        + engine.vs_max * A_VS
        + engine.rs_max * AN_RS
        + FREED_PORTS
    )


def _groups(capacity: int) -> int:
    """A power of two that two keys for each session fill to three quarters at most."""
    needed = -(-capacity * 8 // (GROUP_SLOTS * 3))
    return max(2, 1 << (needed - 1).bit_length())


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit
