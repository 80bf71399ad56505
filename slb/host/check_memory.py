# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages: how many there are, on which NUMA node, and whether the configuration has enough."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slb.host import files, memory
from slb.host.facts import Facts
from slb.host.files import Host, entries, number
from slb.host.finding import Finding, error, ok, warning
from slb.model.config import Config

_POOL = re.compile(r"hugepages-([0-9]{1,9})kB")
_NODE = re.compile(r"node([0-9]{1,4})")
USUAL_KB = 2048


@dataclass(frozen=True)
class Pool:
    """The hugepages of one size on one NUMA node."""

    node: int
    kb: int
    total: int
    free: int

    @property
    def free_mb(self) -> int:
        """The free ones in MiB."""
        return self.free * self.kb // 1024


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each pool that has pages, and one on whether they are enough."""
    found = pools(facts.host)
    for pool in found:
        if pool.total:
            size = f"{pool.kb // 1024} MB" if pool.kb < 1 << 20 else f"{pool.kb >> 20} GB"
            text = f"node {pool.node}: {pool.free} of {pool.total} pages of {size} free"
            yield ok("hugepages", text)
    if facts.config is None:
        if not any(pool.total for pool in found):
            yield warning("hugepages", "none reserved", _reserve(found, 0, 1024))
    elif not facts.config.engine.hugepages:
        yield from _ordinary(facts)
    elif facts.running:
        yield ok("hugepages", "slbd runs and has its share")
    else:
        yield from _enough(facts, facts.config, found)
    if facts.config is not None and facts.config.engine.shared_memory:
        yield _named(facts.host)


def pools(host: Host) -> list[Pool]:
    """Every pool; those of a host without NUMA count as node 0's."""
    found = [
        _pool(int(match[1]), path)
        for folder in entries(host.sys / "devices/system/node")
        if (match := _NODE.fullmatch(folder.name))
        for path in entries(folder / "hugepages")
    ]
    found = found or [_pool(0, path) for path in entries(host.sys / "kernel/mm/hugepages")]
    return [pool for pool in found if pool is not None]


def _pool(node: int, path: Path) -> Pool | None:
    match = _POOL.fullmatch(path.name)
    total, free = number(path / "nr_hugepages"), number(path / "free_hugepages")
    return Pool(node, int(match[1]), total or 0, free or 0) if match else None


def _named(host: Host) -> Finding:
    """Whether hugepages can have names, by which DPDK's tools find them."""
    rows = (line.split() for line in files.text(host.proc / "self/mounts").splitlines())
    folders = [row[1] for row in rows if len(row) > 2 and row[2] == "hugetlbfs"]
    if folders:
        return ok("hugepages", f"shared with DPDK's tools in {folders[0]}")
    fix = "mount -t hugetlbfs hugetlbfs /dev/hugepages, or set engine.shared_memory: false"
    return error("hugepages", "engine.shared_memory: no hugetlbfs is mounted", fix)


def _ordinary(facts: Facts) -> Iterator[Finding]:
    text = "not used (engine.hugepages: false)"
    if facts.pci_devices():
        fix = "set engine.hugepages: true, and reserve some"
        yield warning("hugepages", f"{text}, which a NIC should not do without", fix)
    else:
        yield ok("hugepages", text)


def _enough(facts: Facts, config: Config, found: list[Pool]) -> Iterator[Finding]:
    needed = memory.needed_mb(config)
    free = sum(pool.free_mb for pool in found)
    about = "" if config.engine.memory_mb else "about "
    text = f"{about}{needed} MB needed, {free} MB free"
    if free < needed:
        node = min(_nodes(facts, config), default=0)
        yield error("hugepages", text, _reserve(found, node, needed - free))
        return
    yield ok("hugepages", text)
    pool_mb = memory.pool_bytes(config) >> 20
    for node, (what, least) in sorted(_nodes(facts, config).items()):
        here = [pool for pool in found if pool.node == node]
        if (have := sum(pool.free_mb for pool in here)) < max(least * pool_mb, 1):
            text = f"node {node} has {have} MB free, and {what} wants its memory there"
            yield error("hugepages", text, _reserve(here, node, max(pool_mb, 64) - have))


def _nodes(facts: Facts, config: Config) -> dict[int, tuple[str, int]]:
    """The nodes that need memory of their own: for whom, and whether for packet buffers."""
    wanted: dict[int, tuple[str, int]] = {}
    for node in entries(facts.host.sys / "devices/system/node"):
        if match := _NODE.fullmatch(node.name):
            cpus = [cpu for cpu in config.engine.cpus.workers if (node / f"cpu{cpu}").exists()]
            if cpus:
                wanted[int(match[1])] = (f"the worker on CPU {cpus[0]}", 0)
    for _, port, device in facts.pci_devices():
        if (nic := facts.nic_of(device)) and nic.numa >= 0:
            wanted[nic.numa] = (f"port {port.name}", 1)
    return wanted


def _reserve(found: list[Pool], node: int, more_mb: int) -> str:
    """The command that adds pages of the usual size."""
    total = sum(pool.total for pool in found if pool.node == node and pool.kb == USUAL_KB)
    pages = total + -(-more_mb * 1024 // USUAL_KB)
    file = f"/sys/devices/system/node/node{node}/hugepages/hugepages-{USUAL_KB}kB/nr_hugepages"
    return f"echo {pages} > {file}"
