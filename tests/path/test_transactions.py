# SPDX-License-Identifier: BSD-3-Clause
"""Transactions: every worker or none, whatever is wrong and whoever does not answer."""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import environ

import pytest
from driver import Harness, Refused
from lab import PLAIN, Lab
from packets.frames import GATEWAY, OWN, RS_TCP, SYN_ACK, VIP, VS_TCP, VS_UDP, answer, icmp, tcp
from packets.nat import endpoints
from values import Neighbour, Op, Route, Settings, View

from slb._harness import ffi

pytestmark = pytest.mark.path

WORKERS = 3
SETTINGS = Settings(
    workers=WORKERS,
    laddrs=tuple((f"198.18.0.{w + 1}", w, 0) for w in range(WORKERS)),
    vs_max=8,
    rs_max=16,
)
OTHER = "10.96.0.20:80/tcp"
SOON = 0.02


@pytest.fixture
def quick(bare: Lab) -> Iterator[Lab]:
    """A lab whose workers are waited for only briefly, all answering again afterwards."""
    bare.harness.set_answer_timeout(SOON)
    yield bare
    wake(bare.harness)
    bare.harness.forward(PLAIN)


def wake(harness: Harness) -> None:
    """Let every worker answer, and wait until it has."""
    for worker in range(WORKERS):
        harness.stall(worker, False)
    harness.set_answer_timeout(5)
    # Each question gives every worker a round, in which it carries out one message.
    for _ in range(200):
        with suppress(OSError):
            harness.sessions()
            return
    raise AssertionError("a worker does not get well")


def state(harness: Harness) -> tuple[object, ...]:
    """All that is configured, and what a client and a ping see of it on every worker."""
    vs = [(vs.vs, vs.scheduler, vs.n_rs, vs.generation) for vs in harness.vs().values()]
    rs = [(rs.vs, rs.rs, rs.weight) for rs in harness.rs() if not rs.removed]
    seen = [
        [result.what for result in harness.run(worker, [bytes(icmp()), bytes(tcp("A"))])]
        for worker in range(WORKERS)
    ]
    return sorted(vs), sorted(rs), seen, harness.generations()


def refuse(lab: Lab, ops: list[Op], error: str, reason: str, text: str) -> Refused:
    """A transaction is refused and leaves everything as it was."""
    before = state(lab.harness)
    with pytest.raises(Refused) as caught:
        lab.harness.commit(ops)
    refused = caught.value
    assert (refused.error, refused.reason, refused.text) == (error, reason, text)
    assert state(lab.harness) == before
    return refused


def test_a_transaction_is_one_generation(bare: Lab) -> None:
    before = bare.harness.generation(0)
    generation = bare.harness.commit(
        [Op("VS_ADD", VS_TCP), Op("RS_ADD", VS_TCP, RS_TCP), Op("VS_ADD", VS_UDP)]
    )
    assert generation == before + 1
    assert bare.harness.generations() == {generation}
    assert {vs.generation for vs in bare.harness.vs().values()} == {generation}
    again = bare.harness.commit([Op("VS_DEL", VS_TCP), Op("VS_DEL", VS_UDP)])
    assert again == before + 2


def test_an_empty_transaction(bare: Lab) -> None:
    bare.harness.commit([])
    assert bare.harness.vs() == {}


