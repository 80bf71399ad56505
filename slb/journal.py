# SPDX-License-Identifier: BSD-3-Clause
"""Log entries with fields for systemd's journal, by its native protocol.

That is a datagram with a line or two for each field, which is less than what a package for it would
cost; it is described at systemd.io/JOURNAL_NATIVE_PROTOCOL. The journal itself adds whose they are.
"""

import logging
import socket
import struct
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"
# A full queue of the journal's holds up an event loop no longer than this.
PATIENCE_S = 0.5
OURS = "SLB_"
# Of syslog(3), by the least level that has it.
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def priority(level: int) -> int:
    """Return what syslog(3) calls a level."""
    return next(number for least, number in _PRIORITIES if level >= least)


def entry(fields: Mapping[str, object]) -> bytes:
    """Return an entry as it is sent; what is None is left out."""
    made = bytearray()
    for name, value in fields.items():
        if value is None:
            continue
        data = str(value).encode(errors="replace")
        # Only what has a line's end in it needs to say how long it is.
        if b"\n" in data:
            made += name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
        else:
            made += name.encode() + b"=" + data + b"\n"
    return bytes(made)


class JournalHandler(logging.Handler):
    """Sends entries, under a program's name; what does not come through goes another way.

    What a record has as `fields` are fields of the entry, as SLB_VS and SLB_RS.
    """

    def __init__(self, program: str, otherwise: logging.Handler, path: str = SOCKET) -> None:
        super().__init__()
        self._program = program
        self._otherwise = otherwise
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Send one."""
        try:
            fields: dict[str, object] = {
                "MESSAGE": self.format(record),
                "PRIORITY": priority(record.levelno),
                "SYSLOG_IDENTIFIER": self._program,
                OURS + "LOGGER": record.name,
            }
            known: Mapping[str, object] = getattr(record, "fields", {})
            fields |= {OURS + name.upper(): value for name, value in known.items()}
            told = entry(fields)
        except Exception:
            # As any handler: a wrong record must not end who logs.
            self.handleError(record)
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(PATIENCE_S)
                channel.sendto(told, self._path)
        except OSError:
            # It is not there, does not take any, or the entry is too long for it.
            self._otherwise.handle(record)
