# SPDX-License-Identifier: BSD-3-Clause
"""A change of many RS takes a worker several rounds, and is seen as a whole with the last."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from driver import Harness, Refused
from lab import PLAIN, Lab
from packets.frames import VS_UDP, udp
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

WORKERS = 2
SETTINGS = Settings(
    workers=WORKERS,
    laddrs=tuple((f"198.18.0.{w + 1}", w, 0) for w in range(WORKERS)),
    vs_max=8,
    rs_max=4096,
)
SERVERS = [f"10.10.{n // 200}.{n % 200 + 1}:5353" for n in range(1000)]
OTHERS = [f"10.20.{n // 200}.{n % 200 + 1}:5353" for n in range(1000)]
ADD = [Op("VS_ADD", VS_UDP, scheduler="rr"), *(Op("RS_ADD", VS_UDP, rs) for rs in SERVERS)]
CLIENTS = range(40000, 40020)
PART = 2  # rounds, of the four or more that the changes here take


@pytest.fixture
def large(bare: Lab) -> Iterator[Lab]:
    """A VS of many RS; all workers answer again afterwards."""
    bare.harness.forward(PLAIN)
    bare.harness.commit(ADD)
    yield bare
    wake(bare.harness)


def wake(harness: Harness) -> None:
    """Let every worker go on, and wait until it has answered."""
    harness.set_answer_timeout(5)
    for worker in range(WORKERS):
        harness.stall(worker, False)
    for _ in range(200):
        with suppress(OSError):
            harness.sessions()
            return
    raise AssertionError("a worker does not get well")


def servers(harness: Harness) -> list[tuple[str, int]]:
    """The RS of every client, on the first worker."""
    sent = [harness.run(0, [bytes(udp(sport=port))])[0] for port in CLIENTS]
    assert {result.what for result in sent} == {"TX 0"}
    return [endpoints(result.data)[1] for result in sent]


def stop_within(harness: Harness, ops: list[Op]) -> None:
    """The first worker is silent from the middle of the change on."""
    generation = harness.generation(0)
    harness.set_answer_timeout(0.05)
    harness.stall_after(0, PART)
    with pytest.raises(Refused, match="worker 0 did not answer in time; no worker keeps"):
        harness.commit(ops)
    assert harness.generations() == {generation}


REPLACE: list[Callable[[], list[Op]]] = [
    lambda: [Op("VS_DEL", VS_UDP)],
    lambda: [Op("RS_DEL", VS_UDP, rs) for rs in SERVERS[:600]],
    lambda: [
        *(Op("RS_ADD", VS_UDP, rs) for rs in OTHERS),
        *(Op("RS_DEL", VS_UDP, rs) for rs in SERVERS),
    ],
]


@pytest.mark.parametrize("change", REPLACE)
def test_half_of_a_removal_is_none(large: Lab, change: Callable[[], list[Op]]) -> None:
    harness = large.harness
    before = servers(harness)
    stop_within(harness, change())
    assert servers(harness) == before
    wake(harness)
    assert servers(harness) == before
    assert large.active() == len(CLIENTS)
    assert harness.generations() == {harness.generation(0)}
    # The marks are gone too: the next change has the number that was taken back.
    harness.commit([])
    assert servers(harness) == before
    assert large.active() == len(CLIENTS)


def test_a_removal_counts_for_all_of_them(large: Lab) -> None:
    harness = large.harness
    before = servers(harness)
    harness.commit(REPLACE[2]())
    after = servers(harness)
    assert {address for address, _ in before + after} >= {before[0][0], after[0][0]}
    assert all(address.startswith("10.10.") for address, _ in before)
    assert all(address.startswith("10.20.") for address, _ in after)
    assert large.active() == len(CLIENTS)


def test_counters_of_used_slots_start_from_zero(large: Lab) -> None:
    harness = large.harness
    servers(harness)
    harness.commit([Op("VS_DEL", VS_UDP)])
    harness.advance(2000)
    # The slots go round, so that these are the same ones.
    for _ in range(4):
        harness.commit(ADD)
        assert not any(rs.traffic.in_packets or rs.traffic.sessions for rs in harness.rs())
        harness.commit([Op("VS_DEL", VS_UDP)])
    harness.commit(ADD)
    servers(harness)
    assert large.active() == len(CLIENTS)


def test_an_adding_that_was_undone(large: Lab) -> None:
    harness = large.harness
    more = [Op("RS_ADD", VS_UDP, rs) for rs in OTHERS]
    before = servers(harness)
    stop_within(harness, more)
    wake(harness)
    assert len(harness.rs()) == len(SERVERS)
    harness.commit(more)
    assert len(harness.rs()) == len(SERVERS) + len(OTHERS)
    assert servers(harness) == before


@pytest.mark.parametrize("weight", [1, 3])
def test_the_turn_goes_on(large: Lab, weight: int) -> None:
    """Round robin with the new copy is where it was with the old one."""
    harness = large.harness
    servers(harness)
    harness.commit([Op("RS_EDIT", VS_UDP, rs, weight) for rs in SERVERS])
    (sent,) = harness.run(0, [bytes(udp(sport=1))])
    host, port = SERVERS[len(CLIENTS)].split(":")
    assert endpoints(sent.data)[1] == (host, int(port))
