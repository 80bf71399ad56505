# SPDX-License-Identifier: BSD-3-Clause
"""Every way a command can fail: its one line and its exit status."""

from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from slb.errors import (
    ConfigError,
    Duplicate,
    Full,
    HostError,
    NotFound,
    NotReady,
    RequestError,
    SlbError,
    UnknownLaddr,
    UnknownRs,
    UnknownVs,
    Unreachable,
)

REFUSED = 1
USAGE = 2
UNREACHABLE = 3
NO_USABLE_ANSWER = 4
INTERRUPTED = 130
BROKEN_PIPE = 141

STATUSES = {
    0: "done",
    REFUSED: "refused: unknown, duplicate, conflict, full, not ready, in use; all is not well",
    USAGE: "wrong usage: an option, an address, a file; nothing was sent",
    UNREACHABLE: "no daemon could be reached",
    NO_USABLE_ANSWER: "no usable answer: late, unreadable, a fault in the daemon, or not printable",
    INTERRUPTED: "interrupted by Ctrl-C",
    BROKEN_PIPE: "the reader of the output went away",
}

HINTS: dict[type[RequestError], str] = {
    NotFound: "slb-agent answers it, and slbd is at this socket",
    UnknownVs: "'slbctl vs list' shows those that do",
    UnknownRs: "'slbctl rs list' shows those that do",
    UnknownLaddr: "'slbctl laddr list' shows them",
    Duplicate: "'slbctl vs edit' and 'slbctl rs edit' change what is there",
    Full: "raise the limit in slb.yaml and restart slbd",
    NotReady: "try again shortly",
}


def explain(error: Exception) -> tuple[Sequence[str], int]:
    """The lines for stderr, one a mistake, without the program's name, and the exit status."""
    if isinstance(error, ConfigError):
        return error.problems, USAGE
    text, status = _line(error)
    return [text], status


def _line(error: Exception) -> tuple[str, int]:
    match error:
        case click.UsageError():
            return _usage(error), USAGE
        case RequestError() if type(error) is not RequestError:
            hint = HINTS.get(type(error))
            return (f"{error}; {hint}" if hint else str(error)), REFUSED
        case HostError():
            return str(error), REFUSED
        case Unreachable():
            return str(error), UNREACHABLE
        case SlbError():
            return str(error), NO_USABLE_ANSWER
        case OSError():
            return f"cannot write the output: {error.strerror or error}", NO_USABLE_ANSWER
    return f"unexpected {type(error).__name__}: {error}; please report it", NO_USABLE_ANSWER


def _usage(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx else "slbctl"
    if isinstance(error, NoArgsIsHelpError):
        return f"a command is missing (see '{command} --help')"
    if isinstance(error, click.MissingParameter) or not isinstance(error, click.BadParameter):
        text = error.format_message().rstrip(".")
        return f"{text[:1].lower()}{text[1:]} (see '{command} --help')"
    name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else "'value'"
    text = error.message.rstrip(".")
    return f"{name}: {text.replace('a valid integer range', 'a whole number')}"
