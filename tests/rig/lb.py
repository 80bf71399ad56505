# SPDX-License-Identifier: BSD-3-Clause
"""slbd in its namespace: configuration, process, API and slbctl."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from rig.addresses import (
    FAMILIES,
    KERNEL_LINK,
    LB,
    V4,
    Family,
    local_addresses,
    on_link_addresses,
)
from rig.links import Link, TapLink
from rig.netns import Namespace
from rig.process import Process, tail
from rig.registry import Registry
from rig.waiting import RigError, wait

_READY_S = 40


@dataclass(frozen=True)
class LbSettings:
    """What differs between the rigs; the rest of slb.yaml follows from the topology."""

    workers: int = 1
    ipv6: bool = True
    # False: no OSPF, local addresses in the network between LB and switch, which need no route, and
    # static routes to the service subnets on the switch.
    ospf: bool = True
    mtu: int = 1500
    announce: str = "subnets"
    await_services_s: int = 0
    network_type: str = "broadcast"
    services: Sequence[dict[str, Any]] = ()
    timeouts: dict[str, int] = field(default_factory=dict)
    link: Link = field(default_factory=TapLink)
    # Keys of the port that are not the usual ones.
    port: dict[str, Any] = field(default_factory=dict)
    # Workers that get clients at first; 0: all.
    active: int = 0
    more_ports: Sequence[dict[str, Any]] = ()
    # Further keys of slb.yaml's top level: tcp, drain.
    policies: dict[str, Any] = field(default_factory=dict)
    # The words that start slbd, where a test runs it by a launcher of its own.
    launcher: Sequence[str] = ()

    @property
    def families(self) -> Sequence[Family]:
        """The families that slbd serves."""
        return FAMILIES if self.ipv6 else (V4,)


def config(settings: LbSettings, socket_path: Path) -> dict[str, Any]:
    """The whole slb.yaml of a rig as plain data."""
    families = settings.families
    local = local_addresses if settings.ospf else on_link_addresses
    default = {4: "0.0.0.0/0", 6: "::/0"}
    port = {
        "name": "lan0",
        "device": settings.link.device(socket_path.parent),
        "kernel_interface": {"name": KERNEL_LINK},
        "mtu": settings.mtu,
        "addresses": [f"{family.lb}/{family.length}" for family in families],
        "routes": [{"to": default[f.version], "via": f.switch} for f in families],
        "local_addresses": [a for f in families for a in local(settings.workers, f)],
        **settings.port,
    }
    if "members" in port:
        del port["device"]
    return {
        "engine": {
            "workers": settings.active or settings.workers,
            "workers_max": settings.workers,
            "hugepages": False,
            "sessions": 16384,
            "mbufs": 8192,
            "vs_max": 64,
            "rs_max": 1024,
        },
        "ports": [port, *settings.more_ports],
        "service_subnets": [family.service_subnet for family in families],
        "timeouts": settings.timeouts,
        # Low, so that a flood from a small host exceeds it by far.
        "punt": {"other_pps": 1000},
        "ospf": {
            "mode": "managed" if settings.ospf else "off",
            "router_id": LB,
            "announce": settings.announce,
            "await_services_s": settings.await_services_s,
            "network_type": settings.network_type,
            "hello_s": 1,
            "dead_s": 4,
        },
        "api": {"socket": str(socket_path)},
        "services": list(settings.services),
        **settings.policies,
    }


class Lb:
    """slbd, started in the LB's namespace."""

    def __init__(self, registry: Registry, namespace: Namespace, settings: LbSettings) -> None:
        """Write slb.yaml and start slbd."""
        self.namespace = namespace
        self.socket = registry.directory / "slbd.sock"
        self.config_file = registry.directory / "slb.yaml"
        self.write_config(config(settings, self.socket))
        words = [*(settings.launcher or [program("slbd")]), *slbd_arguments(self.config_file)]
        # DPDK keeps its runtime files below this directory, so they go with the run's.
        env = {**os.environ, "RUNTIME_DIRECTORY": str(registry.directory)}
        self.process = Process(registry, namespace, "slbd", words, env)

    def write_config(self, content: dict[str, Any]) -> None:
        """Replace slb.yaml; a running slbd reads it at SIGHUP."""
        self.config_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def wait_ready(self) -> None:
        """Wait for slbd's ready line; raises RigError with its last words when it ends instead."""

        def ready() -> bool:
            self.process.record_children()
            if self.process.status() is not None:
                status = self.process.status()
                raise RigError(f"slbd ended with {status}: {tail(self.process.log, 8)}")
            return "slbd: ready" in self.process.text()

        wait(ready, _READY_S, "slbd's ready line")
        self.process.record_children()

    def reload(self) -> None:
        """SIGHUP."""
        self.process.send(signal.SIGHUP)

    def apply(self, services: Sequence[dict[str, Any]]) -> None:
        """Make `services` the whole set, by one request; raises RigError when it is refused."""
        self.api("/v1/apply", "POST", {"services": list(services)})

    def api(self, path: str, method: str = "GET", body: object = None, timeout: float = 5) -> Any:
        """Ask slbd's API; raises OSError, and RigError when the answer is no success."""
        return json.loads(self.text(path, method, body, timeout))

    def text(self, path: str, method: str = "GET", body: object = None, timeout: float = 5) -> str:
        """Ask slbd for what need not be JSON; raises as api() does."""
        connection = _UnixConnection(self.socket, timeout)
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, content, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = reply.read()
        finally:
            connection.close()
        if reply.status >= 400:
            raise RigError(f"{method} {path}: {reply.status} {answer.decode()}")
        return answer.decode()

    def vs_api(self, method: str, vs: str, rest: str = "", body: object = None) -> None:
        """Change one VS, or with `rest` one of its RS; raises RigError when it is refused."""
        self.api(f"/v1/vs/{quote(vs, safe='')}{rest}", method, body)

    def items(self, path: str) -> list[dict[str, Any]]:
        """GET a list of slbd's API."""
        items: list[dict[str, Any]] = self.api(path)["items"]
        return items

    def ctl(self, *argv: str) -> str:
        """Run slbctl and return what it printed; raises RigError when it fails."""
        done = self.try_ctl(*argv)
        if done.returncode != 0:
            raise RigError(f"slbctl {' '.join(argv)}: {done.returncode} {done.stderr.strip()}")
        return done.stdout

    def try_ctl(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run slbctl and return how it ended and what it said."""
        words = [program("slbctl"), "--socket", str(self.socket), *argv]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


def slbd_arguments(config_file: Path) -> list[str]:
    """slbd's command line for a configuration file."""
    return ["--config", str(config_file)]


def program(name: str) -> str:
    """Path of an installed command of ours; raises RigError when there is none."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RigError(f"{name} is not installed beside {sys.executable}")
    return found


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, without the product's own client."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("slbd", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
