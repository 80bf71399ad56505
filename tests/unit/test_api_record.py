# SPDX-License-Identifier: BSD-3-Clause
"""slbd's log says who has changed something at its own socket."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon

from rig.waiting import wait
from slb.api.client import Client
from slb.api.unix_http import UnixWay, exchange
from slb.errors import BadRequest
from slb.model.endpoint import VsKey
from slb.model.service import Service

pytest_plugins = ["unit.daemon_fixture"]

VS = VsKey.parse("10.96.0.7:80/tcp")


Records = Callable[[], list[logging.LogRecord]]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Records:
    """What gives the lines of the record."""
    caplog.set_level(logging.INFO, "slb.api.record")
    return lambda: [one for one in caplog.records if one.name == "slb.api.record"]


def test_who_did_what(daemon: FakeDaemon, said: Records) -> None:
    """Also what was refused; nothing of who only reads, or asks what would change."""
    client = Client(str(daemon.socket))
    client.vs_add(Service(VS))
    with pytest.raises(BadRequest):
        client.vs_add(Service(VsKey.parse("192.0.2.7:80/tcp")))
    client.workers_set(1)
    client.vs_list()
    client.apply([], dry_run=True)
    me = f"by uid {os.getuid()}, pid {os.getpid()}"
    lines = said()
    assert [one.getMessage() for one in lines] == [
        f"POST /v1/vs {me}: 201",
        f"POST /v1/vs {me}: 400",
        f"PATCH /v1/workers {me}: 200",
    ]
    fields = {"method": "PATCH", "path": "/v1/workers", "uid": os.getuid(), "pid": os.getpid()}
    assert lines[-1].__dict__["fields"] == fields | {"status": 200}


def test_who_does_not_wait_for_the_answer(daemon: FakeDaemon, said: Records) -> None:
    """It is done all the same, by somebody."""
    begun, over = threading.Event(), threading.Event()

    def commit() -> None:
        begun.set()
        over.wait(10)

    daemon.engine.before_commit = commit
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(daemon.socket))
        body = f'{{"vs": "{VS}"}}'
        head = f"POST /v1/vs HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        one.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
        assert begun.wait(10)
    over.set()
    wait(lambda: len(said()) == 1, 10, "the line of it")
    me = f"by uid {os.getuid()}, pid {os.getpid()}"
    assert said()[0].getMessage() == f"POST /v1/vs {me}: 201"
    assert str(VS) in daemon.services


def test_what_slb_agent_does_is_in_its_own_record(
    daemon: FakeDaemon, said: Records, tmp_path: Path
) -> None:
    Client(UnixWay(str(daemon.socket), str(tmp_path))).vs_add(Service(VS))
    assert said() == []


def test_a_hostile_path(daemon: FakeDaemon, said: Records) -> None:
    """One line, and not a long one."""
    answer = exchange(str(daemon.socket), "DELETE", "/v1/vs/%0a%1b[2J" + "x" * 5000, None, 5)
    assert answer.status >= 400
    (line,) = [one.getMessage() for one in said()]
    assert line.isprintable() and len(line) < 1500
