# SPDX-License-Identifier: BSD-3-Clause
"""The guest with what it is connected to, booted and removed together."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lan import NICS, Lan
from machine import Machine

from rig.process import tail
from rig.registry import Registry
from rig.sweep import sweep


@dataclass(frozen=True)
class Guest:
    """A booted machine on its LAN."""

    registry: Registry
    machine: Machine
    lan: Lan

    def logs(self, lines: int = 40) -> list[tuple[str, str]]:
        """The last lines of every log of the run that has any, the serial console's among them."""
        files = sorted(self.registry.directory.rglob("*.log"))
        run = self.registry.run
        return [(f"{run}: {file.name}", text) for file in files if (text := tail(file, lines))]


@contextmanager
def booted() -> Iterator[Guest]:
    """Sweep what aborted runs left, then boot; in the end nothing of it is left."""
    sweep()
    registry = Registry.create("slbg")
    try:
        with closing(Lan(registry)) as lan:
            # QEMU opens the taps in its own namespace.
            devices = [word for nic in NICS for word in nic.words()]
            with closing(Machine(registry, lan.namespace, devices)) as machine:
                lan.wait_pods()
                yield Guest(registry, machine, lan)
    finally:
        registry.remove()
