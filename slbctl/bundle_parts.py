# SPDX-License-Identifier: BSD-3-Clause
"""The parts of a support bundle: files, each made by a command."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from slb.model.desired import AGENT_SOCKET
from slbctl.bundle_places import Places
from slbctl.options import Target

LOG_LINES = 5000
VERBS: dict[str, Sequence[str]] = {
    "status.json": ("status", "--json"),
    "stats.txt": ("stats",),
    "stats-rate.txt": ("stats", "--rate", "2"),
    "top.txt": ("top", "--plain", "-n", "1", "--interval", "2"),
    "drops.txt": ("drops", "--all"),
    "drops-rate.txt": ("drops", "--rate", "2"),
    "steering.json": ("steering", "--json"),
    "steering-probes.txt": ("steering", "--probes"),
    "steering-rules.txt": ("steering", "--rules"),
    "ospf.txt": ("ospf", "status"),
    "ports.json": ("port", "list", "--json"),
    "laddrs.txt": ("laddr", "list"),
    "workers.txt": ("workers", "list"),
    "vs.txt": ("vs", "list"),
    "rs.txt": ("rs", "list"),
    "answers.txt": ("rs", "answers"),
    "health.txt": ("health",),
    "services.txt": ("services",),
    "events.txt": ("events",),
    "neighbours.txt": ("neigh", "list"),
    "routes.txt": ("route", "list"),
    "sessions.txt": ("session", "count"),
    "services.yaml": ("export",),
    "history.txt": ("history",),
    "owners.txt": ("owner", "list"),
    "version.txt": ("version",),
    "nics.txt": ("nic", "list"),
}
HOST: dict[str, Sequence[str]] = {
    "host/uname.txt": ("uname", "-a"),
    "host/os-release.txt": ("cat", "/etc/os-release"),
    "host/packages.txt": (
        *("dpkg-query", "-W", "dpdk-slb", "bird2", "dpdk", "libdpdk*", "librte*", "linux-image-*"),
        *("firmware-*", "libc6", "python3"),
    ),
    "host/dpdk-devices.txt": ("dpdk-devbind.py", "--status"),
    "host/pci.txt": ("lspci", "-nnvv"),
    "host/modules.txt": ("cat", "/proc/modules"),
    "host/cmdline.txt": ("cat", "/proc/cmdline"),
    "host/cpus.txt": ("lscpu", "-e"),
    "host/cpuinfo.txt": ("lscpu",),
    "host/memory.txt": ("cat", "/proc/meminfo"),
    "host/hugepages.txt": (
        *("grep", "-r", "", "--include=*_hugepages", "/sys/kernel/mm/hugepages"),
        "/sys/devices/system/node",
    ),
    # Without their arguments, which may hold secrets.
    "host/threads.txt": ("ps", "-eLo", "pid,tid,psr,cls,stat,pcpu,time,rss,comm"),
    "host/sockets.txt": ("ss", "-lntup"),
    "host/interrupts.txt": ("cat", "/proc/interrupts"),
    "host/softirqs.txt": ("cat", "/proc/softirqs"),
    "host/pressure.txt": ("grep", "-r", "", "/proc/pressure", "/proc/loadavg"),
    "host/files.txt": ("ls", "-lR", "/etc/slb", "/var/lib/slb", "/run/slb", "/run/slb-agent"),
    "host/mounts.txt": ("cat", "/proc/mounts"),
    "host/disks.txt": ("df", "-h"),
    "host/links.txt": ("ip", "-details", "-statistics", "link"),
    "host/addresses.txt": ("ip", "address"),
    "host/routes.txt": ("ip", "route", "show", "table", "all"),
    "host/routes6.txt": ("ip", "-6", "route", "show", "table", "all"),
    "host/neighbours.txt": ("ip", "neigh"),
    "host/vfio.txt": ("ls", "-lR", "/dev/vfio", "/dev/vhost-net", "/dev/net"),
    "logs/units.txt": ("systemctl", "status", "--no-pager", "slbd", "slb-agent", "bird"),
    "logs/unit-files.txt": ("systemctl", "cat", "--no-pager", "slbd", "slb-agent"),
    "logs/slbd.txt": ("journalctl", "-u", "slbd", "--no-pager", "-o", "short-iso-precise"),
    "logs/slb-agent.txt": ("journalctl", "-u", "slb-agent", "--no-pager", "-o", "short-iso"),
    "logs/bird.txt": ("journalctl", "-u", "bird", "--no-pager", "-o", "short-iso"),
    "logs/kernel.txt": ("journalctl", "-k", "--no-pager", "-o", "short-iso"),
}
# What the BIRD that announces for slbd says itself, and what slbd had it read.
BIRD: dict[str, Sequence[str]] = {
    "bird/protocols.txt": ("show", "protocols", "all"),
    "bird/neighbours.txt": ("show", "ospf", "neighbors", "slb_ospf"),
    "bird/neighbours6.txt": ("show", "ospf", "neighbors", "slb_ospf6"),
}
BIRD_CONF = "bird/bird.conf"


@dataclass(frozen=True)
class Part:
    """A file in the bundle, and the command that gives its contents."""

    name: str
    command: Sequence[str]


def parts(target: Target, config: str, places: Places) -> list[Part]:
    """All of them, those that take long first."""
    # The same slbctl; what lies in the folder that we were called in is none of its modules.
    ours = (sys.executable, "-P", "-m", "slbctl", "--socket", target.socket)
    slbctl = (*ours, "--timeout", f"{target.timeout_s:g}")
    slbd = (
        sys.executable,
        "-P",
        "-c",
        "from slb.daemon.main import main; raise SystemExit(main())",
    )
    lines = ("-n", str(LOG_LINES))
    return [
        *(Part(f"slbctl/{name}", (*slbctl, *words)) for name, words in VERBS.items()),
        Part("slbctl/doctor.txt", (*slbctl, "doctor", "-c", config)),
        Part("config-check.txt", (*slbd, "--check", "-c", config)),
        *metrics(target, places.slbd),
        *(_of_bird(places) if places.bird else ()),
        *(
            Part(name, (*words, *(lines if words[0] == "journalctl" else ())))
            for name, words in HOST.items()
        ),
    ]


def _of_bird(places: Places) -> list[Part]:
    ask = ("birdc", "-r", "-s", places.bird)
    asked = [Part(name, (*ask, *words)) for name, words in BIRD.items()]
    return [*asked, Part(BIRD_CONF, ("cat", places.bird_conf))]


def metrics(target: Target, slbd: str) -> list[Part]:
    """What each program tells Prometheus; slbd's from its own socket, also without the agent."""
    agent = AGENT_SOCKET if target.socket == slbd else target.socket
    scrape = (sys.executable, "-P", "-m", "slbctl.scrape", f"{target.timeout_s:g}")
    return [
        Part("slbctl/metrics.txt", (*scrape, "slbd", slbd, "/metrics")),
        Part("slbctl/metrics-agent.txt", (*scrape, "slb-agent", agent, "/metrics/agent")),
    ]
