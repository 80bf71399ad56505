# SPDX-License-Identifier: BSD-3-Clause
"""GET /metrics/agent: what Prometheus would make of it."""

import pytest
from unit.agent_values import key
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent
from unit.secure_agent import OPS, Place
from unit.test_agent_health import FAST, Servers, servers, states, weights

from rig.exposition import Samples, documented_of_agent, names, samples, total, value
from rig.waiting import wait
from slb.api.unix_http import exchange
from slb.errors import Conflict

__all__ = ["servers"]
pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture", "unit.secure_fixture"]

CHECKS = "slb_agent_rs_checks_total"


def scrape(agent: RunningAgent) -> Samples:
    """What one scrape shows."""
    answer = exchange(str(agent.socket), "GET", "/metrics/agent", None, 10)
    assert (answer.status, answer.content_type) == (200, "text/plain")
    return samples(answer.body.decode())


def test_what_checks_find(agent: RunningAgent, daemon: FakeDaemon, servers: Servers) -> None:
    """Up, down and out, down and capped; what each check came to, and how long it took."""
    agent.client.vs_add(servers.service(FAST))
    wait(lambda: states(agent) == [("up", "in")] * 4, PATIENCE_S, "all up")
    vs, down = str(key(2)), servers.rs[1]
    for number in (1, 2, 3):
        servers.shut(number)
        wait(lambda n=number: states(agent)[n][0] == "down", PATIENCE_S, "it is down")
    found = scrape(agent)
    of_down = {"vs": vs, "rs": str(down)}
    assert value(found, "slb_agent_rs_up", **of_down) == 0
    assert value(found, "slb_agent_rs_in", **of_down) == 0
    assert value(found, CHECKS, **of_down, result="good") >= 1
    assert value(found, CHECKS, **of_down, result="bad") >= FAST.fall
    assert 0 < value(found, "slb_agent_rs_check_seconds", vs=vs, rs=str(servers.rs[0])) < 1
    in_use = {str(rs): value(found, "slb_agent_rs_in", vs=vs, rs=str(rs)) for rs in servers.rs}
    assert list(in_use.values()) == [1, 0, 0, 1], "half of them, and the last is capped"
    for word, count in (("up", 1), ("down", 3), ("unknown", 0)):
        assert value(found, "slb_agent_vs_rs_state", vs=vs, state=word) == count
    for word, count in (("in", 1), ("out", 2), ("capped", 1)):
        assert value(found, "slb_agent_vs_rs_effect", vs=vs, effect=word) == count
    assert total(found, "slb_agent_checks_total") >= total(found, CHECKS) > 0
    assert value(found, "slb_agent_checks_alive") == 1
    assert weights(daemon) == [1, 0, 0, 4]


def test_what_comes_of_changes(agent: RunningAgent) -> None:
    before = scrape(agent)
    assert value(before, "slb_agent_last_change_time_seconds", result="refused") == 0
    with pytest.raises(Conflict):
        agent.client.confirm()
    agent.client.apply([])
    found = scrape(agent)
    for word in ("done", "refused"):
        of = {"result": word}
        assert value(found, "slb_agent_changes_total", **of) == 1
        assert value(found, "slb_agent_last_change_time_seconds", **of) > value(
            found, "slb_agent_start_time_seconds"
        )
    assert value(found, "slb_agent_generation") == value(found, "slb_agent_applied_generation") > 1
    assert value(found, "slb_agent_slbd_state", state="applied") == 1
    assert value(found, "slb_agent_owner_vs", owner="operator") == 0


def test_over_tls(place: Place, secure: RunningAgent) -> None:
    """For who may read; and slbd's own at /metrics. A reload that fails shows, and when it ends."""
    reader = place.client("ops", OPS)
    ends = value(scrape(secure), "slb_agent_certificate_end_time_seconds")
    began = value(scrape(secure), "slb_agent_start_time_seconds")
    assert 0 < ends - began < 86_400 + 60
    assert value(scrape(secure), "slb_agent_reload_failed") == 0
    assert place.ask("POST", "/confirm", {}).status == 401
    assert value(scrape(secure), "slb_agent_changes_total", result="denied") == 1
    seen = secure.client.status()
    assert seen.certificate_ends_in_s is not None and 0 < seen.certificate_ends_in_s < 86_400
    assert seen.reload_trouble == ""
    place.config.write_text("listen: 1\n")
    wait(lambda: value(scrape(secure), "slb_agent_reload_failed") == 1, PATIENCE_S, "it is seen")
    assert value(scrape(secure), "slb_agent_reloads_total", result="failed") >= 1
    answer = place.ask("GET", "/status", pair=reader)
    assert answer.status == 200
    assert answer.body["reload_trouble"].startswith(f"{place.config}:1: listen: 1 is not valid")


def test_every_family_is_documented(
    place: Place, secure: RunningAgent, servers: Servers, daemon: FakeDaemon
) -> None:
    """docs/metrics.md names what is exposed, with its labels, and nothing else."""
    secure.client.vs_add(servers.service(FAST))
    wait(lambda: states(secure) == [("up", "in")] * 4, PATIENCE_S, "all up")
    labels: dict[str, set[str]] = {}
    for name, found in scrape(secure):
        labels.setdefault(name, set()).update(label for label, _ in found)
    assert documented_of_agent() == labels


def test_more_rs_than_wanted(place: Place, secure: RunningAgent, servers: Servers) -> None:
    """None has figures of its own then; each VS has."""
    place.write(metrics={"rs_max": 3})
    secure.client.vs_add(servers.service(FAST))
    wait(lambda: value(scrape(secure), "slb_agent_rs_left_out") == 4, PATIENCE_S, "all left out")
    found = names(scrape(secure))
    assert {name for name in found if name.startswith("slb_agent_rs_")} == {"slb_agent_rs_left_out"}
    assert "slb_agent_vs_rs_state" in found
