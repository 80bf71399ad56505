# SPDX-License-Identifier: BSD-3-Clause
"""slbd in the guest: its configuration, process and API."""

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from lan import WORKERS, Nic
from machine import SHARE, Machine

from rig.lb import LbSettings, config, slbd_arguments
from rig.process import tail
from rig.waiting import RigError, wait

HUGEPAGES = 220

SOCKET = Path("/run/slbd.sock")
_READY_S = 120
_STOP_S = 30


def guest_config(
    port: Mapping[str, Any],
    services: Sequence[dict[str, Any]] = (),
    hugepages: bool = False,
    socket: Path = SOCKET,
) -> dict[str, Any]:
    """The rig's slb.yaml with two workers and without OSPF; `port` replaces some of its port."""
    content = config(LbSettings(workers=WORKERS, services=services), socket)
    content["ospf"] = {"mode": "off"}
    content["engine"]["hugepages"] = hugepages
    content["ports"][0] |= port
    return content


class GuestApi:
    """What a running slbd, and the guest's kernel beside it, say."""

    def __init__(self, machine: Machine, socket: Path = SOCKET) -> None:
        self.machine = machine
        self._socket = socket

    def items(self, path: str) -> list[dict[str, Any]]:
        """GET a list of its API."""
        found: list[dict[str, Any]] = self.ask(path)["items"]
        return found

    def ask(self, path: str) -> dict[str, Any]:
        """GET something else of its API."""
        return dict(json.loads(self._curl(path)))

    def send(self, method: str, path: str, body: str) -> None:
        """Change something by its API; raises RigError when it refuses."""
        self._curl(path, "-X", method, "-H", "Content-Type: application/json", "-d", body)

    def port(self) -> dict[str, Any]:
        """Its only port."""
        (port,) = self.items("/v1/ports")
        return port

    def _curl(self, path: str, *words: str) -> str:
        url = f"http://slbd{path}"
        return self.machine.run(
            "curl", "-sS", "--fail", "--unix-socket", str(self._socket), *words, url
        )

    def link(self, name: str = "slb0") -> dict[str, Any]:
        """An interface beside it, as the guest's kernel sees it."""
        (link,) = json.loads(self.machine.run("ip", "-d", "-j", "link", "show", name))
        return dict(link)


class GuestSlbd(GuestApi):
    """A running slbd."""

    def __init__(self, machine: Machine, name: str, content: Mapping[str, Any]) -> None:
        """Start it and wait until it is ready; raises RigError with its last words."""
        super().__init__(machine)
        self.log = machine.share / f"{name}.log"
        self._name = name
        self._status: int | None = None
        begin(machine, name, content)
        try:
            wait(self._ready, _READY_S, "slbd's ready line")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int | None:
        """SIGTERM, if it still runs; returns its exit status, None when it does not end."""
        if self._status is None:
            self._status = self.machine.end(self._name, signal.SIGTERM, _STOP_S)
        if self._status is None:
            self.machine.end(self._name, signal.SIGKILL, _STOP_S)
        return self._status

    def _ready(self) -> bool:
        if (status := self.machine.end(self._name, 0)) is not None:
            self._status = status
            raise RigError(f"slbd ended with {status}: {tail(self.log)}")
        return self.log.exists() and "slbd: ready" in self.log.read_text()


def begin(machine: Machine, name: str, content: Mapping[str, Any]) -> None:
    """Write <share>/<name>.yaml and start slbd with it."""
    file = f"{name}.yaml"
    (machine.share / file).write_text(yaml.safe_dump(dict(content), sort_keys=False))
    machine.slbd(name, slbd_arguments(SHARE / file))


def bind(machine: Machine, nic: Nic, driver: str) -> None:
    """Give a device to a driver of the guest's kernel."""
    device = f"/sys/bus/pci/devices/{nic.address}"
    if machine.try_run("test", "-e", f"{device}/driver")[0] == 0:
        machine.write(f"{device}/driver/unbind", nic.address)
    machine.write(f"{device}/driver_override", driver)
    machine.write("/sys/bus/pci/drivers_probe", nic.address)
    # It has done its work; what comes later finds the device as the guest booted with it.
    machine.write(f"{device}/driver_override", "\n")
    bound = machine.run("readlink", f"{device}/driver").strip()
    assert bound.endswith(f"/{driver}"), bound
