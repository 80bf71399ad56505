# SPDX-License-Identifier: BSD-3-Clause
"""What a program's stderr has, in either form, and with the journal at its other end."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import logging, sys
from slb import journal
from slb.agent import audit
from slb.agent.health import log_event
from slb.logs import log_to_stderr
journal.JournalHandler.__init__.__defaults__ = (sys.argv[2],)
log_to_stderr("slbd", "-v" in sys.argv, sys.argv[1])
audit.to_stderr()
log = logging.getLogger("slb.some")
log.info('port "%s"\\nis there', "lan0")
log_event("rs_down", vs="10.96.0.1:80/tcp", rs="10.10.0.1:80", reason="refused")
who = {"who": "uid 0", "owner": None, "path": "/v1/vs"}
logging.getLogger("slb.audit").info('{"who":"uid 0"}', extra={"fields": who})
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("a defect", exc_info=error if "-v" in sys.argv else None)
"""


EVENT = "rs_down: vs 10.96.0.1:80/tcp, rs 10.10.0.1:80, reason refused"


def logged(form: str, *words: str, journal: bool = False, at: str = "/no/journal") -> list[str]:
    """The lines that a program writes which logs as ours do; `at`: the journal's socket."""
    ours, its = socket.socketpair()
    environment = dict(os.environ)
    if journal:
        found = os.fstat(its.fileno())
        environment["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
    with ours, its:
        subprocess.run(
            [sys.executable, "-c", CODE, form, at, *words],
            stderr=its,
            env=environment,
            check=True,
            timeout=30,
        )
        its.shutdown(socket.SHUT_WR)
        with ours.makefile() as text:
            return text.read().splitlines()


def test_text() -> None:
    assert logged("text") == [
        'slbd: port "lan0"',
        "is there",
        f"slbd: {EVENT}",
        '{"who":"uid 0"}',
        "slbd: a defect",
    ]


def test_objects() -> None:
    """One a line, whatever is said; an event with its fields; where it came from when verbose."""
    rows = [json.loads(line) for line in logged("json", "-v")]
    assert [row.get("message") for row in rows] == [
        'port "lan0"\nis there',
        EVENT,
        None,
        "a defect",
    ]
    first, event, audit, defect = rows
    assert (first["program"], first["logger"], first["level"]) == ("slbd", "slb.some", "info")
    assert first["time"].endswith("+00:00") and "event" not in first
    assert event["event"] == {
        "kind": "rs_down",
        "vs": "10.96.0.1:80/tcp",
        "rs": "10.10.0.1:80",
        "reason": "refused",
    }
    assert audit == {"who": "uid 0"}
    assert defect["level"] == "error" and "ZeroDivisionError" in defect["exception"]
    assert "exception" not in json.loads(logged("json")[-1])


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_journal_that_takes_no_entries_gets_priorities(form: str) -> None:
    """On every line, else it would take the rest of a message for another one's."""
    lines = logged(form, journal=True)
    assert {line[:3] for line in lines} == {"<3>", "<4>", "<6>"}
    assert lines[-1].startswith("<3>") and "<4>" in "".join(lines)
    if form == "text":
        assert [line[3:] for line in lines] == logged(form)


def entries(form: str, folder: Path) -> list[dict[str, str]]:
    """What a journal gets, of which nothing is on stderr."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(folder / "socket"))
        end.settimeout(10)
        assert logged(form, journal=True, at=str(folder / "socket")) == []
        return [fields(end.recv(65536)) for _ in range(4)]


def fields(entry: bytes) -> dict[str, str]:
    """An entry as the journal reads it."""
    found = {}
    while entry:
        line, _, entry = entry.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", entry[:8])
            value, end, entry = entry[8 : 8 + size], entry[8 + size : 9 + size], entry[9 + size :]
            assert end == b"\n"
        found[name.decode()] = value.decode()
    return found


def test_entries_have_fields(tmp_path: Path) -> None:
    """A message is one entry however many lines it has; what is unknown is no field."""
    port, event, audit, defect = entries("text", tmp_path)
    assert (port["MESSAGE"], port["PRIORITY"]) == ('port "lan0"\nis there', "6")
    assert (port["SYSLOG_IDENTIFIER"], port["SLB_LOGGER"]) == ("slbd", "slb.some")
    assert event == {
        "MESSAGE": EVENT,
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "slbd",
        "SLB_LOGGER": "slb.agent.health",
        "SLB_EVENT": "rs_down",
        "SLB_VS": "10.96.0.1:80/tcp",
        "SLB_RS": "10.10.0.1:80",
        "SLB_REASON": "refused",
    }
    assert (audit["MESSAGE"], audit["SYSLOG_IDENTIFIER"]) == ('{"who":"uid 0"}', "slb-agent")
    ours = {name: value for name, value in audit.items() if name.startswith("SLB_")}
    assert ours == {"SLB_LOGGER": "slb.audit", "SLB_WHO": "uid 0", "SLB_PATH": "/v1/vs"}
    assert (defect["MESSAGE"], defect["PRIORITY"]) == ("a defect", "3")


def test_entries_of_objects(tmp_path: Path) -> None:
    """With --log json their message is the object."""
    rows = entries("json", tmp_path)
    assert json.loads(rows[1]["MESSAGE"])["event"]["rs"] == rows[1]["SLB_RS"] == "10.10.0.1:80"


def test_a_stream_that_is_not_the_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is inherited by children whose stderr is another one."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not any(line.startswith("<") for line in logged("text"))
