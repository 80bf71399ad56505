# SPDX-License-Identifier: BSD-3-Clause
"""CPUs: isolated ones for busy workers, the governor, the NUMA node. None of it stops slbd."""

from collections.abc import Iterator

from slb.host.facts import Facts
from slb.host.files import Host, as_list, entries, numbers, text
from slb.host.finding import Finding, ok, warning
from slb.model.config import Config

CPU = "devices/system/cpu"
BEST = "performance"


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line about isolation, one about the governor, one about NICs on another node."""
    host, config = facts.host, facts.config
    online = numbers(host.sys / CPU / "online")
    workers = frozenset(config.engine.cpus.workers) if config else online
    yield _isolation(host, config)
    yield _governor(host, workers)
    if config:
        yield from _far_nics(facts, config)


def _isolation(host: Host, config: Config | None) -> Finding:
    isolated = numbers(host.sys / CPU / "isolated")
    found = f"isolated: {as_list(isolated) or 'none'}"
    if config is None:
        return ok("cpus", found)
    engine = config.engine
    busy = {cpu for n, cpu in enumerate(engine.cpus.workers) if engine.idle.of_worker(n) == "busy"}
    if not busy:
        return ok("cpus", f"{found}; no worker polls without pause")
    if lacking := frozenset(busy) - isolated:
        cpus = as_list(frozenset(busy) | isolated)
        fix = f"add isolcpus={cpus} nohz_full={cpus} rcu_nocbs={cpus} to the kernel command line"
        text = f"{found}; busy workers share CPU {as_list(lacking)} with whatever runs there"
        return warning("cpus", text, fix)
    return ok("cpus", f"{found}; every busy worker has one")


def _governor(host: Host, cpus: frozenset[int]) -> Finding:
    files = {cpu: host.sys / CPU / f"cpu{cpu}/cpufreq/scaling_governor" for cpu in cpus}
    found = {cpu: text(file) for cpu, file in files.items()}
    known = sorted({governor for governor in found.values() if governor})
    if not known:
        return ok("governor", "none; the hardware or the hypervisor decides on frequencies")
    if known == [BEST]:
        return ok("governor", f"{BEST} on CPU {as_list(cpus)}")
    slow = frozenset(cpu for cpu, governor in found.items() if governor not in ("", BEST))
    other = next(governor for governor in known if governor != BEST)
    named = as_list(slow)
    braced = f"{{{','.join(map(str, sorted(slow)))}}}" if len(slow) > 1 else named
    fix = f"echo {BEST} | tee /sys/{CPU}/cpu{braced}/cpufreq/scaling_governor"
    return warning("governor", f"{other} on CPU {named}, which wakes up slowly", fix)


def _far_nics(facts: Facts, config: Config) -> Iterator[Finding]:
    nodes = {
        int(folder.name[4:]): numbers(folder / "cpulist")
        for folder in entries(facts.host.sys / "devices/system/node")
        if folder.name[4:].isdecimal()
    }
    for _, port, device in facts.pci_devices():
        nic = facts.nic_of(device)
        if nic is None or nic.numa not in nodes:
            continue
        near = nodes[nic.numa]
        if far := frozenset(config.engine.cpus.workers) - near:
            text = f"port {port.name} is on NUMA node {nic.numa}, workers on CPU {as_list(far)} not"
            yield warning("numa", text, f"choose engine.cpus.workers among {as_list(near)}")
