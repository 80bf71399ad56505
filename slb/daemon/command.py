# SPDX-License-Identifier: BSD-3-Clause
"""The command `slbd`. Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from slb import __version__
from slb.config.loader import DEFAULT, load
from slb.engine.protocol import Engine
from slb.errors import ConfigError, EngineError, SlbError
from slb.model.config import Config

FAILED = 1
WRONG = 2


def run(arguments: Sequence[str] | None) -> int:
    """Run the daemon and return its exit status."""
    options = _options(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO, handlers=[_handler()]
    )
    for library in ("asyncio", "aiohttp", "pyroute2"):
        logging.getLogger(library).setLevel(logging.ERROR if options.verbose else logging.CRITICAL)
    try:
        config = load(options.config)
        if options.check:
            logging.getLogger(__name__).info("%s: good", options.config)
        else:
            # Loaded when there is something to run: a wrong file is answered at once.
            from slb.daemon.daemon import Daemon

            asyncio.run(Daemon(options.config, config, open_engine).run())
    except Exception as error:
        return _failed(error, options.verbose)
    return 0


def open_engine(config: Config) -> Engine:
    """Start the engine; raises EngineError, also when it is not installed."""
    try:
        from slb.engine.native import NativeEngine
    except ImportError as error:
        raise EngineError(0, f"the engine cannot be loaded: {error}") from None
    return NativeEngine(config)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="slbd", description="The load balancer's daemon.", allow_abbrev=False
    )
    add = parser.add_argument
    add("-c", "--config", default=DEFAULT, metavar="FILE", help="default: %(default)s")
    add("--check", action="store_true", help="check the configuration and end")
    add("-v", "--verbose", action="store_true", help="log more, and where a failure came from")
    add("--version", action="version", version=f"slbd {__version__}")
    return parser.parse_args(arguments)


def _failed(error: BaseException, verbose: bool) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    log = logging.getLogger(__name__)
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


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("slbd: %(message)s"))
    return handler
