# SPDX-License-Identifier: BSD-3-Clause
"""What slbd and slb-agent have in common as processes: their memory, how they end.

Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.
"""

import gc
import logging

from slb.errors import ConfigError, SlbError

FAILED = 1
WRONG = 2
# Objects made before cycles are looked for. A set of services is some hundred thousands, none of
# them in a cycle, and with Python's 700 a third of the time that one takes is spent looking.
NEW_OBJECTS = 50_000


def collect_rarely() -> None:
    """Look for cycles of garbage after many new objects only."""
    gc.set_threshold(NEW_OBJECTS)


def failed(log: logging.Logger, error: BaseException, verbose: bool) -> int:
    """Log why the program ends, in a sentence, and return its exit status."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ConfigError):
        for line in error.problems:
            log.error("%s", line)
        return WRONG
    if isinstance(error, SlbError):
        log.error("%s", error, exc_info=error if verbose else None)
    else:
        sentence = "a defect: %s: %s; --verbose shows where"
        log.error(sentence, type(error).__name__, error, exc_info=error if verbose else None)
    return FAILED
