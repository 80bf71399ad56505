# SPDX-License-Identifier: BSD-3-Clause
"""The guest's systemd: its units, which are no more than the agent and slbd need.

They are all in the share, and nothing of the host's is among them. The targets that every service
depends on are there, and empty.
"""

from pathlib import Path

TARGETS = ("sysinit", "basic", "shutdown", "network", "multi-user", "umount", "final")
LIFE_S = 1080

_DEFAULT = """\
[Unit]
Wants=agent.service
"""
# Whatever happens to it, the guest ends with it.
_AGENT = """\
[Unit]
DefaultDependencies=no
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
ExecStart=/bin/sh {share}/start
RuntimeMaxSec={life}
KillMode=process
StandardOutput=tty
TTYPath=/dev/ttyS0
"""


def write_units(folder: Path, share: Path) -> None:
    """Write them all into `folder`, for a guest whose share is `share`."""
    folder.mkdir()
    for name in TARGETS:
        (folder / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    (folder / "default.target").write_text(_DEFAULT)
    (folder / "agent.service").write_text(_AGENT.format(share=share, life=LIFE_S))
