# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package on a host that has nothing but what it depends on."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from unit.debian_host import DebianHost
from unit.test_package import ADDED, PATIENCE_S, desired, host, install, package, units

from rig.waiting import wait

__all__ = ["host", "package"]

FIELDS = "Package Essential Priority Provides Depends Pre-Depends"
FORMAT = "".join(f"${{{name}}}\t" for name in FIELDS.split()) + "\n"
# What programs and Python look for by name.
FOUND = re.compile(r"/(usr/)?(s?bin/|lib/python3|lib/[^/]+/[^/]+\.so)")
ALWAYS = {"systemd", "dpdk-slb"}


def names(text: str) -> Iterator[str]:
    """The packages that a list of relations names, of alternatives each."""
    for one in re.split(r"[,|]", text):
        if name := one.strip().partition(" ")[0].partition(":")[0]:
            yield name


def needed(rows: Iterable[list[str]]) -> set[str]:
    """Those that a bare host has, our package, and all that these depend on."""
    wants: dict[str, set[str]] = {}
    given: dict[str, set[str]] = {}
    left = set(ALWAYS)
    for name, essential, priority, provides, *depends in rows:
        wants.setdefault(name, set()).update(names(",".join(depends)))
        for other in (name, *names(provides)):
            given.setdefault(other, set()).add(name)
        if essential == "yes" or priority == "required":
            left.add(name)
    found: set[str] = set()
    while left:
        name = left.pop()
        found.add(name)
        left |= {real for want in wants[name] for real in given.get(want, ())} - found
    return found


def files(host: DebianHost, packages: Iterable[str]) -> set[str]:
    """All that packages have, folders too."""
    return set(host.run("dpkg-query", "-L", *packages).splitlines())


def strip(host: DebianHost) -> int:
    """Remove the programs and libraries of all other packages; returns how many."""
    told = host.run("dpkg-query", "-W", "-f", FORMAT).splitlines()
    rows = [line.split("\t")[:-1] for line in told]
    kept = needed(rows)
    assert "python3" in kept and "gcc" not in kept
    others = [row[0] for row in rows if row[0] not in kept]
    gone = sorted(filter(FOUND.match, files(host, others) - files(host, kept)))
    host.file("tmp/gone").write_text("\0".join(gone))
    host.run("sh", "-c", "xargs -0 rm -f < /tmp/gone 2> /tmp/folders || true")
    # What no package has.
    for folder in ("/usr/local", "/root"):
        host.run("mount", "-t", "tmpfs", "tmpfs", folder)
    return len(gone)


@pytest.mark.parametrize("host", ["systemd"], indirect=True)
def test_its_dependencies_are_enough(host: DebianHost, package: Path) -> None:
    install(host, package)
    assert strip(host) > 100
    assert not host.file("usr/bin/gcc").exists()
    host.run("ldconfig")
    assert host.run("slbd", "--check") == "slbd: /etc/slb/slb.yaml: good\n"
    host.run("systemctl", "start", "slbd", "slb-agent")
    assert units(host) == ["active", "active"]
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    check = "http,interval_s=0.3,timeout_s=0.2,fall=1"
    host.run("slbctl", "vs", "add", ADDED, "--rs", "10.10.0.9:80", "--health", check)
    assert ADDED in host.run("slbctl", "vs", "list")
    for verb in ("top -n 1 --plain", "doctor", "nic list", "events"):
        status, said = host.try_run("slbctl", *verb.split())
        assert "Traceback" not in said and "defect" not in said, (verb, status, said)
    host.run("slbctl", "support-bundle", "/tmp/bundle.tar.gz", "--limit", "5")
