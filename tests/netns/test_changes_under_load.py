# SPDX-License-Identifier: BSD-3-Clause
"""Changing the configuration while 100 connections are always open: no request may fail.

client ==100==> switch ==> lb (slbd) ==> pods
                             ^
         slbctl, SIGHUP -----+
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.addresses import CLIENTS, HTTP_VS, PODS
from rig.changes import under_load
from rig.lb import config
from rig.rig import Rig
from rig.services import EQUAL, all_services, dns_service, http_service, service
from rig.waiting import wait

pytestmark = pytest.mark.netns

OTHER_VS = "10.96.0.20:80/tcp"
CHANGED = PODS[3]


def pods_that_answer(rig: Rig) -> set[str]:
    """The pods that answer new connections."""
    outcome = rig.client.http(80)
    assert outcome.failures == []
    return set(outcome.answers)


def change_rs(rig: Rig, method: str, weight: int | None = None) -> Callable[[], None]:
    """A change of the changed pod's RS, by the API: slbctl would take the CPU from the load."""
    if method == "POST":
        row = {"rs": CHANGED.http, "weight": weight}
        return lambda: rig.lb.vs_api("POST", HTTP_VS, "/rs", row)
    body = None if weight is None else {"weight": weight}
    return lambda: rig.lb.vs_api(method, HTTP_VS, f"/rs/{CHANGED.http}", body)


def test_rs_deleted_and_added(rig: Rig) -> None:
    """A deleted RS finishes what it has and gets no more; an added one serves at once."""
    under_load(rig, change_rs(rig, "DELETE"))
    assert pods_that_answer(rig) == EQUAL.keys() - {CHANGED.name}
    under_load(rig, change_rs(rig, "POST", 1))
    assert pods_that_answer(rig) == set(EQUAL)


def test_rs_drained_and_back(rig: Rig) -> None:
    """A draining RS finishes what it has and gets no more, until it has a weight again."""
    under_load(rig, change_rs(rig, "PATCH", 0))
    assert pods_that_answer(rig) == EQUAL.keys() - {CHANGED.name}
    under_load(rig, change_rs(rig, "PATCH", 1))
    assert pods_that_answer(rig) == set(EQUAL)


def test_deleted_rs_keeps_its_connection(rig: Rig) -> None:
    """An open connection to a deleted RS lives on, is listed as such, and ends with the client."""
    rig.lb.apply([http_service({CHANGED.name: 1})])

    def removed() -> list[str]:
        return [row["rs"] for row in rig.lb.items("/v1/rs") if row["removed"]]

    with rig.client.tcp() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(4096)
        change_rs(rig, "DELETE")()
        assert CHANGED.http in removed()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert CHANGED.name.encode() in client.recv(4096)
    wait(lambda: removed() == [], 15, "the end of the removed RS")


def test_port_used_again_is_scheduled_again(rig: Rig) -> None:
    """A client that comes back from the port of a finished connection is a new session."""
    rig.lb.apply([http_service({"pod1a": 1, "pod2b": 1})])
    source = (CLIENTS[1], 9999)
    servers = {pod.name: pod.http for pod in PODS}
    first = _server_name(rig, source)
    rig.lb.vs_api("DELETE", HTTP_VS, f"/rs/{servers[first]}")
    assert _server_name(rig, source) != first


def _server_name(rig: Rig, source: tuple[str, int]) -> str:
    """Who answers a connection from this very port; the server closes it first."""
    with rig.client.tcp(source=source) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := client.recv(4096):
            answer += more
    return answer.split()[-1].decode()


def test_other_vs_added_and_deleted(rig: Rig) -> None:
    """What happens to another VS does not matter to this one."""

    def change() -> None:
        rig.lb.ctl("vs", "add", OTHER_VS, "--rs", CHANGED.http)
        rig.lb.vs_api("PATCH", OTHER_VS, body={"scheduler": "wrr"})
        rig.lb.vs_api("DELETE", OTHER_VS)

    under_load(rig, change)
    assert OTHER_VS not in {row["vs"] for row in rig.lb.items("/v1/vs")}


def test_scheduler_changed(rig: Rig) -> None:
    """Another scheduler takes over without a gap."""
    under_load(rig, lambda: rig.lb.vs_api("PATCH", HTTP_VS, body={"scheduler": "sh"}))
    assert len(pods_that_answer(rig)) == 1


def test_apply(rig: Rig, tmp_path: Path) -> None:
    """The whole set of services changes at once, back and forth."""
    weights = {"pod1a": 3, "pod2a": 1}
    more = [service(f"10.96.1.{n}:80/tcp", {pod.http: 1 for pod in PODS}) for n in range(1, 31)]
    other = [http_service(weights, "wrr"), *more]
    file = tmp_path / "other.yaml"
    file.write_text(json.dumps({"services": other}))

    def change() -> None:
        for services in (other, all_services(), other, all_services()):
            rig.lb.apply(services)
        rig.lb.ctl("apply", str(file))

    under_load(rig, change)
    assert pods_that_answer(rig) == weights.keys()
    assert len(rig.lb.items("/v1/vs")) == 31


def test_sighup(rig: Rig) -> None:
    """A reload adds, changes and removes what differs in the file, and keeps what slbctl added."""
    wanted = config(rig.settings, rig.lb.socket)
    rig.lb.api("/v1/vs", "POST", service(OTHER_VS, {}))

    def reload(services: list[dict[str, object]], done: Callable[[], bool]) -> None:
        rig.lb.write_config({**wanted, "services": services})
        rig.lb.reload()
        wait(done, 10, "the reload's effect")

    def listed() -> set[str]:
        return {row["vs"] for row in rig.lb.items("/v1/vs")}

    try:
        added = [service("10.96.0.21:80/tcp", {CHANGED.http: 1}), dns_service()]
        under_load(rig, lambda: reload(added, lambda: "10.96.0.21:80/tcp" in listed()))
        under_load(rig, lambda: reload([], lambda: "10.96.0.21:80/tcp" not in listed()))
        assert {OTHER_VS, HTTP_VS} <= listed()
    finally:
        rig.lb.write_config(wanted)


def test_wrong_file_at_sighup_changes_nothing(rig: Rig) -> None:
    """A reload of a file with a mistake says so in the log and changes nothing."""
    before = rig.lb.api("/v1/export")
    wanted = config(rig.settings, rig.lb.socket)
    said = len(rig.lb.process.text())
    try:
        rig.lb.write_config({**wanted, "services": [service("10.97.0.1:80/tcp", {})]})
        under_load(rig, lambda: _reload_and_hear(rig, said))
    finally:
        rig.lb.write_config(wanted)
    assert "10.97.0.1" in str(trouble := rig.lb.api("/v1/version")["reload_trouble"]), trouble
    rig.lb.reload()
    wait(lambda: not rig.lb.api("/v1/version")["reload_trouble"], 10, "the right file is read")
    assert rig.lb.api("/v1/export") == before


def _reload_and_hear(rig: Rig, said: int) -> None:
    rig.lb.reload()
    wait(lambda: "10.97.0.1" in rig.lb.process.text()[said:], 10, "a word about the mistake")
