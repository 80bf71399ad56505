# SPDX-License-Identifier: BSD-3-Clause
"""What this host offers: each probe says in words what is missing, or None."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

GUEST = Path(__file__).resolve().parents[2] / "build/guest"


def missing(*names: str) -> str | None:
    """The first thing that is missing of those named, or None."""
    return next((reason for name in names if (reason := PROBES[name]())), None)


def _root() -> str | None:
    return None if os.geteuid() == 0 else "needs root"


def _netns() -> str | None:
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no network namespaces: {done.stderr.strip()}"


def _tun() -> str | None:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"no /dev/net/tun: {error.strerror}"
    return None


def _vhost_net() -> str | None:
    return None if Path("/dev/vhost-net").exists() else "no /dev/vhost-net"


def _hugepages() -> str | None:
    files = Path("/sys/kernel/mm/hugepages").glob("*/free_hugepages")
    return None if any(int(file.read_text()) for file in files) else "no free hugepages"


def _slbd() -> str | None:
    beside = Path(sys.executable).parent / "slbd"
    return None if beside.exists() or shutil.which("slbd") else "slbd is not installed"


def _guest() -> str | None:
    if (GUEST / "stamp").exists():
        return None
    why = GUEST / "missing"
    reason = why.read_text().strip() if why.exists() else "./dev test guest prepares it"
    return f"no guest to boot: {reason}"


def _command(*names: str) -> Callable[[], str | None]:
    def probe() -> str | None:
        absent = [name for name in names if shutil.which(name) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    return probe


PROBES: dict[str, Callable[[], str | None]] = {
    "root": _root,
    "netns": _netns,
    "tun": _tun,
    "bird": _command("bird", "birdc"),
    "tools": _command("ip", "ethtool", "ping", "curl", "dig", "dnsperf", "iperf3", "tracepath"),
    "servers": _command("nginx", "haproxy"),
    "hugepages": _hugepages,
    "dpdk-tools": _command("dpdk-dumpcap", "dpdk-proc-info", "dpdk-telemetry.py", "tcpdump"),
    "vhost-net": _vhost_net,
    "slbd": _slbd,
    "guest": _guest,
}
