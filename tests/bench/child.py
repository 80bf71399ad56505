# SPDX-License-Identifier: BSD-3-Clause
"""Programs that measure, each in a process of its own, because EAL starts once a process."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def output(
    command: Sequence[str],
    limit_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run it to its end and return what it printed; raises RuntimeError with all that it said."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, check=False, env=env, cwd=cwd
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{Path(command[0]).name} took more than {limit_s:g} s") from None
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr)[-800:])
    return done.stdout
