# SPDX-License-Identifier: BSD-3-Clause
"""Schedulers: exact shares where they are promised, and who moves when an RS comes or goes."""

import random
from collections import Counter

import pytest
from lab import PLAIN, Lab, VirtualServer
from packets.frames import VS_TCP, Clients, answer, tcp
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

SETTINGS = Settings(sessions=5000)
RS = [f"10.10.0.{n}:8080" for n in range(1, 6)]
SYN = Clients(tcp())
CLIENTS = 600


def service(lab: Lab, scheduler: str, weights: dict[str, int]) -> VirtualServer:
    """A VS with RS of these weights."""
    lab.harness.forward(PLAIN)
    server = lab.add_vs(VS_TCP, scheduler)
    for rs, weight in weights.items():
        server.add_rs(rs, weight=weight)
    return server


def picks(lab: Lab, count: int, *, worker: int = 0, port: int = 40000) -> list[str]:
    """The RS that so many clients are sent to."""
    frames = [SYN.frame(0x14000000 + n * 7919, port) for n in range(count)]
    chosen = []
    for result in lab.harness.run_all(worker, frames):
        assert result.verdict == "TX", result.what
        address, number = endpoints(result.data)[1]
        chosen.append(f"{address}:{number}")
    return chosen


def forget(lab: Lab) -> None:
    """End all sessions, so that the same clients are scheduled again."""
    lab.harness.advance(31)
    assert lab.active() == 0


def smooth(weights: dict[str, int], count: int) -> list[str]:
    """Smooth weighted round robin, as its definition says."""
    credit = dict.fromkeys(weights, 0)
    chosen = []
    for _ in range(count):
        for rs, weight in weights.items():
            credit[rs] += weight
        best = max((rs for rs in weights if weights[rs]), key=lambda rs: credit[rs])
        credit[best] -= sum(weights.values())
        chosen.append(best)
    return chosen


def test_rr_goes_round(bare: Lab) -> None:
    service(bare, "rr", dict.fromkeys(RS[:3], 1))
    assert picks(bare, 30) == RS[:3] * 10


def test_rr_ignores_weights_but_zero(bare: Lab) -> None:
    service(bare, "rr", {RS[0]: 5, RS[1]: 0, RS[2]: 1000})
    assert picks(bare, 10) == [RS[0], RS[2]] * 5


def test_rr_goes_on_where_it_was_when_an_rs_is_added(bare: Lab) -> None:
    server = service(bare, "rr", dict.fromkeys(RS[:3], 1))
    assert picks(bare, 4) == [*RS[:3], RS[0]]
    server.add_rs(RS[3])
    assert picks(bare, 8, port=41000) == [*RS[1:4], *RS[:4], RS[0]]


def test_rr_copes_with_losing_the_rs_whose_turn_it_is(bare: Lab) -> None:
    server = service(bare, "rr", dict.fromkeys(RS[:3], 1))
    picks(bare, 2)
    server.remove_rs(RS[2])
    assert picks(bare, 4, port=41000) == [RS[0], RS[1]] * 2


def test_rr_on_each_worker_by_itself(bare: Lab) -> None:
    service(bare, "rr", dict.fromkeys(RS[:2], 1))
    assert picks(bare, 3) == [RS[0], RS[1], RS[0]]
    assert picks(bare, 3, worker=1) == [RS[0], RS[1], RS[0]]


@pytest.mark.parametrize("seed", range(12))
def test_wrr_is_smooth(bare: Lab, seed: int) -> None:
    rng = random.Random(seed)
    weights = {rs: rng.choice((0, 1, 2, 3, 5, 10, 100)) for rs in RS[: rng.randrange(1, 6)]}
    weights[RS[0]] = max(weights[RS[0]], 1)
    service(bare, "wrr", weights)
    turn = sum(weights.values())
    seen = picks(bare, 2 * turn)
    assert seen == smooth(weights, 2 * turn)
    assert Counter(seen[:turn]) == {rs: weight for rs, weight in weights.items() if weight}


