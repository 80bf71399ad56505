# SPDX-License-Identifier: BSD-3-Clause
"""The API over a real Unix socket: every route through the client, over an engine in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from unit.memory_engine import MemoryEngine
from unit.test_config_loader import GOOD
from unit.threaded_client import Client

from slb import errors
from slb.api.backend import Backend, Gate
from slb.api.client import Client as Blocking
from slb.api.server import Server, make_app
from slb.api.socket_file import SocketFile
from slb.config.loader import parse
from slb.model import views
from slb.model.endpoint import Endpoint, VsKey
from slb.model.op import Op, OpKind
from slb.model.policy import Policy, VsTimeouts
from slb.model.service import RealServer, Service, VsEdit
from slb.steering.watch import Watch
from slb.tables.apply import Tables
from slb.tables.laddrs import Laddrs
from slb.tables.workers import Workers

T = TypeVar("T")

VS = VsKey.parse("10.96.0.10:80/tcp")
DNS = VsKey.parse("10.96.0.10:53/udp")
RS = Endpoint.parse("10.10.0.1:8080")
OUTSIDE = VsKey.parse("10.97.0.1:80/tcp")
VIP = Endpoint.parse("10.96.0.9:80")
FULL = {"OSPFv2": "full"}
OSPF = views.OspfView("managed", True, "192.0.2.2", [], ["10.96.0.0/16"], None, FULL)


async def ospf() -> views.OspfView:
    """What OSPF says here."""
    return OSPF


def backend(engine: MemoryEngine) -> Backend:
    """A backend with the subnets of GOOD."""
    config = parse("slb.yaml", GOOD, range(4))
    local = [a for span in config.ports[0].local_addresses for a in span]
    tables = Tables(engine, config.service_subnets, local)
    laddrs = Laddrs(engine, ["lan0"], config.service_subnets)
    return Backend(engine, tables, laddrs, Workers(engine), Watch(engine, {"lan0": 1}), ospf, ospf)


class Api:
    """A served engine, and what a client of it does."""

    def __init__(self, folder: Path) -> None:
        self.engine = MemoryEngine()
        self.path = str(folder / "slbd.sock")

    def ask(self, action: Callable[[Client], Awaitable[T]]) -> T:
        """Serve while `action` runs."""
        return asyncio.run(self._serve(action))

    async def _serve(self, action: Callable[[Client], Awaitable[T]]) -> T:
        gate = Gate()
        gate.open(backend(self.engine))
        server, socket = Server(make_app(gate)), SocketFile(self.path, 0o600)
        try:
            await server.start(socket.socket)
            return await action(Client(self.path))
        finally:
            await server.stop()
            socket.close()


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """An API with an empty engine."""
    return Api(tmp_path)


def test_a_vs_from_its_birth_to_its_end(api: Api) -> None:
    async def life(client: Client) -> None:
        assert (await client.vs_add(Service(VS, "wrr", (RealServer(RS, 5),)))).generation == 1
        assert [(v.vs, v.scheduler, v.rs_count) for v in await client.vs_list()] == [
            (str(VS), "wrr", 1)
        ]
        assert (await client.vs_edit(VS, VsEdit("sh"))).generation == 2
        assert (await client.vs_show(VS)).scheduler == "sh"
        assert (await client.vs_edit(VS, VsEdit("sh"))).generation == 2, "as it is already"
        assert (await client.vs_del(VS)).generation == 3
        assert await client.vs_list() == []

    api.ask(life)
    assert [str(op) for op in api.engine.commits[0]] == [
        f"+ vs {VS} scheduler wrr",
        f"+ rs {VS} {RS} weight 5",
    ], "a VS and its RS are one transaction"


def test_ops_are_one_transaction(api: Api) -> None:
    """What slb-agent sends: all of it holds, or nothing; a dry run looks at each by itself."""
    good = [
        Op(OpKind.VS_ADD, VS, policy=Policy("wrr")),
        Op(OpKind.RS_ADD, VS, rs=RS, weight=5),
    ]

    async def life(client: Client) -> None:
        assert (await client.commit(good, dry_run=True)).generation == 0
        done = await client.commit(good)
        assert (done.plan, done.generation) == ([str(op) for op in good], 1)
        assert (await client.commit([])).generation == 1
        edit = Op(OpKind.RS_EDIT, VS, rs=RS, weight=7)
        with pytest.raises(errors.Duplicate):
            await client.commit([edit, good[0]])
        (row,) = await client.rs_list()
        assert row.weight == 5

    api.ask(life)


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        (Op(OpKind.VS_ADD, VS), "lacks something, or has too much"),
        (Op(OpKind.VS_DEL, VS, policy=Policy()), "lacks something, or has too much"),
        (Op(OpKind.VS_DEL, VS, rs=RS), "lacks something, or has too much"),
        (Op(OpKind.RS_ADD, VS, rs=RS), "lacks something, or has too much"),
        (Op(OpKind.RS_ADD, VS, rs=RS, weight=1001), "lacks something, or has too much"),
        (Op(OpKind.RS_EDIT, VS, weight=1), "lacks something, or has too much"),
        (Op(OpKind.RS_DEL, VS, rs=RS, weight=1), "lacks something, or has too much"),
        (Op(OpKind.VS_ADD, OUTSIDE, policy=Policy()), "lies in no service subnet"),
        (Op(OpKind.VS_EDIT, VS, policy=Policy(one_packet=True)), "one_packet is for UDP alone"),
        (Op(OpKind.RS_ADD, VS, rs=VIP, weight=1), "lies in a service subnet"),
    ],
)
def test_ops_that_cannot_be(api: Api, op: Op, sentence: str) -> None:
    async def life(client: Client) -> None:
        for dry_run in (True, False):
            with pytest.raises(errors.BadRequest, match=sentence):
                await client.commit([op], dry_run=dry_run)

    api.ask(life)
    assert api.engine.commits == []


def test_what_a_vs_has_of_its_own(api: Api) -> None:
    async def life(client: Client) -> None:
        await client.vs_add(Service(DNS, "wrr", (), True, VsTimeouts(udp_replied=5)))
        await client.vs_edit(DNS, VsEdit(timeouts={"udp_oneway": 9}))
        (service,) = (await client.export()).services
        assert service == Service(DNS, "wrr", (), True, VsTimeouts(udp_replied=5, udp_oneway=9)), (
            "what an edit does not name stays"
        )
        await client.vs_edit(DNS, VsEdit(one_packet=False, timeouts={"udp_replied": None}))
        view = await client.vs_show(DNS)
        assert (view.scheduler, view.one_packet) == ("wrr", False)
        assert view.timeouts == VsTimeouts(udp_oneway=9)

    api.ask(life)
    assert [str(op) for (op,) in api.engine.commits] == [
        f"+ vs {DNS} scheduler wrr one_packet true udp_replied 5",
        f"~ vs {DNS} udp_oneway default -> 9",
        f"~ vs {DNS} one_packet true -> false udp_replied 5 -> default",
    ]


def test_how_an_rs_is_told_its_client(api: Api) -> None:
    async def life(client: Client) -> None:
        await client.vs_add(Service(VS, client_address="toa"))
        await client.vs_edit(VS, VsEdit("sh"))
        assert (await client.vs_show(VS)).client_address == "toa", "what is not named stays"
        await client.vs_edit(VS, VsEdit(client_address="proxy-v2"))
        (service,) = (await client.export()).services
        assert service == Service(VS, "sh", client_address="proxy-v2")
        await client.vs_edit(VS, VsEdit(client_address="none"))
        assert (await client.vs_show(VS)).client_address == "none"

    api.ask(life)
    assert [str(op) for (op,) in api.engine.commits] == [
        f"+ vs {VS} scheduler rr client_address toa",
        f"~ vs {VS} scheduler rr -> sh",
        f"~ vs {VS} client_address toa -> proxy-v2",
        f"~ vs {VS} client_address proxy-v2 -> none",
    ]


def test_syn_proxy(api: Api) -> None:
    async def life(client: Client) -> None:
        await client.vs_add(Service(VS, syn_proxy=True))
        await client.vs_edit(VS, VsEdit("sh"))
        assert (await client.vs_show(VS)).syn_proxy, "what an edit does not name stays"
        (service,) = (await client.export()).services
        assert service == Service(VS, "sh", syn_proxy=True)
        await client.vs_edit(VS, VsEdit(syn_proxy=False))
        assert not (await client.vs_show(VS)).syn_proxy

    api.ask(life)
    assert [str(op) for (op,) in api.engine.commits] == [
        f"+ vs {VS} scheduler rr syn_proxy true",
        f"~ vs {VS} scheduler rr -> sh",
        f"~ vs {VS} syn_proxy true -> false",
    ]


def test_an_edit_that_does_not_suit_the_protocol_changes_nothing(api: Api) -> None:
    async def refused(client: Client) -> None:
        await client.vs_add(Service(VS))
        for edit in (VsEdit("sh", one_packet=True), VsEdit("sh", timeouts={"udp_oneway": 5})):
            with pytest.raises(errors.BadRequest, match="remove"):
                await client.vs_edit(VS, edit)
        assert (await client.vs_show(VS)).scheduler == "rr"

    api.ask(refused)


def test_an_rs_from_its_birth_to_its_end(api: Api) -> None:
    async def life(client: Client) -> list[views.RsView]:
        await client.vs_add(Service(VS))
        await client.rs_add(VS, RealServer(RS, 2))
        await client.rs_edit(VS, RS, 0)
        rows: list[views.RsView] = await client.rs_list(VS)
        await client.rs_del(VS, RS)
        assert await client.rs_list() == []
        return rows

    assert [(row.rs, row.weight) for row in api.ask(life)] == [(str(RS), 0)]


def test_readings(api: Api) -> None:
    async def read(client: Client) -> None:
        version = await client.version()
        assert (version.slb, version.abi, version.dpdk) == ("0.1.0", 1, "DPDK in memory")
        assert [row.address for row in await client.laddr_list()] == ["198.18.0.1"]
        assert [row.gateway for row in await client.route_list()] == [None]
        assert [row.mac for row in await client.neighbour_list()] == ["02:00:00:00:00:01"]
        assert [(row.method, row.health) for row in await client.steering()] == [("soft", "ok")]
        assert [row.address for row in await client.steering_rules()] == ["198.18.0.1"]
        assert await client.steering_probes() == []
        assert [row.total for row in await client.drops()] == [3]
        assert len(await client.worker_list()) == 2
        assert await client.port_list() == []
        assert await client.ospf() == OSPF
        stats = await client.stats()
        assert stats.totals["rx_packets"] == 10
        assert "cpu" not in stats.totals, "numbers of CPUs have no sum"

    api.ask(read)


def test_sessions(api: Api) -> None:
    row = views.SessionView("192.0.2.7:1", str(VS), "l", "r", 0, "established", 1, 2)
    api.engine.sessions = [row] * 150

    async def read(client: Client) -> None:
        page = await client.session_list(vs=VS, client="192.0.2.7", rs="10.10.0.1:8080")
        assert (len(page.items), page.more) == (100, True)
        page = await client.session_list(limit=150)
        assert (len(page.items), page.more) == (150, False)
        assert await client.session_count() == 150
        assert await client.session_count(worker=1) == 0

    api.ask(read)


def test_apply_and_export(api: Api) -> None:
    wanted = [Service(VS, "rr", (RealServer(RS),))]

    async def converge(client: Client) -> None:
        dry = await client.apply(wanted, dry_run=True)
        assert (len(dry.plan), dry.generation) == (2, 0)
        assert api.engine.commits == []
        assert (await client.apply(wanted)).generation == 1
        again = await client.apply(wanted)
        assert (again.plan, again.generation) == ([], 1)
        assert list((await client.export()).services) == wanted
        assert (await client.apply([])).plan == [f"- vs {VS}"]

    api.ask(converge)


@pytest.mark.parametrize(
    ("action", "kind", "sentence"),
    [
        (lambda c: c.vs_show(VS), errors.UnknownVs, f"VS {VS} does not exist"),
        (lambda c: c.vs_del(VS), errors.UnknownVs, f"VS {VS} does not exist"),
        (lambda c: c.vs_edit(VS, VsEdit("sh")), errors.UnknownVs, f"VS {VS} does not exist"),
        (
            lambda c: c.vs_edit(VS, VsEdit()),
            errors.BadRequest,
            "nothing to change: give scheduler, one_packet, timeouts, client_address or syn_proxy",
        ),
        (
            lambda c: c.vs_add(Service(VS, one_packet=True)),
            errors.BadRequest,
            f"VS {VS} is not UDP, and one_packet is for UDP alone; remove it",
        ),
        (
            lambda c: c.vs_add(Service(DNS, client_address="toa")),
            errors.BadRequest,
            f"VS {DNS} is not TCP, and client_address is for TCP alone; remove it",
        ),
        (
            lambda c: c.vs_add(Service(VS, client_address="toa", syn_proxy=True)),
            errors.BadRequest,
            f"VS {VS} has client_address too, and a SYN proxy's RS cannot be told their clients; "
            "remove one of them",
        ),
        (
            lambda c: c.vs_add(Service(DNS, syn_proxy=True)),
            errors.BadRequest,
            f"VS {DNS} is not TCP, and syn_proxy is for TCP alone; remove it",
        ),
        (
            lambda c: c.vs_add(Service(DNS, timeouts=VsTimeouts(tcp_close=5))),
            errors.BadRequest,
            f"VS {DNS} has no sessions in state tcp_close; remove the timeout",
        ),
        (lambda c: c.rs_list(VS), errors.UnknownVs, f"VS {VS} does not exist"),
        (lambda c: c.rs_add(VS, RealServer(RS)), errors.UnknownVs, "does not exist"),
        (
            lambda c: c.vs_add(Service(VsKey.parse("10.1.1.1:80/tcp"))),
            errors.BadRequest,
            "VS 10.1.1.1:80/tcp lies in no service subnet (10.96.0.0/16); "
            "add its subnet to service_subnets",
        ),
        (
            lambda c: c.vs_add(Service(VsKey.parse("[::ffff:10.96.0.1]:80/tcp"))),
            errors.BadRequest,
            "the address is an IPv4-mapped address, 10.96.0.1 written as IPv6",
        ),
        (
            lambda c: c.vs_add(Service(VsKey.parse("[2001:DB8::1]:80/tcp"))),
            errors.BadRequest,
            "VS [2001:db8::1]:80/tcp lies in no service subnet (10.96.0.0/16)",
        ),
        (
            lambda c: c.vs_add(Service(VS, "rr", (RealServer(RS), RealServer(RS)))),
            errors.BadRequest,
            f"RS {RS} is in VS {VS} twice",
        ),
        (
            lambda c: c.rs_add(VS, RealServer(Endpoint.parse("198.18.0.1:80"))),
            errors.BadRequest,
            "RS address 198.18.0.1 is one of our local addresses",
        ),
        (lambda c: c.rs_edit(VS, RS, 1001), errors.BadRequest, "weight: Expected `int` <= 1000"),
        (lambda c: c.session_list(limit=0), errors.BadRequest, "is not a whole number from 1"),
        (lambda c: c.session_list(client="x"), errors.BadRequest, "'x' is not ADDRESS:PORT"),
    ],
)
def test_refused(
    api: Api,
    action: Callable[[Client], Awaitable[object]],
    kind: type[errors.RequestError],
    sentence: str,
) -> None:
    with pytest.raises(kind) as error:
        api.ask(action)
    assert sentence in str(error.value)
    assert "services[" not in str(error.value), "a place in a list that nobody has sent"
    assert api.engine.commits == []


def test_a_duplicate_and_a_full_table(api: Api) -> None:
    async def twice(client: Client) -> None:
        await client.vs_add(Service(VS))
        with pytest.raises(errors.Duplicate, match="exists already"):
            await client.vs_add(Service(VS))
        many = [Service(VsKey.parse(f"10.96.1.{n}:80/tcp")) for n in range(1, 102)]
        with pytest.raises(errors.Full, match="100 VS exist already"):
            await client.apply(many)

    api.ask(twice)
    assert len(api.engine.tables) == 1


def test_changes_do_not_overlap(api: Api) -> None:
    """Two clients apply different sets at once: each plan is for the state that it finds."""
    first = [Service(VsKey.parse(f"10.96.1.{n}:80/tcp")) for n in range(1, 50)]
    second = [Service(VsKey.parse(f"10.96.2.{n}:80/tcp")) for n in range(1, 50)]

    async def both(client: Client) -> None:
        await asyncio.gather(*(client.apply(wanted) for wanted in [first, second] * 5))

    api.ask(both)
    assert len(api.engine.tables) == 49


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(errors.Unreachable, match="no such socket; is slbd running"):
        Blocking(str(tmp_path / "none.sock")).vs_list()
    (tmp_path / "file").touch()
    with pytest.raises(errors.Unreachable, match="nobody listens there"):
        Blocking(str(tmp_path / "file")).vs_list()
