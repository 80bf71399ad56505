# SPDX-License-Identifier: BSD-3-Clause
"""Probes of the steering: the switch sends back what is for a local address that it has learnt.

client ---- switch ---- lb (slbd)    probes go out by lan0 to the switch, and come back by lan0
              |
           routes to the local addresses, by OSPF
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.addresses import FAMILIES, local_addresses
from rig.rig import Rig
from rig.waiting import wait

pytestmark = pytest.mark.netns

NEW = "198.18.0.77"
GOOD = {"proved", "handed-over"}
# The switch learns the routes, and the kernel its next hops, between two attempts.
PATIENCE_S = 60


def steering(rig: Rig, *option: str) -> list[dict[str, Any]]:
    """What slbctl tells, as data."""
    found: list[dict[str, Any]] = json.loads(rig.lb.ctl("steering", *option, "--json"))["items"]
    return found


def states(rig: Rig) -> dict[str, str]:
    """Every local address in use and its state."""
    return {row["address"]: row["state"] for row in steering(rig, "--probes")}


def listed(rig: Rig) -> set[tuple[str, int]]:
    """The state of the new address, and the sessions that it has had."""
    rows = rig.lb.items("/v1/laddr")
    return {(row["state"], row["sessions"]) for row in rows if row["address"] == NEW}


def test_proved_by_way_of_the_switch(shared_rig: Rig) -> None:
    rig, workers = shared_rig, shared_rig.settings.workers
    wanted = {a for family in FAMILIES for a in local_addresses(workers, family)}
    wait(lambda: set(states(rig).values()) <= GOOD, PATIENCE_S, "the proof")
    assert set(states(rig)) == wanted
    (row,) = steering(rig)
    assert (row["proved"], row["unproved"], row["wrong"]) == (len(wanted), 0, [])
    assert row["health"] == "ok"
    for probe in steering(rig, "--probes"):
        assert probe["method"] == ("single" if workers == 1 else row["method"])
        if probe["state"] == "proved":
            assert probe["seen_by"] == probe["workers"]
    table = rig.lb.ctl("steering")
    assert f"{len(wanted)} of {len(wanted)}" in table
    drops = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    assert drops["STEERING_PROBE"] >= 2 * len(wanted)


def test_unproved_while_the_switch_has_no_way(rig: Rig) -> None:
    """It waits, is used all the same, and asked again until the switch has one."""
    wait(lambda: set(states(rig).values()) <= GOOD, PATIENCE_S, "the proof of the others")
    rig.switch.namespace.ip("route", "add", "blackhole", NEW)
    try:
        with ThreadPoolExecutor(1) as pool:
            adding = pool.submit(rig.lb.ctl, "laddr", "add", NEW, "--port", "lan0")
            wait(lambda: ("waiting", 0) in listed(rig), 20, "the address that waits")
            adding.result()
        assert ("active", 0) in listed(rig)
        assert f"local address {NEW}: no probe has come back" in rig.lb.process.text()

        def tried() -> bool:
            rows = {row["address"]: row for row in steering(rig, "--probes")}
            return NEW in rows and rows[NEW]["attempts"] > 1

        wait(tried, 20, "two attempts")
        assert states(rig)[NEW] == "unproved"
        (row,) = steering(rig)
        assert (row["unproved"], row["health"]) == (1, "ok")
    finally:
        rig.switch.namespace.ip("route", "delete", "blackhole", NEW)
    wait(lambda: states(rig)[NEW] in GOOD, PATIENCE_S, "the proof")
    rig.lb.ctl("laddr", "del", NEW)
    wait(lambda: NEW not in states(rig), 20, "its end")
