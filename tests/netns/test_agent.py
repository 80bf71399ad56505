# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent beside slbd, either of them killed, under traffic.

client ==100==> switch ==> lb: slbd ==> pods
                                ^
        slbctl --> slb-agent ---+
"""

import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
import yaml

from rig.addresses import DNS, HTTP_VS, PODS
from rig.agent import Agent
from rig.changes import under_load
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import EQUAL, all_services, http_service
from rig.waiting import holds, wait
from slb.errors import SlbError
from slb.model.endpoint import Endpoint, VsKey

pytestmark = pytest.mark.netns

REAPPLIED_S = 1.0


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig of two workers whose slbd knows no service of its own, and waits for the agent's."""
    with Rig(LbSettings(workers=2, await_services_s=60)) as rig:
        yield rig


@pytest.fixture(scope="module")
def agent(own_rig: Rig) -> Agent:
    """Its agent."""
    agent = Agent(own_rig)
    own_rig.wait_ospf()
    return agent


@pytest.fixture(autouse=True)
def services(own_rig: Rig, agent: Agent, tmp_path: Path) -> None:
    """HTTP, DNS and echo on every pod, by slbctl and the agent."""
    apply(own_rig, agent, tmp_path, all_services())


def apply(
    rig: Rig, agent: Agent, folder: Path, services: list[dict[str, object]], *words: str
) -> str:
    """`slbctl apply` at the agent."""
    file = folder / "services.yaml"
    file.write_text(yaml.safe_dump({"services": services}))
    return rig.lb.ctl("--socket", str(agent.socket), "apply", str(file), *words)


def there(rig: Rig) -> dict[str, int]:
    """How many RS each VS has, as slbd says."""
    return {row["vs"]: row["rs_count"] for row in rig.lb.items("/v1/vs")}


def sessions(rig: Rig) -> set[tuple[str, str, int]]:
    """Who talks to which RS by which worker."""
    rows = rig.lb.api("/v1/sessions?limit=1000")["items"]
    return {(row["client"], row["rs"], row["worker"]) for row in rows}


def test_an_agent_killed_under_traffic(own_rig: Rig, agent: Agent) -> None:
    """No request fails, no session moves, and the engine sees no transaction."""
    before = {row["vs"]: row["generation"] for row in own_rig.lb.items("/v1/vs")}
    with own_rig.client.tcp() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(4096)
        peer = "{}:{}".format(*client.getsockname())
        (mine,) = (row for row in sessions(own_rig) if row[0] == peer)

        def kill_and_start() -> None:
            agent.kill()
            agent.start()

        under_load(own_rig, kill_and_start)
        assert mine in sessions(own_rig)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert {row["vs"]: row["generation"] for row in own_rig.lb.items("/v1/vs")} == before


def test_an_agent_killed_while_it_changes(own_rig: Rig, agent: Agent) -> None:
    """The last change that was answered holds, or the one after it, on disk and in slbd."""
    vs, rs = VsKey.parse(HTTP_VS), Endpoint.parse(PODS[0].http)
    answered = []

    def change() -> None:
        for weight in cycle(range(1, 1001)):
            try:
                agent.client.rs_edit(vs, rs, weight)
            except SlbError:
                return
            answered.append(weight)

    def kill_and_start() -> None:
        changing = Thread(target=change)
        changing.start()
        wait(lambda: len(answered) > 20, 20, "some changes")
        agent.kill()
        changing.join(20)
        agent.start()

    under_load(own_rig, kill_and_start)
    rows = own_rig.lb.items(f"/v1/rs?vs={quote(HTTP_VS)}")
    (now,) = (row["weight"] for row in rows if row["rs"] == str(rs))
    (service,) = (one for one in agent.client.export().services if one.vs == vs)
    assert now in (answered[-1], answered[-1] % 1000 + 1)
    assert now == next(real.weight for real in service.rs if real.rs == rs)


def test_slbd_killed(own_rig: Rig, agent: Agent) -> None:
    """The next slbd has all services within a second, and carries traffic."""
    wanted = there(own_rig)
    assert len(wanted) == 3
    own_rig.lb.process.send(signal.SIGKILL)
    own_rig.lb.process.wait(5)
    wait(lambda: agent.client.status().slbd == "unreachable", 5, "the agent's notice")
    own_rig.restart_lb()
    wait(lambda: there(own_rig) == wanted, REAPPLIED_S, "the services of before")
    own_rig.wait_ospf()
    assert own_rig.client.http(200).failures == []
    assert own_rig.client.dns(200).failures == []
    assert agent.client.status().mended == 0


