# SPDX-License-Identifier: BSD-3-Clause
"""Every figure of slb-agent's exposition is the one that its name says: no two fields are alike."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from unit.agent_values import service

from rig.exposition import Samples, samples, written
from slb.agent.metrics import WORDS, AgentMetrics
from slb.agent.record import Record
from slb.health import target
from slb.health.prober import Counts, Measured, Result
from slb.model.agent_config import Metrics
from slb.model.desired import OwnerView, StatusView
from slb.model.health import HealthView, TcpCheck

OWNER = OwnerView("operator", epoch=101, generation=102, digest="", vs=103, rs=104)
STATUS = StatusView(
    generation=110,
    applied=111,
    slbd="applied",
    reason="",
    slbd_pid=112,
    slbd_generation=113,
    mended=114,
    owners=[OWNER, OwnerView("controller", 121, 122, "", 123, 124, confirm_within_s=0.0)],
    rs_checked=115,
    rs_down=116,
    rs_silent=117,
)
SERVICE = replace(service(1, 1), health=TcpCheck())
(TARGET,) = target.of(SERVICE)
VS, RS = str(SERVICE.vs), str(SERVICE.rs[0].rs)
ROW = HealthView(VS, RS, "tcp", "up", "in", "", since_s=131.0, latency_ms=1500.0)
# What each RS of the VS is; the first one's figures of its own are in the table.
ROWS = [
    ROW,
    *(
        replace(ROW, rs=f"10.10.0.{number}:80", state=state, effect=effect, latency_ms=None)
        for number, (state, effect) in enumerate(
            [
                ("down", "out"),
                ("down", "capped"),
                ("down", "out"),
                ("ejected", "out"),
                ("ejected", "capped"),
                ("unknown", "in"),
            ],
            start=101,
        )
    ),
]
MEASURED = Measured(
    alive=True,
    counts=Counts(good=141, bad=142, no_result=143),
    running=144,
    waiting=145,
    kept=146,
    most=147,
    results={TARGET: Result("up", "", 148.0, 149.0, Counts(151, 152, 153))},
)
TABLE = """
slb_agent_build_info{version="0.1.0"} 1
slb_agent_start_time_seconds 1.5
slb_agent_slbd_state{state="applied"} 1
slb_agent_slbd_state{state="incomplete"} 0
slb_agent_slbd_state{state="refused"} 0
slb_agent_slbd_state{state="unknown"} 0
slb_agent_slbd_state{state="unreachable"} 0
slb_agent_generation 110
slb_agent_applied_generation 111
slb_agent_state_damaged 0
slb_agent_mended_total 114
slb_agent_owner_epoch{owner="operator"} 101
slb_agent_owner_epoch{owner="controller"} 121
slb_agent_owner_generation{owner="operator"} 102
slb_agent_owner_generation{owner="controller"} 122
slb_agent_owner_vs{owner="operator"} 103
slb_agent_owner_vs{owner="controller"} 123
slb_agent_owner_rs{owner="operator"} 104
slb_agent_owner_rs{owner="controller"} 124
slb_agent_owner_unconfirmed{owner="operator"} 0
slb_agent_owner_unconfirmed{owner="controller"} 1
slb_agent_changes_total{result="done"} 2
slb_agent_changes_total{result="refused"} 3
slb_agent_changes_total{result="denied"} 4
slb_agent_changes_total{result="failed"} 5
slb_agent_last_change_time_seconds{result="done"} 6.5
slb_agent_last_change_time_seconds{result="refused"} 7.5
slb_agent_last_change_time_seconds{result="denied"} 8.5
slb_agent_last_change_time_seconds{result="failed"} 9.5
slb_agent_event_readers 118
slb_agent_reloads_total{result="done"} 10
slb_agent_reloads_total{result="failed"} 11
slb_agent_last_reload_time_seconds{result="done"} 12.5
slb_agent_last_reload_time_seconds{result="failed"} 13.5
slb_agent_reload_failed 0
slb_agent_certificate_end_time_seconds 14.5
slb_agent_checks_alive 1
slb_agent_checks_total{result="good"} 141
slb_agent_checks_total{result="bad"} 142
slb_agent_checks_total{result="no_result"} 143
slb_agent_checks_open{state="running"} 144
slb_agent_checks_open{state="waiting"} 145
slb_agent_checks_open{state="kept"} 146
slb_agent_checks_most 147
slb_agent_vs_rs_state{vs="V",state="up"} 1
slb_agent_vs_rs_state{vs="V",state="down"} 3
slb_agent_vs_rs_state{vs="V",state="ejected"} 2
slb_agent_vs_rs_state{vs="V",state="unknown"} 1
slb_agent_vs_rs_effect{vs="V",effect="in"} 2
slb_agent_vs_rs_effect{vs="V",effect="out"} 3
slb_agent_vs_rs_effect{vs="V",effect="capped"} 2
slb_agent_rs_left_out 0
slb_agent_rs_up{vs="V",rs="R"} 1
slb_agent_rs_up{vs="V",rs="10.10.0.101:80"} 0
slb_agent_rs_up{vs="V",rs="10.10.0.102:80"} 0
slb_agent_rs_up{vs="V",rs="10.10.0.103:80"} 0
slb_agent_rs_up{vs="V",rs="10.10.0.104:80"} 0
slb_agent_rs_up{vs="V",rs="10.10.0.105:80"} 0
slb_agent_rs_up{vs="V",rs="10.10.0.106:80"} 1
slb_agent_rs_in{vs="V",rs="R"} 1
slb_agent_rs_in{vs="V",rs="10.10.0.101:80"} 0
slb_agent_rs_in{vs="V",rs="10.10.0.102:80"} 1
slb_agent_rs_in{vs="V",rs="10.10.0.103:80"} 0
slb_agent_rs_in{vs="V",rs="10.10.0.104:80"} 0
slb_agent_rs_in{vs="V",rs="10.10.0.105:80"} 1
slb_agent_rs_in{vs="V",rs="10.10.0.106:80"} 1
slb_agent_rs_check_seconds{vs="V",rs="R"} 1.5
slb_agent_rs_checks_total{vs="V",rs="R",result="good"} 151
slb_agent_rs_checks_total{vs="V",rs="R",result="bad"} 152
slb_agent_rs_checks_total{vs="V",rs="R",result="no_result"} 153
""".replace("V", VS).replace('"R"', f'"{RS}"')


def test_every_figure() -> None:
    """A written table, whole: nothing is shown that is not in it, and nothing is missing."""
    assert exposed() == written(TABLE)


@pytest.mark.parametrize("word", WORDS)
def test_what_slbd_is_to_the_desired_state(word: str) -> None:
    changed = f"""
    slb_agent_slbd_state{{state="applied"}} 0
    slb_agent_slbd_state{{state="{word}"}} 1
    """
    assert exposed(replace(STATUS, slbd=word)) == {**exposed(), **written(changed)}


def test_a_state_that_was_damaged() -> None:
    found = exposed(replace(STATUS, damaged=109))
    assert found == {**exposed(), **written("slb_agent_state_damaged 1")}


def test_checks_that_are_not_made() -> None:
    found = exposed(measured=Measured())
    assert found["slb_agent_checks_alive", frozenset()] == 0


def test_a_reload_that_failed() -> None:
    found = exposed(trouble="agent.yaml:1: no")
    assert found == {**exposed(), **written("slb_agent_reload_failed 1")}


def test_more_rs_than_wanted() -> None:
    found = exposed(rs_max=len(ROWS) - 1)
    left = {key: value for key, value in found.items() if key[0].startswith("slb_agent_rs_")}
    assert left == written(f"slb_agent_rs_left_out {len(ROWS)}")


def test_without_agent_yaml() -> None:
    """Nothing of reloads, nor of a certificate; all else is the same."""
    found = exposed(secured=False)
    missing = {name for name, _ in set(exposed()) - set(found)}
    assert missing == {
        "slb_agent_reloads_total",
        "slb_agent_last_reload_time_seconds",
        "slb_agent_reload_failed",
        "slb_agent_certificate_end_time_seconds",
    }


def exposed(
    status: StatusView = STATUS,
    measured: Measured = MEASURED,
    trouble: str = "",
    rs_max: int = 100,
    secured: bool = True,
) -> Samples:
    """What a scrape of an agent shows of which this is known."""
    desired: Any = SimpleNamespace(
        status=lambda: status,
        events=SimpleNamespace(readers=118),
        known=True,
        state=SimpleNamespace(services=lambda: (SERVICE,)),
    )
    health: Any = SimpleNamespace(view=lambda: ROWS, measured=lambda: measured)
    config = SimpleNamespace(metrics=Metrics(rs_max=rs_max))
    secure: Any = SimpleNamespace(config=config, trouble=trouble, expires=14.5)
    metrics = AgentMetrics(desired, health, record(), secure if secured else None)
    return samples(asyncio.run(metrics.text()).decode())


def record() -> Record:
    """What came of requests and reloads, in the order of the table."""
    made = Record(lambda: 1.5)
    made.changes.update(done=2, refused=3, denied=4, failed=5)
    made.last_change.update(done=6.5, refused=7.5, denied=8.5, failed=9.5)
    made.reloads.update(done=10, failed=11)
    made.last_reload.update(done=12.5, failed=13.5)
    return made
