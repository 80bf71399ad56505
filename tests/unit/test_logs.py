# SPDX-License-Identifier: BSD-3-Clause
"""What a program's stderr has, in either form, and with the journal at its other end."""

import json
import os
import socket
import subprocess
import sys

import pytest

CODE = """
import logging, sys
from slb.agent import audit
from slb.agent.health import log_event
from slb.logs import log_to_stderr
log_to_stderr("slbd", "-v" in sys.argv, sys.argv[1])
audit.to_stderr()
log = logging.getLogger("slb.some")
log.info('port "%s"\\nis there', "lan0")
log_event("rs_down", rs="10.10.0.1:80", reason="connection refused")
logging.getLogger("slb.audit").info('{"who":"uid 0"}')
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("a defect", exc_info=error if "-v" in sys.argv else None)
"""


def logged(*words: str, journal: bool = False) -> list[str]:
    """The lines that a program writes which logs as ours do."""
    ours, its = socket.socketpair()
    environment = dict(os.environ)
    if journal:
        found = os.fstat(its.fileno())
        environment["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
    with ours, its:
        subprocess.run(
            [sys.executable, "-c", CODE, *words],
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
        "slbd: rs_down: rs 10.10.0.1:80, reason connection refused",
        '{"who":"uid 0"}',
        "slbd: a defect",
    ]


def test_objects() -> None:
    """One a line, whatever is said; an event with its fields; where it came from when verbose."""
    rows = [json.loads(line) for line in logged("json", "-v")]
    assert [row.get("message") for row in rows] == [
        'port "lan0"\nis there',
        "rs_down: rs 10.10.0.1:80, reason connection refused",
        None,
        "a defect",
    ]
    first, event, audit, defect = rows
    assert (first["program"], first["logger"], first["level"]) == ("slbd", "slb.some", "info")
    assert first["time"].endswith("+00:00") and "event" not in first
    assert event["event"] == {
        "kind": "rs_down",
        "rs": "10.10.0.1:80",
        "reason": "connection refused",
    }
    assert audit == {"who": "uid 0"}
    assert defect["level"] == "error" and "ZeroDivisionError" in defect["exception"]
    assert "exception" not in json.loads(logged("json")[-1])


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_journal_gets_priorities(form: str) -> None:
    """On every line, else it would take the rest of a message for another one's."""
    lines = logged(form, journal=True)
    assert {line[:3] for line in lines} == {"<3>", "<4>", "<6>"}
    assert lines[-1].startswith("<3>") and "<4>" in "".join(lines)
    if form == "text":
        assert [line[3:] for line in lines] == logged(form)


def test_a_stream_that_is_not_the_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is inherited by children whose stderr is another one."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not any(line.startswith("<") for line in logged("text"))
