# SPDX-License-Identifier: BSD-3-Clause
"""The configuration's ports that are NICs: whether slbd can take them as they are bound now."""

from collections.abc import Iterator

from slb.host.bind import iommu_advice, noiommu
from slb.host.facts import Facts, load_advice, loaded
from slb.host.finding import Finding, error, ok, warning
from slb.host.network import use_of
from slb.host.pci import Nic, confined, group_members, nodes
from slb.host.pmd import Pmd
from slb.host.processes import holding


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each such port, and for each such member of a bond."""
    for place, port, device in facts.pci_devices():
        check = f"{place} {port.name}"
        nic = facts.nic_of(device)
        if nic is None:
            text = f"no NIC {device.partition(',')[0]} on this host"
            key = "ports[].members" if port.members else "ports[].device"
            yield error(check, text, f"correct {key}; 'slbctl nic list' shows those there are")
        else:
            yield _port(facts, check, nic)


def _port(facts: Facts, check: str, nic: Nic) -> Finding:
    if facts.engine is None:
        return warning(check, f"{nic.address}: its DPDK driver is not known", "install slbd")
    fitting = facts.engine.of(nic)
    if not fitting:
        text = f"{nic.address} ({nic.id}): slbd has no driver for it"
        return error(check, text, "use another NIC; see the line about this one")
    pmd = fitting[0]
    if pmd.shared:
        return _shared(facts, check, nic, pmd)
    if nic.driver not in pmd.kernel_drivers():
        return _wrong_driver(facts, check, nic, pmd)
    return _handed_over(facts, check, nic, pmd)


def _shared(facts: Facts, check: str, nic: Nic, pmd: Pmd) -> Finding:
    """A NIC that stays with the kernel's driver."""
    if nic.driver not in pmd.modules:
        driver = next((m for m in pmd.modules if m.endswith("_core")), pmd.modules[0])
        text = f"{nic.address} is bound to {nic.driver or 'no driver'}; {pmd.name} wants {driver}"
        return error(check, text, f"slbctl nic bind {nic.address} --driver {driver}")
    if lacking := [name for name in pmd.modules if not loaded(facts.host, name)]:
        text = f"{nic.address}: {pmd.name} needs {', '.join(lacking)}"
        return error(check, text, load_advice(facts.host, *lacking))
    return ok(check, f"{nic.address} stays with {nic.driver}, as {pmd.name} wants it")


def _wrong_driver(facts: Facts, check: str, nic: Nic, pmd: Pmd) -> Finding:
    text = f"{nic.address} is bound to {nic.driver or 'no driver'}, from which DPDK cannot take it"
    if (use := use_of(nic, facts.network)) and use.final:
        fix = "give slbd another NIC: this one is the host's way out"
        return error(check, f"{text}; {use.reason}", fix)
    driver = _best(facts, nic, pmd)
    command = f"slbctl nic bind {nic.address} --driver {driver}"
    if not loaded(facts.host, driver):
        command = f"{load_advice(facts.host, driver)} && {command}"
    if use:
        text, command = f"{text}; {use.reason}", f"{command} --force"
    return error(check, text, command)


def _best(facts: Facts, nic: Nic, pmd: Pmd) -> str:
    """VFIO where it takes the device; else a driver that does without, if DPDK's works with it."""
    allowed = pmd.kernel_drivers()
    order = ("vfio-pci", "uio_pci_generic", "igb_uio")
    if nic.group is None and not noiommu(facts.host):
        order = ("uio_pci_generic", "vfio-pci", "igb_uio")
    return next((driver for driver in order if driver in allowed), allowed[0])


def _handed_over(facts: Facts, check: str, nic: Nic, pmd: Pmd) -> Finding:
    found = f"{nic.address} is bound to {nic.driver}, for {pmd.name}"
    holders = holding(facts.host, nodes(facts.host, nic))
    if holders and not facts.running:
        pids = " ".join(str(holder.pid) for holder in holders)
        return error(check, f"{found}; {holders[0]} has it", f"stop it: kill {pids}")
    if nic.driver == "uio_pci_generic" and facts.config and facts.config.engine.shared_memory:
        text = f"{found}, which stops a NIC when a tool of engine.shared_memory ends"
        command = f"slbctl nic bind {nic.address} --driver vfio-pci"
        return error(check, text, f"{command}, or set engine.shared_memory: false")
    if nic.driver == "vfio-pci":
        if nic.group is None:
            return error(check, f"{found}, but is in no IOMMU group", iommu_advice(facts.host))
        others = group_members(facts.host, nic)
        if mates := [name for name, driver in others if driver not in ("", "vfio-pci")]:
            text = f"{found}; its IOMMU group {nic.group} also has {', '.join(mates)}"
            return error(check, text, f"slbctl nic bind {' '.join(mates)} --driver vfio-pci")
    if not confined(facts.host, nic) and facts.config and not facts.config.engine.hugepages:
        text = f"{found} without IOMMU, which wants memory at known physical addresses"
        return error(check, text, "set engine.hugepages: true, and reserve some")
    return ok(check, found)
