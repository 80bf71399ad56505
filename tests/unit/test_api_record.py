# SPDX-License-Identifier: BSD-3-Clause
"""slbd's log says who has changed something at its own socket."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon

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
