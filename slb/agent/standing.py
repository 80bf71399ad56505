# SPDX-License-Identifier: BSD-3-Clause
"""What the agent knows of slbd, and how it is to the desired state."""

import time
from dataclasses import dataclass

from slb.model.desired import OwnerView, StatusView


@dataclass(frozen=True)
class Standing:
    """What is known of slbd; `word` and `reason` are StatusView's, `instance` is Version's."""

    word: str = "unknown"
    reason: str = "slbd was not asked yet"
    applied: int = 0
    instance: str = ""
    pid: int = 0
    slbd_generation: int = 0
    mended: int = 0
    mended_at: float = 0.0

    def has(self, generation: int) -> bool:
        """Tell whether slbd had all of a generation that it takes, when it was last asked."""
        return self.word in ("applied", "incomplete") and self.applied == generation

    def view(self, generation: int, owners: list[OwnerView]) -> StatusView:
        """Return what the API tells of it; `generation` is the desired state's."""
        word, reason = self.word, self.reason
        if word in ("applied", "incomplete") and self.applied != generation:
            word, reason = "unknown", "it is being applied"
        return StatusView(
            generation,
            self.applied,
            word,
            reason,
            self.pid,
            self.slbd_generation,
            self.mended,
            owners,
            mended_ago_s=time.monotonic() - self.mended_at if self.mended else None,
        )
