# SPDX-License-Identifier: BSD-3-Clause
"""More and fewer workers while 100 connections are always open: no request may fail.

client ==100==> switch ==> lb (slbd) ==> pods
                             ^
    slbctl workers set, SIGHUP
"""

from collections.abc import Iterator
from contextlib import ExitStack
from socket import socket

import pytest

from rig.changes import under_load
from rig.lb import LbSettings, config
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import wait

pytestmark = pytest.mark.netns

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BOTH, ONE = ["active", "active"], ["active", "idle"]


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig with two workers, of which one gets clients."""
    timeouts = {"tcp_time_wait": 2, "tcp_close": 1, "tcp_last_ack": 2, "tcp_fin_wait": 2}
    settings = LbSettings(workers=2, active=1, services=[http_service()], timeouts=timeouts)
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


@pytest.fixture
def rig(own_rig: Rig) -> Iterator[Rig]:
    """Each test begins with one worker, and nothing on the other."""
    own_rig.lb.ctl("workers", "set", "1", "--now")
    wait(lambda: states(own_rig) == ONE, 20, "the second worker idle")
    yield own_rig


def states(rig: Rig) -> list[str]:
    """Of each worker."""
    return [row["state"] for row in rig.lb.items("/v1/workers")]


def created(rig: Rig, worker: int) -> int:
    """Sessions that a worker has made."""
    return int(rig.lb.items("/v1/workers")[worker]["sessions_created"])


def asks(client: socket) -> None:
    """A request on an open connection is answered."""
    client.sendall(ASK)
    assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_grows_and_shrinks_under_load(rig: Rig) -> None:
    """Connections from before each change go on through both; new ones use the workers of now."""
    with ExitStack() as stack:
        early = [stack.enter_context(rig.client.tcp()) for _ in range(20)]
        for client in early:
            asks(client)
        before = created(rig, 1)
        under_load(rig, lambda: rig.lb.ctl("workers", "set", "2"))
        assert states(rig) == BOTH and created(rig, 1) > before
        late = [stack.enter_context(rig.client.tcp()) for _ in range(20)]
        for client in (*early, *late):
            asks(client)
        assert rig.lb.api("/v1/sessions/count?worker=1")["count"] > 0
        under_load(rig, lambda: rig.lb.ctl("workers", "set", "1"))
        assert states(rig) == ["active", "draining"]
        before = created(rig, 1)
        for client in (*early, *late):
            asks(client)
        assert rig.client.http(100).failures == []
        assert created(rig, 1) == before
    wait(lambda: states(rig) == ONE, 20, "the end of the last session on the second worker")


def test_sessions_that_end_now(rig: Rig) -> None:
    """Those of the worker that goes, and no others."""
    rig.lb.ctl("workers", "set", "2")
    with ExitStack() as stack:
        for _ in range(30):
            asks(stack.enter_context(rig.client.tcp()))
        count = rig.lb.api("/v1/sessions/count?worker=0")["count"]
        rig.lb.ctl("workers", "set", "1", "--now")
        wait(lambda: states(rig) == ONE, 10, "the second worker idle")
        assert rig.lb.api("/v1/sessions/count")["count"] == count
    assert rig.client.http(50).failures == []


def test_more_than_are_ready(rig: Rig) -> None:
    """Refused, with what to do, and nothing has changed."""
    refused = rig.lb.try_ctl("workers", "set", "3")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert "for more, raise engine.workers_max and restart slbd" in refused.stderr
    assert states(rig) == ONE


def test_the_file(rig: Rig) -> None:
    """SIGHUP under load; a number that is too large is refused as a whole."""
    wanted = config(rig.settings, rig.lb.socket)

    def reload(count: int) -> None:
        engine = {**wanted["engine"], "workers": count}
        rig.lb.write_config({**wanted, "engine": engine})
        rig.lb.reload()

    def change(count: int) -> None:
        reload(count)
        wait(lambda: states(rig).count("active") == count, 10, "the reload's effect")

    try:
        under_load(rig, lambda: change(2))
        under_load(rig, lambda: change(1))
        said = len(rig.lb.process.text())
        assert "restart" not in rig.lb.process.text()
        reload(3)
        wait(lambda: "reload refused" in rig.lb.process.text()[said:], 10, "a word about it")
        assert "2 are fewer than engine.workers (3)" in rig.lb.process.text()[said:]
        assert states(rig)[0] == "active"
    finally:
        rig.lb.write_config(wanted)
        rig.lb.reload()


def test_what_is_shown(rig: Rig) -> None:
    """Shares and states, and probes that have proved the idle worker's addresses before."""
    listed = rig.lb.ctl("workers", "list").splitlines()
    assert listed[0].split() == "WORKER CPU STATE SHARE ACTIVE CREATED GENERATION".split()
    assert [line.split()[2:4] for line in listed[1:3]] == [
        ["active", "100.0%"],
        ["idle", "0.0%"],
    ]
    wait(lambda: rig.lb.items("/v1/steering")[0]["unproved"] == 0, 30, "proof of all addresses")
    assert rig.lb.items("/v1/steering")[0]["health"] == "ok"
