# SPDX-License-Identifier: BSD-3-Clause
"""The NICs of the host, and whether DPDK can drive them."""

from collections.abc import Iterator

from slb.host.facts import Facts
from slb.host.finding import Finding, ok, warning
from slb.host.pci import Nic

LINK = {True: "up", False: "down", None: "unknown"}


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each NIC."""
    if not facts.nics:
        yield warning(
            "nic", "no NIC on the PCI bus", 'use a vdev as a port, device: "net_tap0,iface=lan0"'
        )
    for nic in facts.nics:
        yield _nic(facts, nic)


def _nic(facts: Facts, nic: Nic) -> Finding:
    check = f"nic {nic.address}"
    found = f"{nic.id}, {', '.join([*nic.interfaces, nic.driver or 'no driver'])}"
    found += f", NUMA node {nic.numa if nic.numa >= 0 else 'unknown'}, link {LINK[nic.link_up]}"
    if facts.engine is None:
        return warning(check, found, "install slbd to know whether it can drive this NIC")
    if fitting := facts.engine.of(nic):
        return ok(check, f"{found}, driven by {', '.join(pmd.name for pmd in fitting)}")
    if facts.dpdk is not None and (newer := facts.dpdk.of(nic)):
        found += f"; slbd has no driver for it, but the installed DPDK has {newer[0].name}"
        return warning(check, found, "build slbd again: pip install --force-reinstall --no-deps .")
    return warning(check, f"{found}; no driver of DPDK's", "use another NIC for slbd")
