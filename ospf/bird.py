# SPDX-License-Identifier: BSD-3-Clause
"""What the announcer needs of a BIRD, whoever runs it."""

from collections.abc import Iterable
from typing import Protocol

from ospf.birdc import Birdc
from ospf.config_file import ConfigFile
from ospf.model import Family, Network, Phase, Setup


class Bird(Protocol):
    """A BIRD with a configuration file of ours."""

    file: ConfigFile
    birdc: Birdc

    def use(self, setup: Setup) -> None:
        """Write other settings from now on, those of what is spoken."""

    @property
    def running(self) -> bool:
        """Whether it is worth asking; False only when it is known to be dead."""

    def text(
        self,
        families: Iterable[Family],
        prefixes: Iterable[Network],
        phase: Phase = Phase.USUAL,
    ) -> str:
        """The file's text that speaks these families for these prefixes; raises OspfError."""

    async def start(self, families: Iterable[Family]) -> None:
        """Have it speak OSPF and announce nothing; raises OspfError and leaves nothing."""

    async def pause(self, seconds: float) -> None:
        """Wait for its death, `seconds` at most."""

    async def revive(self, text: str, restarting: bool = False) -> None:
        """Start it again, with this configuration, if it has died; raises OspfError."""

    async def stop(self) -> None:
        """Leave no trace of ours; raises OspfError."""
