# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent, slbd and BIRD killed at random moments, while requests and changes go on.

client ==HTTP==> switch ==> lb: slbd (BIRD) ==> pods
                                ^
      sets of VS --> slb-agent -+

What is announced is what BIRD itself says that it exports, looked at in each round. That the switch
has it too takes OSPF's time, more of it than a round: after some rounds in which anybody is killed,
the VS stay while RS change and agents are killed, and then the switch's routes must be the same.
SLB_KILL_ROUNDS says how often; SLB_KILL_SEED repeats a run.
"""

import contextlib
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig import kills
from rig.addresses import LB, VIP, local_prefixes
from rig.agent import Agent
from rig.lb import LbSettings
from rig.registry import ProcessId, children
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import RigTimeout, wait
from slb.model import codec
from slb.model.service import ServiceSet

pytestmark = [pytest.mark.netns, pytest.mark.timeout(400)]

ROUNDS = kills.rounds("SLB_KILL_ROUNDS", 100)
SETTLED_S = 5.0
# Of so many rounds the last are of one set of VS, and of kills of the agent alone; in the last of
# these the switch's routes are compared.
GROUP, STEADY, LOOKS = 12, 6, 2
# No LSA is sent anew within 5 s of the last time (RFC 2328, MinLSInterval), and BIRD and the switch
# compute once a second each.
SPREAD_S = 10.0
# A BIRD that was killed becomes Full again before, and then both ends' router LSAs are sent anew.
RETURN_S = 20.0
# A connection begun so long before slbd is killed may be one that waits for TCP's repetition.
BEFORE_S = 1.5
WORKERS = 2
WIDTH = 20
PAUSE_S = 0.1


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig that announces each VS, so that the routes tell which there are, to one neighbour."""
    settings = LbSettings(
        workers=WORKERS, ipv6=False, announce="vips", network_type="ptp", await_services_s=30
    )
    with Rig(settings) as rig:
        yield rig


class Victims:
    """Who may be killed, and how they come back; each returns when it killed."""

    def __init__(self, rig: Rig, agent: Agent) -> None:
        self._rig, self._agent = rig, agent
        self.kill: dict[str, Callable[[], float]] = {
            "slb-agent": self._kill_agent,
            "slbd": self._kill_slbd,
            "BIRD": self._kill_bird,
        }
        self._left: list[str] = []

    def next(self, chance: random.Random) -> str:
        """Choose one: by chance, but of six in turn each of them twice."""
        if not self._left:
            self._left = 2 * list(self.kill)
            chance.shuffle(self._left)
        return self._left.pop()

    def _kill_agent(self) -> float:
        began = time.monotonic()
        self._agent.kill()
        self._agent.start()
        return began

    def _kill_slbd(self) -> float:
        began = time.monotonic()
        self._rig.lb.process.send(signal.SIGKILL)
        self._rig.lb.process.wait(5)
        self._rig.restart_lb()
        route_to(self._rig)
        return began

    def _kill_bird(self) -> float:
        bird = wait(self._bird, 10, "a BIRD to be killed")
        began = time.monotonic()
        bird.send(signal.SIGKILL)
        return began

    def _bird(self) -> ProcessId | None:
        for pid in children(self._rig.lb.process.pid):
            # A birdc may have ended by now.
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "bird":
                    return ProcessId.of(pid)
        return None


class Agreement:
    """Desired state, engine and the routes that BIRD announces, compared."""

    def __init__(self, rig: Rig, agent: Agent, changer: kills.Changer) -> None:
        self._rig, self._agent, self._changer = rig, agent, changer
        self.trouble = ""

    def there(self) -> bool:
        """Tell whether all three are of one set that may be; `trouble` says what is not."""
        self.trouble = self._compare()
        return not self.trouble

    def _compare(self) -> str:
        desired = kills.found(codec.to_plain(self._agent.client.export())["services"])
        if not self._changer.may_be(desired):
            return f"desired, but torn, old or lost: {desired}"
        engine = engine_of(self._rig)
        if engine != desired:
            return f"desired {desired}, but the engine has {engine}"
        generations = {row["generation"] for row in self._rig.lb.items("/v1/workers")}
        if len(generations) != 1:
            return f"workers of generations {generations}"
        announced = {
            prefix.removesuffix("/32") for prefix in self._rig.lb.api("/v1/ospf")["announced"]
        }
        if announced != (wanted := routes_of(desired)):
            return f"routes {sorted(announced ^ wanted)} are too many or too few"
        return ""


def routes_of(services: kills.Found) -> set[str]:
    """What must be announced for them."""
    return {vs.partition(":")[0] for vs in services} | local_prefixes(WORKERS)


