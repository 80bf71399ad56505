# SPDX-License-Identifier: BSD-3-Clause
"""Health checks of the pods, by slb-agent, with the engine and its traffic.

client ==> switch ==> lb: slbd ==> pod1a, pod1b, pod2a, pod2b
                       ^  slb0 --- checks by the kernel's routes ---^
            slb-agent -+
"""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.addresses import (
    DNS_VS,
    ECHO_PORT,
    ECHO_VS,
    HTTP,
    HTTP_PORT,
    HTTP_VS,
    PODS,
    V4,
    V6,
    Family,
    Pod,
    endpoint,
)
from rig.agent import Agent
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.rig import Rig
from rig.services import dns_service, echo_service, http_service, service
from rig.waiting import RigError, holds, wait
from slb.model.events import Event

pytestmark = pytest.mark.netns

INTERVAL_S = 0.4
FAST = {"interval_s": INTERVAL_S, "timeout_s": INTERVAL_S, "rise": 2, "fall": 2}
PATIENCE_S = 10
DRAIN_S = 3
# Where nothing listens but what the checks of some tests ask.
DOOR_PORT = 8099
PINGS = Path(__file__).parents[2] / "configs/sysctl.d/50-slb-ping.conf"
POD = PODS[0]
OTHERS = {pod.name for pod in PODS[1:]}


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig of two workers whose slbd knows no service of its own."""
    policies = {"tcp": {"expired": "reset"}, "drain": {"tcp_s": DRAIN_S}}
    with Rig(LbSettings(workers=2, policies=policies)) as rig:
        rig.wait_ospf()
        # As our package has it on a host.
        rig.lb.namespace.run("sysctl", "-qp", str(PINGS))
        yield rig


@pytest.fixture(scope="module")
def agent(own_rig: Rig) -> Agent:
    """Its agent."""
    return Agent(own_rig)


@pytest.fixture
def apply(own_rig: Rig, agent: Agent, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """`slbctl apply` of services with checks, which ends with all of them up and all pods alive."""

    def applied(*services: dict[str, Any]) -> None:
        file = tmp_path / "services.yaml"
        file.write_text(yaml.safe_dump({"services": list(services)}))
        own_rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))
        wait(lambda: states(agent) == {"up"}, PATIENCE_S, "all up")

    yield applied
    own_rig.pods[POD.name].send(signal.SIGCONT)
    if own_rig.pods[POD.name].status() is not None:
        own_rig.restart_pod(POD)


def states(agent: Agent) -> set[str]:
    """The states of all that is checked."""
    return {row.state for row in agent.client.health()}


def weight(rig: Rig, vs: str, rs: str) -> int:
    """The weight that slbd has; -1: it does not have the RS."""
    rows = [row for row in rig.lb.items("/v1/rs") if row["vs"] == vs]
    return next((row["weight"] for row in rows if row["rs"] == rs and not row["removed"]), -1)


def end_pod(rig: Rig) -> None:
    """Have the pod's servers go, as when they crash."""
    rig.pods[POD.name].send(signal.SIGKILL)
    rig.pods[POD.name].wait(5)


def answering(rig: Rig, total: int = 200) -> set[str]:
    """Who answers, of new connections of which none may fail."""
    outcome = rig.client.http(total)
    assert outcome.failures == []
    return set(outcome.answers)


def test_a_server_that_ends_and_comes_back(
    own_rig: Rig, agent: Agent, apply: Callable[..., None]
) -> None:
    """Out on every worker; no connection fails from then on."""
    apply(http_service() | {"health": {"type": "tcp", **FAST}})
    assert answering(own_rig) == OTHERS | {POD.name}
    end_pod(own_rig)
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "no weight for it")
    assert answering(own_rig) == OTHERS
    assert agent.client.status().slbd == "applied"
    shown = own_rig.lb.ctl("--socket", str(agent.socket), "rs", "list", HTTP_VS)
    assert "down: connection refused" in shown
    own_rig.restart_pod(POD)
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 1, PATIENCE_S, "its weight again")
    assert answering(own_rig) == OTHERS | {POD.name}


def test_within_one_interval_on_all_workers(
    own_rig: Rig, agent: Agent, apply: Callable[..., None]
) -> None:
    """Of the check that finds it down; from then on nobody is sent there."""
    interval_s = 1
    apply(http_service() | {"health": {"type": "tcp", "interval_s": interval_s, "fall": 1}})
    end_pod(own_rig)
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "no weight for it")
    (row,) = (row for row in agent.client.health() if row.state == "down")
    assert row.since_s < interval_s
    generations = {worker["generation"] for worker in own_rig.lb.items("/v1/workers")}
    assert generations == {own_rig.lb.api("/v1/version")["generation"]}
    assert answering(own_rig) == OTHERS


