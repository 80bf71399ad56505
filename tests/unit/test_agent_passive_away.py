# SPDX-License-Identifier: BSD-3-Clause
"""What slbd counts of the RS's answers cannot be read for a while, by a clock of the test's own."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from unit.agent_values import key

from slb.agent.desired import Desired
from slb.agent.passive import PassiveWatch
from slb.agent.standing import Standing
from slb.api.client import Client
from slb.errors import Unreachable
from slb.health.target import Ejected
from slb.model.endpoint import Endpoint
from slb.model.health import NoCheck, Passive
from slb.model.service import RealServer, Service
from slb.model.views import RsAnswers

VS = key(1)
RS = [Endpoint.parse(f"10.10.0.{n}:8080") for n in range(1, 5)]
RULES = Passive(window_s=10, min_connections=20, eject_s=30, max_eject_s=100)
SERVICE = Service(VS, "rr", tuple(RealServer(rs) for rs in RS), health=NoCheck(passive=RULES))
TOLD = "what RS answer is not known: "


class Watched:
    """A watch of four RS, and a slbd that may be away, or fail to tell what it counts."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.trouble: Exception | None = None
        self.told: list[tuple[str, str]] = []
        self.changes = 0
        self._counts = dict.fromkeys(RS, (0, 0, 0))
        self._desired = SimpleNamespace(
            standing=Standing("applied"),
            known=True,
            state=SimpleNamespace(services=lambda: (SERVICE,)),
            effect=SimpleNamespace(fallen={}),
        )
        desired, slbd = cast(Desired, self._desired), cast(Client, self)
        self.watch = PassiveWatch(desired, slbd, self._emit, lambda: self.now)
        self.watch.changed = self._changed
        self.pass_s()

    def be(self, word: str) -> None:
        """Have the agent know that of slbd."""
        self._desired.standing = Standing(word)

    def answer_list(self) -> list[RsAnswers]:
        """What slbd tells."""
        if self.trouble:
            raise self.trouble
        return [
            RsAnswers(str(VS), str(rs), opened, answered, 0, refused, 0, 0, 0, 0)
            for rs, (opened, answered, refused) in self._counts.items()
        ]

    def pass_s(self, seconds: int = 1, refusing: int | None = None) -> None:
        """Let clients come, 30 to each RS and second, and the watch look every second."""
        for _ in range(seconds):
            self.now += 1
            for number, (rs, (opened, answered, refused)) in enumerate(self._counts.items()):
                more = (0, 30) if number == refusing else (30, 0)
                self._counts[rs] = opened + 30, answered + more[0], refused + more[1]
            asyncio.run(self.watch.look())

    def _emit(self, kind: str, **fields: object) -> None:
        self.told.append((kind, str(fields["rs"])))

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture(params=["unreachable", "unknown", "silent"])
def blind(request: pytest.FixtureRequest) -> Watched:
    """The second RS is ejected, and right after that nothing can be read any more."""
    made = Watched()
    made.pass_s(refusing=1)
    assert made.told == [("rs_ejected", str(RS[1]))]
    assert made.watch.ejected() == {Ejected(VS, RS[1]): made.now}
    if request.param == "silent":
        made.trouble = Unreachable("no slbd: nobody listens there")
    else:
        made.be(request.param)
    return made


def test_ejections_end(blind: Watched) -> None:
    """When they would have ended anyway; who looks after slbd hears of it."""
    changes = blind.changes
    blind.pass_s(RULES.eject_s - 1)
    assert len(blind.told) == 1 and blind.watch.ejected() != {}
    blind.pass_s()
    assert blind.told[1:] == [("rs_returned", str(RS[1]))] and blind.watch.ejected() == {}
    assert blind.changes == changes + 1


def test_windows_begin_anew(blind: Watched) -> None:
    """What befell clients meanwhile is held against nobody, nor shown: they may be well again."""
    assert blind.watch.known().figures(VS, RS[0]) is not None
    blind.pass_s(3, refusing=0)
    assert blind.watch.known().figures(VS, RS[0]) is None
    blind.be("applied")
    blind.trouble = None
    blind.pass_s(3)
    assert len(blind.told) == 1
    figures = blind.watch.known().figures(VS, RS[0])
    assert figures is not None and (figures.answered, figures.refused) == (60, 0)
    blind.pass_s(2, refusing=0)
    assert blind.told[1:] == [("rs_ejected", str(RS[0]))], "what is read by now counts"


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And again when it is for another reason, or once more; a defect ends nothing."""
    watched = Watched()

    def said() -> list[str]:
        return [line.removeprefix(TOLD) for line in caplog.messages if line.startswith(TOLD)]

    for trouble in (Unreachable("nobody there"), ValueError("x"), None, ValueError("x")):
        watched.trouble = trouble
        watched.pass_s(2)
    defect = "a defect: ValueError('x')"
    assert said() == ["nobody there", defect, defect]
