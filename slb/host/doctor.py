# SPDX-License-Identifier: BSD-3-Clause
"""All checks, in the order in which an operator sets a host up; nothing is changed."""

from collections.abc import Callable, Iterable

from slb.config.loader import DEFAULT, load
from slb.errors import ConfigError
from slb.host import (
    check_cpus,
    check_iommu,
    check_kernel,
    check_memory,
    check_names,
    check_nics,
    check_ports,
    check_versions,
)
from slb.host.facts import Facts, gather
from slb.host.files import Host, numbers
from slb.host.finding import Finding, error, ok, warning
from slb.model.config import Config

CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    check_versions.find,
    check_nics.find,
    check_iommu.find,
    check_memory.find,
    check_cpus.find,
    check_kernel.find,
    check_names.find,
    check_ports.find,
)


def examine(host: Host, path: str | None) -> list[Finding]:
    """Check a host for the configuration at `path`; None: the usual one, if it is there."""
    config, findings = _config(host, path)
    facts, problems = gather(host, config)
    findings += problems
    for check in CHECKS:
        findings += check(facts)
    return findings


def _config(host: Host, path: str | None) -> tuple[Config | None, list[Finding]]:
    there = str(host.at(DEFAULT)) if path is None else path
    if path is None and not host.at(DEFAULT).exists():
        fix = f"write one, configs/slb.yaml is a start: install -D configs/slb.yaml {DEFAULT}"
        return None, [warning("config", f"no {DEFAULT}", fix)]
    try:
        config = load(there, _cpus(host))
    except ConfigError as failure:
        # Each line says where the mistake is and, behind a semicolon, what to write.
        halves = (problem.rpartition("; ") for problem in failure.problems)
        return None, [
            error("config", found or fix, fix if found else f"correct {there}")
            for found, _, fix in halves
        ]
    return config, [ok("config", f"{there}: good")]


def _cpus(host: Host) -> frozenset[int] | None:
    """Of this host those that we may use, None; of a recorded one all."""
    return None if host == Host() else numbers(host.sys / "devices/system/cpu/online")
