# SPDX-License-Identifier: BSD-3-Clause
"""The command `slb-agent`; its exit status is slb.process's."""

import argparse
import asyncio
import logging
import os
import re
from collections.abc import Sequence

from slb import __version__
from slb.agent import audit
from slb.agent.agent import STATE, Settings, live
from slb.agent.store import KEEP
from slb.api.client import SOCKET
from slb.config.agent import DEFAULT
from slb.logs import FORMS, TEXT, log_to_stderr
from slb.model.desired import AGENT_SOCKET
from slb.process import collect_rarely, failed

log = logging.getLogger(__name__)


def run(arguments: Sequence[str] | None) -> int:
    """Run the agent and return its exit status."""
    options = parser().parse_args(arguments)
    log_to_stderr("slb-agent", options.verbose, options.log)
    audit.to_stderr()
    collect_rarely()
    settings = Settings(
        options.state,
        options.socket,
        options.mode,
        options.group,
        options.slbd,
        options.history,
        options.check_programs or "",
        options.config,
    )
    try:
        asyncio.run(live(settings))
    except Exception as error:
        return failed(log, error, options.verbose)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line; the man page is made of it, too."""
    made = argparse.ArgumentParser(
        prog="slb-agent",
        description="Keeps the desired state of the load balancer, and slbd as it says.",
        allow_abbrev=False,
    )
    add = made.add_argument
    text = "the desired state; default: %(default)s"
    add("--state", type=_path, default=STATE, metavar="DIR", help=text)
    add("--history", type=_count, default=KEEP, metavar="N", help="versions kept: %(default)s")
    text = "the API's Unix socket; default: %(default)s"
    add("--socket", type=_path, default=AGENT_SOCKET, metavar="PATH", help=text)
    add("--mode", type=_mode, default="0660", help="the socket's permissions: %(default)s")
    add("--group", default="", metavar="NAME", help="the socket's group")
    text = f"what it serves over TCP, and to whom; default: {DEFAULT} if it is there"
    add("--config", default=_usual_config(), metavar="FILE", help=text)
    text = "slbd's api.socket; default: %(default)s"
    add("--slbd", type=_path, default=SOCKET, metavar="PATH", help=text)
    text = "the programs that health checks of type command may run; default: none"
    add("--check-programs", type=_directory, metavar="DIR", help=text)
    add("--log", choices=FORMS, default=TEXT, help="lines of text, or objects of JSON")
    add("-v", "--verbose", action="store_true", help="log more, and where a failure came from")
    add("--version", action="version", version=f"slb-agent {__version__}")
    return made


def _usual_config() -> str:
    return DEFAULT if os.path.exists(DEFAULT) else ""


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; write a path, or leave it out")
    return text


def _mode(text: str) -> str:
    if not re.fullmatch(r"0?[0-7]{3}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!a} is no mode; write 0660")
    return text


def _directory(text: str) -> str:
    if not (os.path.isabs(text) and os.path.isdir(text)):
        raise argparse.ArgumentTypeError(f"{text!a} is no directory; write its whole path")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 2 <= int(text[:6]) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 2 to 1000")
    return int(text)
