# SPDX-License-Identifier: BSD-3-Clause
"""Programs that measure, each in a process of its own, because EAL starts once a process."""

import subprocess
from collections.abc import Sequence


def output(command: Sequence[str], limit_s: float) -> str:
    """Run it to its end and return what it printed; raises RuntimeError with all that it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr)[-800:])
    return done.stdout
