# SPDX-License-Identifier: BSD-3-Clause
"""A configuration file of ours: replaced in one step, never left broken."""

import os
from pathlib import Path

from ospf.bird_conf import MARK
from ospf.birdc import Birdc
from slb.errors import OspfError


class ConfigFile:
    """The file that BIRD reads, or includes."""

    def __init__(self, path: Path, secret: bool = False, shared: bool = False) -> None:
        """Name the file; nothing is touched yet.

        `secret`: nobody but its owner may read it; `shared`: and the group of its folder, as which
        a BIRD that has given up root's rights reads it.
        """
        self.path = path
        self._mode = (0o640 if shared else 0o600) if secret else 0o644
        self._group_of_folder = secret and shared

    def claim(self) -> None:
        """Make sure that overwriting the file harms nobody; raises OspfError."""
        text = self._read()
        if text.strip() and not text.startswith(MARK):
            raise OspfError(f"{self.path} was not written by slbd; name another file, or remove it")

    def write(self, text: str) -> None:
        """Replace the file; raises OspfError."""
        # Hidden, so that an include with a pattern does not meet both.
        fresh = self.path.with_name(f".{self.path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(fresh, flags, 0o600), "w") as file:
                if self._group_of_folder:
                    os.fchown(file.fileno(), -1, fresh.parent.stat().st_gid)
                os.fchmod(file.fileno(), self._mode)
                file.write(text)
            os.replace(fresh, self.path)
        except OSError as error:
            raise OspfError(f"cannot write {self.path}: {error.strerror}") from None

    async def load(self, birdc: Birdc, text: str) -> None:
        """Write the file and have BIRD take it; raises OspfError, the old text restored."""
        old = self._read()
        self.write(text)
        try:
            await birdc.run("configure check")
            await birdc.run("configure")
        except OspfError:
            self.write(old or f"{MARK}\n")
            raise

    def _read(self) -> str:
        try:
            return self.path.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise OspfError(f"cannot read {self.path}: {error.strerror}") from None