def test_wrr_takes_new_weights_at_once(bare: Lab) -> None:
    server = service(bare, "wrr", {RS[0]: 1, RS[1]: 1})
    picks(bare, 3)
    server.weigh(RS[1], 3)
    assert Counter(picks(bare, 40, port=41000)) == {RS[0]: 10, RS[1]: 30}


def test_wrr_keeps_its_place_when_another_vs_changes(bare: Lab) -> None:
    weights = {RS[0]: 5, RS[1]: 1, RS[2]: 1}
    service(bare, "wrr", weights)
    seen = picks(bare, 3)
    bare.add_vs("10.96.0.77:80/tcp", rs=RS)
    bare.harness.commit([Op("VS_EDIT", VS_TCP, scheduler="wrr")])
    assert seen + picks(bare, 4, port=41000) == smooth(weights, 7)


def test_sh_keeps_a_client_on_its_rs(bare: Lab) -> None:
    service(bare, "sh", dict.fromkeys(RS, 1))
    seen = picks(bare, CLIENTS)
    assert picks(bare, CLIENTS, port=41000) == seen
    assert picks(bare, CLIENTS, worker=1) == seen
    forget(bare)
    assert picks(bare, CLIENTS) == seen


def test_sh_moves_only_the_clients_of_a_removed_rs(bare: Lab) -> None:
    server = service(bare, "sh", dict.fromkeys(RS, 1))
    before = picks(bare, CLIENTS)
    forget(bare)
    server.remove_rs(RS[2])
    after = picks(bare, CLIENTS)
    moved = {was for was, now in zip(before, after, strict=True) if was != now}
    assert moved == {RS[2]} and RS[2] not in after
    forget(bare)
    server.add_rs(RS[2])
    assert picks(bare, CLIENTS) == before, "it comes back to the same clients"


def test_sh_moves_clients_only_to_a_heavier_rs(bare: Lab) -> None:
    server = service(bare, "sh", dict.fromkeys(RS, 2))
    before = picks(bare, CLIENTS)
    forget(bare)
    server.weigh(RS[4], 6)
    after = picks(bare, CLIENTS)
    assert {now for was, now in zip(before, after, strict=True) if was != now} == {RS[4]}


def test_sh_shares_follow_weights(bare: Lab) -> None:
    weights = {RS[0]: 1, RS[1]: 2, RS[2]: 5, RS[3]: 0}
    service(bare, "sh", weights)
    shares = Counter(picks(bare, 4000))
    total = shares.total()
    assert set(shares) == {rs for rs, weight in weights.items() if weight}
    for rs, count in shares.items():
        assert count / total == pytest.approx(weights[rs] / 8, abs=0.03)


@pytest.mark.parametrize("scheduler", ["rr", "wrr", "sh"])
def test_weight_zero_drains(bare: Lab, scheduler: str) -> None:
    """Nobody new comes to it, those that are there stay."""
    server = service(bare, scheduler, {RS[0]: 1})
    (first,) = bare.harness.run(0, [bytes(tcp())])
    server.add_rs(RS[1])
    server.weigh(RS[0], 0)
    assert set(picks(bare, 20)) == {RS[1]}
    (more,) = bare.harness.run(0, [bytes(tcp("A", b"more"))])
    assert endpoints(more.data) == endpoints(first.data)
    (back,) = bare.harness.run(0, [bytes(answer(first.data))])
    assert back.what == "TX 0"
    server.weigh(RS[1], 0)
    (new,) = bare.harness.run(0, [bytes(tcp(sport=2))])
    assert new.what == "DROP NO_RS"
    server.weigh(RS[0], 1)
    assert picks(bare, 1, port=3) == [RS[0]]


def test_another_scheduler_leaves_sessions_alone(bare: Lab) -> None:
    service(bare, "rr", dict.fromkeys(RS, 1))
    before = picks(bare, 20)
    for scheduler in ("wrr", "sh", "rr"):
        bare.harness.commit([Op("VS_EDIT", VS_TCP, scheduler=scheduler)])
        assert bare.harness.vs()[VS_TCP].scheduler == scheduler
        assert picks(bare, 20) == before
    assert bare.active() == 20
