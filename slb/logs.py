# SPDX-License-Identifier: BSD-3-Clause
"""What slbd and slb-agent log, on stderr: lines of text, or an object of JSON a line.

Where stderr is the journal's, each is sent there as an entry with fields (slb.journal). Should that
fail, it is written to stderr with its priority before each line (sd-daemon(3)), which the journal
takes off and keeps.
"""

import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from slb import journal
from slb.model import codec

FORMS = TEXT, JSON = ("text", "json")
LIBRARIES = ("asyncio", "aiohttp", "pyroute2")


def log_to_stderr(program: str, verbose: bool, form: str = TEXT) -> None:
    """Log under the program's name; of libraries only when `verbose`, their errors."""
    level = logging.DEBUG if verbose else logging.INFO
    if form == JSON:
        objects = _Objects(program)
        made = handler(program, objects, objects)
    else:
        # The journal shows whose an entry is by itself.
        bare = logging.Formatter("%(message)s")
        made = handler(program, logging.Formatter(f"{program}: %(message)s"), bare)
    logging.basicConfig(level=level, handlers=[made])
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR if verbose else logging.CRITICAL)


def handler(program: str, line: logging.Formatter, message: logging.Formatter) -> logging.Handler:
    """Return what writes lines of that form to stderr, or such messages to the journal."""
    made = logging.StreamHandler(sys.stderr)
    if not is_journal(sys.stderr, os.environ):
        made.setFormatter(line)
        return made
    made.setFormatter(_Prioritized(line))
    to_journal = journal.JournalHandler(program, made)
    to_journal.setFormatter(message)
    return to_journal


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether a stream leads to the journal, as systemd says of it (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class _Objects(logging.Formatter):
    """An object of JSON: `event` is there for what is an event, with its fields."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "program": self._program,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields: Mapping[str, object] = getattr(record, "fields", {})
        if kind := fields.get("event"):
            line["event"] = {"kind": kind} | {k: v for k, v in fields.items() if k != "event"}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return codec.encode(line).decode()


class _Prioritized(logging.Formatter):
    """Lines of another form with their priority before each."""

    def __init__(self, line: logging.Formatter) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines."""
        mark = f"<{journal.priority(record.levelno)}>"
        return "\n".join(mark + line for line in self._line.format(record).splitlines())