GOOD = [Op("VS_ADD", VS_TCP), Op("RS_ADD", VS_TCP, RS_TCP)]
REFUSALS = {
    "VS twice": (Op("VS_ADD", VS_TCP), "EEXIST", "VS_EXISTS", f"VS {VS_TCP} exists already"),
    "no such VS": (Op("VS_DEL", OTHER), "ENOENT", "VS_UNKNOWN", f"VS {OTHER} does not exist"),
    "edit no VS": (Op("VS_EDIT", OTHER), "ENOENT", "VS_UNKNOWN", f"VS {OTHER} does not exist"),
    "RS of no VS": (
        Op("RS_ADD", OTHER, RS_TCP),
        "ENOENT",
        "VS_UNKNOWN",
        f"VS {OTHER} does not exist",
    ),
    "RS twice": (
        Op("RS_ADD", VS_TCP, RS_TCP),
        "EEXIST",
        "RS_EXISTS",
        f"RS {RS_TCP} exists already in VS {VS_TCP}",
    ),
    "no such RS": (
        Op("RS_DEL", VS_TCP, "10.10.0.9:1"),
        "ENOENT",
        "RS_UNKNOWN",
        f"RS 10.10.0.9:1 does not exist in VS {VS_TCP}",
    ),
    "edit no RS": (
        Op("RS_EDIT", VS_TCP, "10.10.0.9:1"),
        "ENOENT",
        "RS_UNKNOWN",
        f"RS 10.10.0.9:1 does not exist in VS {VS_TCP}",
    ),
    "IPv4-mapped VS": (
        Op("VS_ADD", "[::ffff:10.96.0.9]:80/tcp"),
        "EINVAL",
        "BAD_ADDRESS",
        "VS [::ffff:10.96.0.9]:80/tcp: not a unicast address that routes can lead to",
    ),
    "link-local RS": (
        Op("RS_ADD", VS_TCP, "[fe80::7]:80"),
        "EINVAL",
        "BAD_ADDRESS",
        "RS [fe80::7]:80: not a unicast address that routes can lead to",
    ),
    "multicast VS": (
        Op("VS_ADD", "224.0.0.5:80/tcp"),
        "EINVAL",
        "BAD_ADDRESS",
        "VS 224.0.0.5:80/tcp: not a unicast address that routes can lead to",
    ),
    "loopback RS": (
        Op("RS_ADD", VS_TCP, "127.0.0.1:80"),
        "EINVAL",
        "BAD_ADDRESS",
        "RS 127.0.0.1:80: not a unicast address that routes can lead to",
    ),
    "port 0": (
        Op("VS_ADD", "10.96.0.9:0/udp"),
        "EINVAL",
        "BAD_VALUE",
        "VS 10.96.0.9:0/udp: port 0 is not a port",
    ),
    "ICMP": (
        Op("VS_ADD", "10.96.0.9:1/icmp"),
        "EINVAL",
        "BAD_VALUE",
        "protocol 1: a VS is TCP or UDP",
    ),
    "too heavy": (
        Op("RS_EDIT", VS_TCP, RS_TCP, weight=1001),
        "EINVAL",
        "BAD_VALUE",
        "weight 1001: at most 1000",
    ),
    "RS is the VIP": (
        Op("RS_ADD", VS_TCP, f"{VIP}:81"),
        "EINVAL",
        "BAD_ADDRESS",
        f"RS {VIP}:81: the address is the VS's own",
    ),
    "VS on a local address": (
        Op("VS_ADD", "198.18.0.2:80/tcp"),
        "EINVAL",
        "ADDRESS_IN_USE",
        "VS 198.18.0.2:80/tcp: the address is one of the local addresses",
    ),
    "RS on a local address": (
        Op("RS_ADD", VS_TCP, "198.18.0.1:80"),
        "EINVAL",
        "ADDRESS_IN_USE",
        "RS 198.18.0.1:80: the address is one of the local addresses",
    ),
    "VS on the host": (
        Op("VS_ADD", f"{OWN}:80/tcp"),
        "EINVAL",
        "ADDRESS_IN_USE",
        f"VS {OWN}:80/tcp: the address is this host's own",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_one_bad_op_in_the_middle_leaves_nothing(bare: Lab, name: str) -> None:
    bad, error, reason, text = REFUSALS[name]
    bare.harness.forward(PLAIN)
    before = [Op("VS_ADD", "10.96.0.30:80/tcp"), *GOOD]
    after = [Op("VS_ADD", "10.96.0.31:80/tcp")]
    refused = refuse(bare, [*before, bad, *after], error, reason, text)
    assert refused.op == len(before)
    bare.harness.commit(before)
    bare.harness.commit([Op("VS_DEL", "10.96.0.30:80/tcp"), Op("VS_DEL", VS_TCP)])


def test_an_unknown_kind_of_op(bare: Lab) -> None:
    array = ffi.new("struct slb_op[1]")
    for kind in (0, 7, 255):
        array[0].kind = kind
        with pytest.raises(Refused, match=f"operation kind {kind} does not exist"):
            bare.harness.commit_raw(array, 1)


def test_tables_that_are_full(bare: Lab) -> None:
    room = [Op("VS_ADD", f"10.96.1.{n}:80/tcp") for n in range(8)]
    text = "VS 10.96.2.1:80/tcp: all 8 VS slots are taken; raise engine.vs_max"
    refuse(bare, [*room, Op("VS_ADD", "10.96.2.1:80/tcp")], "ENOSPC", "VS_FULL", text)
    rs = [Op("RS_ADD", VS_TCP, f"10.10.1.{n + 1}:80") for n in range(16)]
    text = "RS 10.10.2.1:80: all 16 RS slots are taken; raise engine.rs_max"
    more = [Op("VS_ADD", VS_TCP), *rs, Op("RS_ADD", VS_TCP, "10.10.2.1:80")]
    refuse(bare, more, "ENOSPC", "RS_FULL", text)
    bare.add_vs(VS_TCP, rs=[op.rs for op in rs])


def test_within_one_transaction_later_ops_see_earlier_ones(bare: Lab) -> None:
    bare.harness.commit(
        [
            *GOOD,
            Op("RS_EDIT", VS_TCP, RS_TCP, weight=7),
            Op("RS_DEL", VS_TCP, RS_TCP),
            Op("RS_ADD", VS_TCP, RS_TCP, weight=9),
            Op("VS_DEL", VS_TCP),
            Op("VS_ADD", VS_TCP, scheduler="sh"),
            Op("RS_ADD", VS_TCP, RS_TCP, weight=3),
        ]
    )
    assert bare.harness.vs()[VS_TCP].scheduler == "sh"
    assert [(rs.rs, rs.weight, rs.removed) for rs in bare.harness.rs()] == [(RS_TCP, 3, False)]
    bare.harness.commit([Op("VS_DEL", VS_TCP)])


@pytest.mark.parametrize("bad", range(WORKERS))
def test_a_worker_that_missed_a_change_refuses(quick: Lab, bad: int) -> None:
    quick.harness.forward(PLAIN)
    generation = quick.harness.generation(bad)
    quick.harness.set_generation(bad, generation - 1)
    text = f"worker {bad} refused the change; no worker keeps the change"
    assert refuse(quick, GOOD, "ECANCELED", "WORKER", text).worker == bad
    before = state(quick.harness)
    with pytest.raises(Refused, match=text):
        quick.harness.forward(View(own=(VIP,)))
    assert state(quick.harness) == before
    quick.harness.set_generation(bad, generation)
    quick.add_vs(VS_TCP, rs=[RS_TCP])
    assert len(quick.harness.generations()) == 1


@pytest.mark.parametrize("silent", range(WORKERS))
def test_a_silent_worker_undoes_all_and_converges(quick: Lab, silent: int) -> None:
    quick.usual()
    quick.harness.stall(silent)
    ops = [Op("VS_DEL", VS_TCP), Op("VS_ADD", OTHER), Op("RS_ADD", OTHER, RS_TCP)]
    text = f"worker {silent} did not answer in time; no worker keeps the change"
    assert refuse(quick, ops, "ETIMEDOUT", "WORKER", text).worker == silent
    busy = f"worker {silent} has not answered an earlier change; see its heartbeat"
    for _ in range(5):
        refuse(quick, ops, "EBUSY", "WORKER", busy)
        with pytest.raises(Refused, match=busy):
            quick.harness.forward(View())
    before = state(quick.harness)
    wake(quick.harness)
    quick.add_vs("10.96.0.40:80/tcp", rs=[RS_TCP])
    assert len(quick.harness.generations()) == 1
    quick.servers.pop().remove()
    after = state(quick.harness)
    assert after[:3] == before[:3]


def test_all_workers_silent(quick: Lab) -> None:
    quick.usual()
    for worker in range(WORKERS):
        quick.harness.stall(worker)
    text = "worker 0 did not answer in time; no worker keeps the change"
    refuse(quick, [Op("VS_DEL", VS_TCP)], "ETIMEDOUT", "WORKER", text)
    wake(quick.harness)
    quick.servers[0].remove()
    assert VS_TCP not in quick.harness.vs()


def test_a_silent_worker_asked_for_sessions_all_the_time(quick: Lab) -> None:
    """Questions it does not answer must not keep it from getting well."""
    quick.usual()
    quick.harness.stall(1)
    for _ in range(100):
        with pytest.raises(OSError, match="harness_session_list"):
            quick.harness.sessions(worker=1)
    with pytest.raises(Refused):
        quick.harness.commit([Op("VS_DEL", VS_TCP)])
    wake(quick.harness)
    quick.servers[0].remove()
    assert len(quick.harness.generations()) == 1


def test_sessions_on_an_rs_whose_adding_was_undone(quick: Lab) -> None:
    """Worker 0 has the change and takes a client in before worker 1 is found to be silent."""
    quick.harness.forward(PLAIN)
    server = quick.add_vs(VS_TCP)
    generation = quick.harness.generation(0)
    quick.harness.set_answer_timeout(2)
    quick.harness.stall(1)
    outcome: list[Refused] = []

    def commit() -> None:
        try:
            server.add_rs(RS_TCP)
        except Refused as refused:
            outcome.append(refused)

    thread = threading.Thread(target=commit)
    thread.start()
    while quick.harness.generation(0) == generation and thread.is_alive():
        pass
    (first,) = quick.harness.run(0, [bytes(tcp())])
    thread.join()
    assert outcome[0].error == "ETIMEDOUT" and first.what == "TX 0"
    wake(quick.harness)
    (more,) = quick.harness.run(0, [bytes(tcp("A"))])
    assert endpoints(more.data) == endpoints(first.data), "the client is not let down"
    (new,) = quick.harness.run(0, [bytes(tcp(sport=2))])
    assert new.what == "DROP NO_RS"
    assert [(row.rs, row.removed, row.traffic.active) for row in quick.harness.rs()] == [
        (RS_TCP, True, 1)
    ]
    # Sixteen slots, one of which still has a session: no other RS may inherit that.
    rs = [f"10.10.3.{n + 1}:80" for n in range(16)]
    with pytest.raises(Refused, match="all 16 RS slots are taken"):
        server.add_rs(*rs)
    assert quick.harness.run(0, [bytes(answer(first.data, SYN_ACK))])[0].what == "TX 0"
    assert quick.active() == 1
    quick.harness.advance(1000)
    assert quick.active() == 0
    server.add_rs(*rs)
    assert {row.traffic.active for row in quick.harness.rs()} == {0}


FORWARDING = {
    "IPv4-mapped gateway": View(routes=(Route("10.0.0.0/8", "::ffff:192.0.2.1"),)),
    "no such port": View(routes=(Route("10.0.0.0/8", GATEWAY, 9),)),
    "neighbour of no port": View(neighbours=(Neighbour(GATEWAY, "02:00:00:00:00:01", 9),)),
    "IPv4-mapped neighbour": View(neighbours=(Neighbour("::ffff:10.0.0.1", "02:00:00:00:00:01"),)),
    "IPv4-mapped own address": View(own=("::ffff:10.0.0.1",)),
}


@pytest.mark.parametrize("name", FORWARDING)
def test_a_view_that_cannot_be(lab: Lab, name: str) -> None:
    before = state(lab.harness)
    with pytest.raises(Refused) as caught:
        lab.harness.forward(FORWARDING[name])
    assert (caught.value.error, caught.value.reason) == ("EINVAL", "BAD_VALUE")
    assert state(lab.harness) == before


def test_refused_changes_cost_no_memory(open_lab: Callable[[Settings], Lab]) -> None:
    """Objects of 4,096 RS a worker, a thousand times, would not fit if they were kept."""
    lab = open_lab(Settings(rs_max=8192))
    many = [f"10.10.{n >> 8}.{n & 255}:{80}" for n in range(1, 4097)]
    server = lab.add_vs(VS_TCP, rs=many)
    lab.harness.set_generation(1, 99)
    peaks = []
    for _ in range(2):
        for _ in range(1500):
            with pytest.raises(Refused, match="worker 1 refused"):
                server.weigh(many[0], 5)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # The sanitizer keeps what is freed for a while.
    assert "ASAN_OPTIONS" in environ or peaks[1] - peaks[0] < 50_000, "kilobytes"
