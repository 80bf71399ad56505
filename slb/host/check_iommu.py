# SPDX-License-Identifier: BSD-3-Clause
"""How a NIC can be handed to a process here: VFIO with an IOMMU, without one, or UIO."""

from collections.abc import Iterator

from slb.host.bind import iommu_advice, noiommu
from slb.host.facts import Facts, load_advice, loaded
from slb.host.files import entries
from slb.host.finding import Finding, ok, warning
from slb.host.pci import USERSPACE


def find(facts: Facts) -> Iterator[Finding]:
    """Yield one line; what a port of the configuration lacks is said with the port."""
    host = facts.host
    have = [name for name in USERSPACE if (host.sys / "bus/pci/drivers" / name).is_dir()]
    groups = len(entries(host.sys / "kernel/iommu_groups"))
    if groups:
        text = f"IOMMU on, {groups} groups"
        if "vfio-pci" in have:
            yield ok("vfio", f"{text}, vfio-pci loaded")
        else:
            yield warning("vfio", f"{text}, vfio-pci not loaded", load_advice(host, "vfio-pci"))
    elif "vfio-pci" in have and noiommu(host):
        yield ok("vfio", "no IOMMU; vfio-pci loaded, in its unprotected no-IOMMU mode")
    elif uio := [name for name in have if name != "vfio-pci"]:
        yield ok("vfio", f"no IOMMU; {uio[0]} loaded, which does without")
    else:
        yield warning("vfio", f"no IOMMU{_vfio(facts)}", _advice(facts))


def _vfio(facts: Facts) -> str:
    return "; vfio-pci loaded" if loaded(facts.host, "vfio-pci") else ", vfio-pci not loaded"


def _advice(facts: Facts) -> str:
    host = facts.host
    if not (host.proc / "modules").exists() and not loaded(host, "vfio-pci"):
        return load_advice(host, "vfio-pci")
    return iommu_advice(host)