def route_to(rig: Rig) -> None:
    """Routes of the switch's own, so that requests go on, whatever OSPF makes of so many changes.

    They go with the link of a slbd that has died.
    """
    for prefix in (VIP, "198.18.0.0/24"):
        rig.switch.namespace.ip("route", "replace", prefix, "via", LB, "metric", "4000")


def engine_of(rig: Rig) -> kills.Found:
    """What slbd has at this moment."""
    return kills.found(rig.lb.api("/v1/export")["services"])


def settle(agreement: Agreement, began: float, what: str) -> float:
    """Wait until all agree again; returns how long that took."""
    try:
        wait(agreement.there, began + SETTLED_S - time.monotonic(), "agreement")
    except RigTimeout:
        pytest.fail(f"{what}: {agreement.trouble}")
    return time.monotonic() - began


class Spread:
    """How the switch's routes follow: compared, with who was killed before."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._killed: list[str] = []
        self.took: dict[str, list[float]] = defaultdict(list)

    def killed(self, victim: str) -> None:
        """Note who was killed since the last look."""
        self._killed.append(victim)

    def look(self) -> None:
        """Wait until the switch has the routes that the VS want; no VS may come or go meanwhile."""
        began, wanted = time.monotonic(), routes_of(engine_of(self._rig))
        bound_s = SPREAD_S if set(self._killed) <= {"slb-agent"} else RETURN_S
        try:
            wait(lambda: self._rig.routes_to_lb() == wanted, bound_s, "the switch's routes")
        except RigTimeout:
            wrong = sorted(self._rig.routes_to_lb() ^ wanted)
            pytest.fail(f"after {self._killed} the switch has {wrong} too many or too few")
        for victim in set(self._killed):
            self.took[victim].append(time.monotonic() - began)
        self._killed.clear()


def test_killed_at_random(own_rig: Rig) -> None:
    """All agree within 5 s of each kill, with the start of who was killed; none is torn.

    The switch's routes follow. Requests fail for slbd's death alone.
    """
    route_to(own_rig)
    agent = Agent(own_rig)
    victims, spread, chance = Victims(own_rig, agent), Spread(own_rig), kills.dice()
    took: dict[str, list[float]] = defaultdict(list)
    without_slbd: list[tuple[float, float]] = []

    def apply(services: list[dict[str, object]]) -> None:
        agent.client.apply(codec.convert({"services": services}, ServiceSet).services)

    changer = kills.Changer(apply, lambda: engine_of(own_rig), all_services(), 0.05)
    with changer, own_rig.client.http_load(WIDTH, 1, PAUSE_S) as load:
        agreement = Agreement(own_rig, agent, changer)
        for number in range(ROUNDS):
            steady = number % GROUP >= GROUP - STEADY
            changer.step = kills.SAME_VS if steady else 1
            victim = "slb-agent" if steady else victims.next(chance)
            spread.killed(victim)
            changes(changer, chance)
            began = victims.kill[victim]()
            with changer.lock:
                took[victim].append(settle(agreement, began, f"round {number}, {victim} killed"))
                if number % GROUP >= GROUP - LOOKS:
                    spread.look()
            if victim == "slbd":
                without_slbd.append((began - BEFORE_S, time.monotonic()))
        outcome = load.stop()
    assert changer.torn == []
    spread.look()
    for what, times in (("all agreed", took), ("the switch did, too", spread.took)):
        for victim, seconds in times.items():
            print(f"{victim}: {len(seconds)} times, {max(seconds):.1f} s at most until {what}")
    print(f"{changer.tried} changes, {changer.looks} looks, {outcome.answered} requests answered")
    print(f"{len(outcome.failures)} failed")
    if ROUNDS >= 2 * GROUP:
        assert min(len(took[victim]) for victim in victims.kill) >= ROUNDS // 10
        assert spread.took.keys() == victims.kill.keys()
    harmed = [one for one in outcome.lost if not any(a <= one.begun <= b for a, b in without_slbd)]
    assert harmed == [], f"{outcome.lost} failed; slbd was away in {without_slbd}"
    assert changer.looks > ROUNDS and outcome.answered > ROUNDS
    assert own_rig.client.http(100).failures == []


def changes(changer: kills.Changer, chance: random.Random) -> None:
    """Have some changes made, and a part of one more."""
    tried = changer.tried
    wait(lambda: changer.tried > tried + 1, 10, "changes")
    until = time.monotonic() + chance.uniform(0, 0.1)
    wait(lambda: time.monotonic() >= until, 1, "a moment")
