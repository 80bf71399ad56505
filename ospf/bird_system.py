# SPDX-License-Identifier: BSD-3-Clause
"""The system's BIRD: we own one file that its configuration includes, and nothing else."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from ospf import bird_reply
from ospf.bird_conf import idle, section
from ospf.birdc import Birdc
from ospf.config_file import ConfigFile
from ospf.model import Family, Network, Phase, Setup
from slb.errors import OspfError


class SystemBird:
    """Puts our section into a BIRD that others run, and takes it out again."""

    running = True

    def __init__(self, setup: Setup) -> None:
        """Remember the paths; nothing is touched yet."""
        self.use(setup)
        self.birdc = Birdc(Path(setup.ospf.control_socket))

    def use(self, setup: Setup) -> None:
        """Write other settings from now on; the file's path is the same."""
        self._setup = setup
        self.file = ConfigFile(Path(setup.ospf.include_file), bool(setup.ospf.keys), shared=True)

    def text(
        self,
        families: Iterable[Family],
        prefixes: Iterable[Network],
        phase: Phase = Phase.USUAL,
    ) -> str:
        """The file's text that speaks these families for these prefixes; raises OspfError."""
        return section(self._setup, families, prefixes, phase)

    async def start(self, families: Iterable[Family]) -> None:
        """Add our section; raises OspfError when BIRD is not there, refuses or includes no file."""
        spoken = tuple(families)
        text = self.text(spoken, ())
        self.file.claim()
        try:
            await self.birdc.read("show status")
        except OspfError as error:
            path = self.birdc.control_socket
            raise OspfError(
                f"{error}; ospf.control_socket, {path}, must be that of a BIRD that runs"
            ) from None
        await self.file.load(self.birdc, text)
        try:
            for family in spoken:
                bird_reply.protocol(await self.birdc.read(f"show protocols {family.ospf}"), family)
        except OspfError as error:
            self.file.write(idle())
            path = self.file.path
            message = f'BIRD does not read {path}: add include "{path}"; to its configuration'
            raise OspfError(f"{message} ({error})") from None

    async def pause(self, seconds: float) -> None:
        """Its life is not ours to watch."""
        await asyncio.sleep(seconds)

    async def revive(self, text: str, restarting: bool = False) -> None:
        """Whoever runs it starts it; it finds our file."""

    async def stop(self) -> None:
        """Take our section out; raises OspfError."""
        self.file.write(idle())
        await self.birdc.run("configure check")
        await self.birdc.run("configure")