def test_no_route_before_the_services(own_rig: Rig, agent: Agent) -> None:
    """Without the agent a slbd that was started again speaks OSPF, but announces nothing.

    So nobody's packet comes to it before it knows what to do with it.
    """
    agent.kill()
    own_rig.lb.process.send(signal.SIGKILL)
    own_rig.lb.process.wait(5)
    wait(lambda: not own_rig.routes_to_lb(), 15, "the routes of a killed slbd gone")
    with own_rig.client.udp(DNS) as client:

        def unannounced() -> bool:
            with suppress(OSError):
                client.send(b"?")
            return not own_rig.routes_to_lb()

        own_rig.restart_lb()
        wait(lambda: unannounced() and own_rig.lb_full(), 15, "OSPF Full on the LB")
        holds(unannounced, 2, "nothing is announced")
        assert "waiting for the services" in own_rig.lb.ctl("ospf", "status")
        agent.start()
        own_rig.wait_ospf()
    (no_vs,) = (row["total"] for row in own_rig.lb.items("/v1/drops") if row["reason"] == "NO_VS")
    assert no_vs == 0
    assert own_rig.client.http(200).failures == []


def test_changed_beside_the_agent(own_rig: Rig, agent: Agent) -> None:
    """What slbd was told without the agent is undone, and the agent says what it was."""
    wanted = there(own_rig)
    own_rig.lb.vs_api("DELETE", HTTP_VS)
    wait(lambda: there(own_rig) == wanted, 5, "the VS again")
    assert own_rig.client.http(80).failures == []
    assert f"+ vs {HTTP_VS}" in agent.process.text()


def test_a_change_under_traffic(own_rig: Rig, agent: Agent, tmp_path: Path) -> None:
    """A change by the agent loses no more than one of slbd's own: nothing."""
    changed = [http_service({PODS[0].name: 1})]

    def change() -> None:
        apply(own_rig, agent, tmp_path, changed)
        apply(own_rig, agent, tmp_path, all_services())

    under_load(own_rig, change)
    assert set(own_rig.client.http(80).answers) == set(EQUAL)


@pytest.mark.parametrize("killed", [False, True], ids=["agent lives", "agent killed"])
def test_not_confirmed(own_rig: Rig, agent: Agent, tmp_path: Path, killed: bool) -> None:
    """What cut the clients off is undone, also by an agent that was away when the time was over."""
    wanted = there(own_rig)
    said = apply(own_rig, agent, tmp_path, [], "--allow-empty", "--confirm", "2s")
    assert "undone in 2 s" in said and there(own_rig) == {}
    if killed:
        agent.kill()
        holds(lambda: there(own_rig) == {}, 2.5, "nobody undoes it")
        agent.start()
    wait(lambda: there(own_rig) == wanted, 5, "the services of before")
    assert own_rig.client.http(80).failures == []
    newest = agent.client.history()[0]
    assert newest.change == "not confirmed in time, rolled back"


def test_confirmed(own_rig: Rig, agent: Agent, tmp_path: Path) -> None:
    """What was confirmed stays."""
    apply(own_rig, agent, tmp_path, [http_service()], "--confirm", "1s")
    own_rig.lb.ctl("--socket", str(agent.socket), "confirm")
    holds(lambda: set(there(own_rig)) == {HTTP_VS}, 1.5, "the confirmed change")


def test_another_agent(own_rig: Rig, agent: Agent) -> None:
    """It ends and disturbs nothing while the first one lives; when that was killed it is taken."""
    wanted = there(own_rig)
    generation = own_rig.lb.api("/v1/version")["generation"]

    def try_another() -> None:
        other = Agent.another(own_rig)
        assert other.wait(10) == 2
        (line,) = other.text().splitlines()
        assert line.startswith("slb-agent: slbd follows the slb-agent with pid ")
        assert f" {agent.process.pid}, " in line and line.endswith("; stop one of the two")

    under_load(own_rig, try_another)
    assert own_rig.lb.api("/v1/version")["generation"] == generation
    own_rig.lb.ctl("vs", "edit", HTTP_VS, "--scheduler", "wrr")
    wait(lambda: agent.client.status().mended > 0, 5, "an operator's own change mended")
    agent.kill()
    other = Agent.another(own_rig)
    wait(lambda: "slbd has generation" in other.text(), 2, "the other agent, followed")
    assert there(own_rig) == wanted and other.status() is None
    other.stop()
    agent.start()
