# SPDX-License-Identifier: BSD-3-Clause
"""What slbd and slb-agent have in common as processes: their log, and how they end.

Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.
"""

import logging
import sys

from slb.errors import ConfigError, SlbError

FAILED = 1
WRONG = 2


def log_to_stderr(program: str, verbose: bool) -> None:
    """Log lines under the program's name; of libraries only when `verbose`, their errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{program}: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for library in ("asyncio", "aiohttp", "pyroute2"):
        logging.getLogger(library).setLevel(logging.ERROR if verbose else logging.CRITICAL)


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
