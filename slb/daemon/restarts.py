# SPDX-License-Identifier: BSD-3-Clause
"""How long a slbd that systemd starts again and again waits before it begins.

Each start that comes to nothing would announce its routes, take clients, and lose them again. The
count is in the unit's runtime directory, which outlives the process but not a stop of the unit.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

# The first start, and the first one after a crash, come at once.
AT_ONCE = 2
LONGEST_S = 30
# Who has forwarded for so long has come to something.
STEADY_S = 60


class Restarts:
    """Counts starts, where there is a systemd that makes them; keeps no clock of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        folder = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        supervised = folder and environment.get("NOTIFY_SOCKET")
        self._file = Path(folder, "starts") if supervised else None
        # Starts in turn until now that came to nothing.
        self.failed = 0

    def begin(self) -> int:
        """Count a start, and return the seconds that it is to wait."""
        if self._file is None:
            return 0
        with contextlib.suppress(OSError, ValueError):
            self.failed = max(0, int(self._file.read_bytes()[:9]))
        with contextlib.suppress(OSError):
            self._file.write_text(str(self.failed + 1))
        more = self.failed + 1 - AT_ONCE
        return min(2 ** min(more, LONGEST_S), LONGEST_S) if more > 0 else 0

    def forget(self) -> None:
        """It has come to something, or ends as it was asked to."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