def test_a_server_that_takes_connections_and_hangs(
    own_rig: Rig, agent: Agent, apply: Callable[..., None]
) -> None:
    """Its kernel still answers SYNs, so only a request can tell."""
    apply(http_service() | {"health": {"type": "http", "body": "pod", **FAST}})
    own_rig.pods[POD.name].freeze()
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "no weight for it")
    assert answering(own_rig) == OTHERS
    (row,) = (row for row in agent.client.health() if row.state == "down")
    assert row.reason == f"no answer within {INTERVAL_S} s"


def test_connections_to_a_server_that_hangs_are_reset(
    own_rig: Rig, agent: Agent, apply: Callable[..., None]
) -> None:
    """As soon as it is out; who comes again is served by another, and others' connections go on."""
    check = {"type": "http", "body": "pod", "down": "reset", **FAST}
    apply(http_service() | {"health": check})
    since = events(agent)[-1].id
    with ExitStack() as stack:
        talks = [stack.enter_context(closing(connected(own_rig))) for _ in range(4 * len(PODS))]
        served = [(name(talk), talk) for talk in talks]
        hanging = [talk for pod, talk in served if pod == POD.name]
        assert len(hanging) > 1
        # Those of earlier tests that wait out their time after the end are among them.
        most = own_rig.lb.api(f"/v1/sessions/count?vs={HTTP_VS}&rs={POD.http}")["count"]
        own_rig.pods[POD.name].freeze()
        hanging[0].request("GET", "/")
        wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "no weight for it")
        begun = time.monotonic()
        for talk in hanging:
            with pytest.raises(ConnectionResetError):
                talk.sock.recv(1)
        assert time.monotonic() - begun < 3
        for talk in hanging:
            talk.close()
            talk.sock = own_rig.client.tcp()
            assert name(talk) in OTHERS
        assert [name(talk) for pod, talk in served if pod != POD.name] == [
            pod for pod, _ in served if pod != POD.name
        ]
    (told,) = (one for one in events(agent, since) if one.kind == "sessions_reset")
    assert told.data["vs"] == HTTP_VS and told.data["rs"] == POD.http
    # The checks' own connections do not pass the load balancer.
    assert len(hanging) <= told.data["sessions"] <= most
    assert told.data["who"] == "slb-agent"


@pytest.mark.parametrize("down", ["keep", "drain"])
def test_open_connections_to_what_is_down(
    own_rig: Rig, agent: Agent, apply: Callable[..., None], down: str
) -> None:
    """They go on, with `drain` until `drain.tcp_s` is over; and the others' go on in any case."""
    with ExitStack() as stack:
        doors = {pod.name: stack.enter_context(door(own_rig, pod)) for pod in PODS}
        check = {"type": "tcp", "port": DOOR_PORT, "down": down, **FAST}
        apply(http_service() | {"health": check})
        talks = [stack.enter_context(closing(connected(own_rig))) for _ in range(4 * len(PODS))]
        served = [(name(talk), talk) for talk in talks]
        its = [talk for pod, talk in served if pod == POD.name]
        assert len(its) > 1
        begun = time.monotonic()
        # Its server is as well as ever.
        doors[POD.name].close()
        left = 0 if down == "keep" else -1
        wait(lambda: weight(own_rig, HTTP_VS, POD.http) == left, PATIENCE_S, "out")
        assert {name(talk) for talk in its} == {POD.name}
        assert answering(own_rig) == OTHERS
        if down == "drain":
            for talk in its:
                with pytest.raises(ConnectionResetError):
                    talk.sock.recv(1)
            assert time.monotonic() - begun > DRAIN_S - 0.5
            served = [(pod, talk) for pod, talk in served if pod != POD.name]
        holds(
            lambda: all(name(talk) == pod for pod, talk in served),
            DRAIN_S + 1 if down == "keep" else 0.5,
            "they go on",
        )


def door(rig: Rig, pod: Pod) -> socket.socket:
    """What a check of DOOR_PORT finds at a pod, until it is closed."""
    at = (pod.address, DOOR_PORT)
    return rig.node(pod.node).call(lambda: socket.create_server(at, backlog=1024))


def connected(rig: Rig) -> HTTPConnection:
    """A connection that can be used again and again."""
    talk = HTTPConnection(*HTTP, timeout=PATIENCE_S)
    talk.sock = rig.client.tcp()
    return talk


def name(talk: HTTPConnection) -> str:
    """The pod that answers."""
    talk.request("GET", "/")
    return talk.getresponse().read().decode().strip()


