# SPDX-License-Identifier: BSD-3-Clause
"""What no engine knows: limits of the configuration, and what came of transactions and reloads."""

import time
from collections import Counter
from dataclasses import dataclass, field

DONE, REFUSED, FAILED = "done", "refused", "failed"
RESULTS = (DONE, REFUSED, FAILED)


@dataclass
class Facts:
    """Kept by the daemon while it lives; `reloads` counts by result.

    `reload_trouble`: what was wrong with the last one, empty if nothing.
    """

    vs_capacity: int = 0
    rs_capacity: int = 0
    rs_max: int = 10_000
    started: float = field(default_factory=time.time)
    reloads: Counter[str] = field(default_factory=Counter)
    last_reload: str = DONE
    reload_trouble: str = ""
    reloaded_at: dict[str, float] = field(default_factory=dict)

    def reloaded(self, result: str, trouble: str = "") -> None:
        """Count a reload."""
        self.reloads[result] += 1
        self.last_reload, self.reload_trouble = result, trouble
        self.reloaded_at[result] = time.time()
