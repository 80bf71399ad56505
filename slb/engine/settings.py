# SPDX-License-Identifier: BSD-3-Clause
"""model.Config as the struct slb_config that slb_open takes."""

import os
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from slb.config.check_bonds import name_of
from slb.config.defaults import VHOST
from slb.engine import driver_order
from slb.engine.binding import ffi, lib, text, value
from slb.engine.marshal import put_address, put_mac, put_timeouts
from slb.model.address import Address
from slb.model.config import Bond, Config, Port


def to_c(config: Config) -> Any:
    """Return a filled struct slb_config."""
    c = ffi.new("struct slb_config *")
    c.abi_version = value("SLB_ABI_VERSION")
    c.n_workers, c.n_active = config.engine.ready, config.engine.workers
    _engine(c, config)
    put_timeouts(c.timeout_s, msgspec.structs.asdict(config.timeouts))
    c.punt_ospf_pps = config.punt.ospf_pps
    c.punt_arp_pps = config.punt.arp_pps
    c.punt_other_pps = config.punt.other_pps
    _traffic(c, config)
    c.n_ports = len(config.ports)
    for row, port in zip(c.ports, config.ports, strict=False):
        _port(row, port)
    dealt = list(deal(config))
    c.n_laddrs = len(dealt)
    for row, (address, worker, index) in zip(c.laddrs, dealt, strict=False):
        put_address(row.addr, address)
        row.worker, row.port = worker, index
    return c


def deal(config: Config) -> Iterator[tuple[Address, int, int]]:
    """Deal local addresses to the workers: address, worker, port.

    Each goes to the worker that has the fewest of its family on its port, and of these to the one
    that has the fewest in all: in turn, where there is one port.
    """
    workers = range(config.engine.ready)
    total = dict.fromkeys(((w, version) for w in workers for version in (4, 6)), 0)
    for index, port in enumerate(config.ports):
        here = dict.fromkeys(total, 0)
        for span in port.local_addresses:
            for address in span:
                keys = [(worker, address.version) for worker in workers]
                key = min(keys, key=lambda key: (here[key], total[key]))
                here[key] += 1
                total[key] += 1
                yield address, key[0], index


def kernel_kind(port: Port) -> str:
    """Settle which kind of kernel interface a port gets."""
    kind = port.kernel_interface.kind
    if kind != "auto":
        return kind
    return "vhost" if os.path.exists(VHOST) else "tap"


def _engine(c: Any, config: Config) -> None:
    engine = config.engine
    for index, cpu in enumerate(engine.cpus.workers):
        c.worker_cpus[index] = cpu
    c.admin_cpu, c.kni_cpu = engine.cpus.admin, engine.cpus.kni
    for index in range(engine.ready):
        c.worker_idle[index] = _idle(engine.idle.of_worker(index))
    c.admin_idle, c.kni_idle = _idle(engine.idle.admin), _idle(engine.idle.kni)
    c.use_hugepages, c.telemetry = engine.hugepages, engine.telemetry
    # The same daemon finds the same prefix again and can clear what a crash left behind.
    prefix = engine.file_prefix or f"slb-{zlib.crc32(config.api.socket.encode()):08x}"
    c.file_prefix = prefix.encode()
    c.shared_memory = engine.shared_memory
    c.ring_place = _ring_place() if engine.shared_memory else value("SLB_RING_PLACE_OWN")
    for name in ("log_level", "memory_mb", "sessions", "sessions6", "mbufs", "vs_max", "rs_max"):
        setattr(c, name, getattr(engine, name))


def _ring_place() -> int:
    drivers = ffi.new("struct slb_drivers *")
    lib.slb_drivers_of_tools(drivers)
    kind = text(drivers.pool_kind), drivers.kind_bytes
    found = driver_order.place(text(drivers.folder), *kind)
    return value("SLB_RING_PLACE_OWN") if found is None else found


def _idle(policy: str) -> int:
    return value(f"SLB_IDLE_{policy.upper()}")


def _traffic(c: Any, config: Config) -> None:
    tcp = config.tcp
    c.tcp_no_session = value(f"SLB_NO_SESSION_{tcp.no_session.upper()}")
    c.tcp_expired = value(f"SLB_EXPIRED_{tcp.expired.upper()}")
    c.tcp_renumber = tcp.renumber
    c.tcp_mss = value(f"SLB_MSS_{tcp.mss.upper()}") if isinstance(tcp.mss, str) else tcp.mss
    c.drain_tcp_s = config.drain.tcp_s
    c.recycle = config.recycle
    c.frag_datagrams, c.frag_held = config.fragments.datagrams, config.fragments.held


def _bond(row: Any, bond: Bond, members: tuple[str, ...]) -> None:
    row.mode = value(f"SLB_BOND_{bond.mode.upper().replace('-', '_')}")
    row.policy = value(f"SLB_BOND_{(bond.policy or 'l34').upper()}")
    row.primary = value("SLB_BOND_NO_PRIMARY")
    if bond.primary:
        row.primary = [name_of(member) for member in members].index(bond.primary)
    row.dedicated_queues = bond.dedicated_queues
    row.n_members = len(members)
    for field, member in zip(row.members, members, strict=False):
        ffi.memmove(field, member.encode(), len(member))


def _port(row: Any, port: Port) -> None:
    row.name = port.name.encode()
    row.device = port.device.encode()
    if port.bond:
        _bond(row.bond, port.bond, port.members)
    row.kni_name = (port.kernel_interface.name or "").encode()
    row.kni_kind = value(f"SLB_KNI_{kernel_kind(port).upper()}")
    if port.mac:
        put_mac(row.mac, port.mac)
    row.mtu, row.vlan = port.mtu, port.vlan
    own = port.addresses[: value("SLB_MAX_OWN")]
    row.n_own = len(own)
    for field, interface in zip(row.own, own, strict=False):
        put_address(field.addr, interface.ip)
        field.len = interface.network.prefixlen
    row.rx_desc, row.tx_desc = port.rx_descriptors, port.tx_descriptors
    row.max_queues = port.queues
    row.spread_hash = port.spread == "hash"
    row.steering = value(f"SLB_STEERING_{port.steering.upper().replace('-', '_')}")
    row.checksum_offload = value(f"SLB_OFFLOAD_{port.checksum_offload.upper()}")