def events(agent: Agent, since: int = 0) -> list[Event]:
    """What the agent has told."""
    return list(agent.client.events(since, follow=False))


def test_udp_dns_and_ping(own_rig: Rig, agent: Agent, apply: Callable[..., None]) -> None:
    """A pod without its servers still answers pings; one sends its UDP sessions elsewhere."""
    query = {"type": "dns", "name": "x.example.org", "down": "drain", **FAST}
    apply(
        echo_service() | {"health": {"type": "udp", "send": "hi", "expect": "hi", **FAST}},
        dns_service() | {"health": query},
        http_service() | {"health": {"type": "icmp", **FAST}},
    )
    end_pod(own_rig)
    wait(lambda: weight(own_rig, ECHO_VS, POD.echo) == 0, PATIENCE_S, "no weight for echo")
    wait(lambda: weight(own_rig, DNS_VS, POD.dns) == -1, PATIENCE_S, "DNS without it")
    assert own_rig.client.dns(100).failures == []
    assert weight(own_rig, HTTP_VS, POD.http) == 1
    down = {(row.vs, row.rs) for row in agent.client.health() if row.state == "down"}
    assert down == {(ECHO_VS, POD.echo), (DNS_VS, POD.dns)}


@dataclass(frozen=True)
class NoWay:
    """A check of the pod, the switch's route for it, and what its ICMP comes to at the LB."""

    family: Family
    check: dict[str, str]
    port: int
    route: str
    reason: str


ECHO = {"type": "udp", "send": "hi", "expect": "hi"}
NO_WAYS = {
    "TCP IPv4": NoWay(V4, {"type": "tcp"}, HTTP_PORT, "throw", "network is unreachable"),
    "TCP IPv6": NoWay(V6, {"type": "tcp"}, HTTP_PORT, "prohibit", "permission denied"),
    "UDP IPv6": NoWay(V6, ECHO, ECHO_PORT, "prohibit", "permission denied"),
}


@pytest.fixture
def no_way(own_rig: Rig, request: pytest.FixtureRequest) -> Iterator[tuple[NoWay, Namespace]]:
    """One of these, and the switch, which loses the route again that the test gives it."""
    way: NoWay = NO_WAYS[request.param]
    switch = own_rig.switch.namespace
    for limit in "net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit":
        switch.run("sysctl", "-qw", f"{limit}=0")
    yield way, switch
    with suppress(RigError):
        switch.ip("route", "del", way.route, POD.at(way.family))


@pytest.mark.parametrize("no_way", NO_WAYS, indirect=True)
def test_a_router_that_says_that_there_is_no_way(
    agent: Agent, apply: Callable[..., None], no_way: tuple[NoWay, Namespace]
) -> None:
    """Its ICMP has the error numbers of a host that has no route itself, and is a bad check."""
    way, switch = no_way
    proto = "udp" if way.check is ECHO else "tcp"
    vs = f"{endpoint(way.family.vip, 8099)}/{proto}"
    rows = {endpoint(pod.at(way.family), way.port): 1 for pod in PODS}
    apply(service(vs, rows) | {"health": way.check | FAST})
    switch.ip("route", "add", way.route, POD.at(way.family))

    def down() -> list[tuple[str, str]]:
        return [(row.rs, row.reason) for row in agent.client.health() if row.state == "down"]

    rs = endpoint(POD.at(way.family), way.port)
    wait(lambda: down() == [(rs, way.reason)], PATIENCE_S, "it is found down")
    assert agent.client.status().rs_silent == 0
    switch.ip("route", "del", way.route, POD.at(way.family))
    wait(lambda: states(agent) == {"up"}, PATIENCE_S, "all up again")


@pytest.mark.parametrize("killed", ["slbd", "agent"])
def test_what_is_down_stays_out(
    own_rig: Rig, agent: Agent, apply: Callable[..., None], killed: str
) -> None:
    """The next slbd gets the services without it; the next agent learns it from slbd."""
    apply(http_service() | {"health": {"type": "tcp", **FAST}})
    end_pod(own_rig)
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "no weight for it")
    before = own_rig.lb.api("/v1/version")["generation"]
    if killed == "agent":
        agent.kill()
        agent.start()
        assert own_rig.lb.api("/v1/version")["generation"] == before, "no transaction"
    else:
        own_rig.lb.process.send(signal.SIGKILL)
        own_rig.lb.process.wait(5)
        own_rig.restart_lb()
        wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 0, PATIENCE_S, "as before")
        own_rig.wait_ospf()
    assert answering(own_rig) == OTHERS
    own_rig.restart_pod(POD)
    wait(lambda: weight(own_rig, HTTP_VS, POD.http) == 1, PATIENCE_S, "its weight again")
