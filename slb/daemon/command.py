# SPDX-License-Identifier: BSD-3-Clause
"""The command `slbd`; its exit status is slb.process's."""

import argparse
import asyncio
import logging
from collections.abc import Sequence

from slb import __version__
from slb.config.loader import DEFAULT, load
from slb.engine.protocol import Engine
from slb.errors import EngineError
from slb.logs import FORMS, TEXT, log_to_stderr
from slb.model.config import Config
from slb.process import collect_rarely, failed

log = logging.getLogger(__name__)


def run(arguments: Sequence[str] | None) -> int:
    """Run the daemon and return its exit status."""
    options = parser().parse_args(arguments)
    log_to_stderr("slbd", options.verbose, options.log)
    collect_rarely()
    try:
        config = load(options.config)
        if options.check:
            log.info("%s: good", options.config)
        else:
            # Loaded when there is something to run: a wrong file is answered at once.
            from slb.daemon.daemon import Daemon

            asyncio.run(Daemon(options.config, config, open_engine).run())
    except Exception as error:
        return failed(log, error, options.verbose)
    return 0


def open_engine(config: Config) -> Engine:
    """Start the engine; raises EngineError, also when it is not installed."""
    try:
        from slb.engine.native import NativeEngine
    except ImportError as error:
        raise EngineError(0, f"the engine cannot be loaded: {error}") from None
    return NativeEngine(config)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line; the man page is made of it, too."""
    made = argparse.ArgumentParser(
        prog="slbd", description="The load balancer's daemon.", allow_abbrev=False
    )
    add = made.add_argument
    add("-c", "--config", default=DEFAULT, metavar="FILE", help="default: %(default)s")
    add("--check", action="store_true", help="check the configuration and end")
    add("--log", choices=FORMS, default=TEXT, help="lines of text, or objects of JSON")
    add("-v", "--verbose", action="store_true", help="log more, and where a failure came from")
    add("--version", action="version", version=f"slbd {__version__}")
    return made
