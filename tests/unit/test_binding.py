# SPDX-License-Identifier: BSD-3-Clause
"""The C boundary from Python's side, without an engine that runs."""

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from msgspec import inspect
from msgspec.structs import replace

from slb import errors
from slb.config.check_addresses import MAX_LADDRS
from slb.config.check_services import MAX_RS_PER_VS
from slb.config.loader import load, parse
from slb.model import views
from slb.model.address import AddressRange
from slb.model.config import Timeouts
from slb.model.endpoint import Endpoint, VsKey
from slb.model.forwarding import Forwarding, Neighbour, OwnAddress, Route
from slb.model.op import Op, OpKind
from slb.model.policy import SCHEDULERS, TIMEOUTS, Policy, VsTimeouts
from slb.model.probe import ProbeCount
from slb.model.service import MAX_WEIGHT

pytest.importorskip("slb._engine", reason="the engine is not built")

from ipaddress import IPv4Address, IPv4Network, ip_interface

from slb.engine import binding, marshal, read
from slb.engine.binding import ffi, lib
from slb.engine.forward import put_forwarding
from slb.engine.settings import deal, to_c

EXAMPLES = Path(__file__).parents[2] / "configs/examples"
VS = VsKey.parse("10.96.0.10:80/tcp")
RS = Endpoint.parse("10.10.0.1:8080")


def enum(name: str, prefix: str) -> set[str]:
    """An enum's names, in lower case, without its count."""
    found = {word.lower() for word in binding.names(name, prefix).values()}
    return {word for word in found if not word.endswith("count")}


def test_what_python_must_spell_out_is_what_the_header_says() -> None:
    assert enum("slb_sched", "SLB_SCHED_") == set(SCHEDULERS)
    assert enum("slb_op_kind", "SLB_OP_") == {kind.name.lower() for kind in OpKind}
    assert enum("slb_refusal", "SLB_REFUSED_") == {
        "none",
        *(name.lower() for name in binding.REFUSALS),
    }
    states = enum("slb_tcp_state", "SLB_") - {"tcp_none"}
    assert states == set(Timeouts.__struct_fields__) == set(VsTimeouts.__struct_fields__)
    assert states == set(TIMEOUTS)
    assert binding.value("SLB_MAX_WEIGHT") == MAX_WEIGHT
    assert binding.value("SLB_MAX_LADDRS") == MAX_LADDRS
    assert binding.value("SLB_MAX_RS_PER_VS") == MAX_RS_PER_VS


@pytest.mark.parametrize(
    ("view", "struct"),
    [
        (views.WorkerView, "slb_worker_info"),
        (views.Traffic, "slb_traffic"),
        (views.Answers, "slb_answers"),
    ],
)
def test_views_have_the_fields_of_the_structs(view: Any, struct: str) -> None:
    # What became of sessions stands in them, and beside them in a view of its own.
    fields = {name for name, _ in ffi.typeof(f"struct {struct}").fields if name != "answers"}
    assert {f.encode_name for f in inspect.type_info(view).fields} == {  # type: ignore[attr-defined]
        name for name in fields if not name.startswith("reserved")
    }


@pytest.mark.parametrize(
    ("rc", "refusal", "kind"),
    [
        (-errno.EEXIST, "VS_EXISTS", errors.Duplicate),
        (-errno.ENOENT, "VS_UNKNOWN", errors.UnknownVs),
        (-errno.ENOENT, "RS_UNKNOWN", errors.UnknownRs),
        (-errno.ENOSPC, "VS_FULL", errors.Full),
        (-errno.ENOMEM, "NO_MEMORY", errors.Full),
        (-errno.EINVAL, "BAD_ADDRESS", errors.BadRequest),
        (-errno.EINVAL, "ADDRESS_IN_USE", errors.BadRequest),
        (-errno.EINVAL, "NO_LOCAL_ADDRESS", errors.BadRequest),
        (-errno.EINVAL, "NO_SESSIONS", errors.BadRequest),
        (-errno.ETIMEDOUT, "WORKER", errors.NotReady),
        (-errno.ETIMEDOUT, "", errors.NotReady),
        (-errno.ESHUTDOWN, "", errors.NotReady),
        (-errno.EIO, "", errors.EngineError),
    ],
)
def test_check(rc: int, refusal: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as error:
        binding.check(rc, "what was tried", refusal)
    assert "\n" not in str(error.value)
    assert "Errno" not in str(error.value)


def test_check_lets_results_through() -> None:
    assert binding.check(0, "x") == 0
    assert binding.check(7, "x") == 7


def test_a_closed_engine_answers_nothing() -> None:
    with pytest.raises(errors.NotReady, match="the engine does not run"):
        read.vs_list()


def test_ops() -> None:
    ops = [
        Op(
            OpKind.VS_ADD,
            VS,
            policy=Policy("wrr", True, VsTimeouts(udp_replied=5), "proxy-v2", True),
        ),
        Op(OpKind.RS_ADD, VS, rs=RS, weight=5),
        Op(OpKind.VS_DEL, VsKey.parse("[2001:db8::1]:53/udp")),
    ]
    rows = marshal.put_ops(ops)
    assert [row.kind for row in rows] == [lib.SLB_OP_VS_ADD, lib.SLB_OP_RS_ADD, lib.SLB_OP_VS_DEL]
    assert (rows[0].scheduler, rows[0].one_packet) == (lib.SLB_SCHED_WRR, 1)
    assert rows[0].client_address == lib.SLB_CLIENT_ADDRESS_PROXY_V2
    assert [row.syn_proxy for row in rows] == [1, 0, 0]
    seconds = dict(enumerate(rows[0].timeout_s))
    assert seconds == dict.fromkeys(range(lib.SLB_STATE_COUNT), 0) | {lib.SLB_UDP_REPLIED: 5}
    assert (rows[1].weight, rows[1].vs.proto) == (5, lib.SLB_PROTO_TCP)
    assert bytes(ffi.buffer(ffi.addressof(rows[1], "rs")))[:22] == bytes([10, 10, 0, 1]) + bytes(
        12
    ) + b"\x04" + (bytes(3) + (8080).to_bytes(2, "big"))
    assert [marshal.Keys().vs(row.vs) for row in rows] == [op.vs for op in ops]
    assert marshal.get_endpoint(rows[1].rs) == RS


def test_forwarding() -> None:
    view = Forwarding(
        (
            Route(IPv4Network("0.0.0.0/0"), IPv4Address("192.0.2.1"), 1),
            Route(IPv4Network("192.0.2.0/24"), None, 1),
        ),
        (Neighbour(IPv4Address("192.0.2.1"), "02:00:00:00:00:0a", 1),),
        (OwnAddress(IPv4Address("192.0.2.2"), 1),),
    )
    routes, n_routes, neighbours, n_neighbours, own, n_own = put_forwarding(view)
    assert (n_routes, n_neighbours, n_own) == (2, 1, 1)
    assert (routes[0].len, routes[0].port, routes[0].gateway.family) == (0, 1, 4)
    assert (routes[1].len, routes[1].gateway.family) == (24, 0)
    assert marshal.get_mac(neighbours[0].mac) == "02:00:00:00:00:0a"
    assert str(marshal.get_address(own[0].addr)) == "192.0.2.2"


def test_settings() -> None:
    config = load(str(EXAMPLES / "one-arm-pci.yaml"), cpus=range(8))
    c = to_c(config)
    assert (c.abi_version, c.n_workers, c.n_ports, c.n_laddrs) == (lib.SLB_ABI_VERSION, 4, 1, 16)
    assert list(c.worker_cpus)[:4] == [2, 3, 4, 5]
    assert list(c.worker_idle)[:4] == [lib.SLB_IDLE_BUSY] * 4
    assert c.admin_idle == lib.SLB_IDLE_ADAPTIVE
    assert c.timeout_s[lib.SLB_TCP_ESTABLISHED] == 3600
    assert c.timeout_s[lib.SLB_UDP_REPLIED] == 60
    assert binding.text(c.ports[0].device) == "0000:3b:00.0"
    assert binding.text(c.ports[0].kni_name) == "slb0"
    assert (c.ports[0].rx_desc, c.ports[0].mtu, c.ports[0].spread_hash) == (2048, 1500, 0)
    assert bytes(c.ports[0].mac) == bytes(6), "the device's own"
    own = [(marshal.get_address(row.addr), row.len) for row in c.ports[0].own[0 : c.ports[0].n_own]]
    assert own == [(one.ip, one.network.prefixlen) for one in config.ports[0].addresses] != []
    memif = to_c(load(str(EXAMPLES / "memif.yaml"), cpus=range(8)))
    assert marshal.get_mac(memif.ports[0].mac) == "02:00:00:00:00:02"
    assert memif.ports[0].kni_kind == lib.SLB_KNI_TAP
    assert binding.text(c.file_prefix) == binding.text(memif.file_prefix), "the same socket"


def test_settings_of_more_own_addresses_than_there_is_room_for() -> None:
    config = load(str(EXAMPLES / "one-arm-pci.yaml"), cpus=range(8))
    many = tuple(ip_interface(f"192.0.2.{n}/24") for n in range(1, 100))
    (port,) = config.ports
    row = to_c(replace(config, ports=(replace(port, addresses=many),))).ports[0]
    assert row.n_own == lib.SLB_MAX_OWN == 32
    assert str(marshal.get_address(row.own[31].addr)) == "192.0.2.32"


@pytest.mark.parametrize("word", ["auto", "flow", "rss-port", "soft"])
def test_settings_of_steering(word: Literal["auto", "flow", "rss-port", "soft"]) -> None:
    config = load(str(EXAMPLES / "one-arm-pci.yaml"), cpus=range(8))
    assert to_c(config).ports[0].steering == lib.SLB_STEERING_AUTO, "if nothing is said"
    (port,) = config.ports
    chosen = replace(config, ports=(replace(port, steering=word),))
    wanted = {
        "auto": lib.SLB_STEERING_AUTO,
        "flow": lib.SLB_STEERING_FLOW,
        "rss-port": lib.SLB_STEERING_RSS_PORT,
        "soft": lib.SLB_STEERING_SOFT,
    }
    assert to_c(chosen).ports[0].steering == wanted[word]


def test_settings_of_the_traffic() -> None:
    text = (EXAMPLES / "one-arm-pci.yaml").read_text().replace("mtu: 1500", "vlan: 7")
    c = to_c(parse("x", text, range(8)))
    assert (c.ports[0].vlan, c.sessions6, c.recycle, c.drain_tcp_s) == (7, 0, 1, 0)
    assert (c.tcp_mss, c.tcp_no_session) == (lib.SLB_MSS_AUTO, lib.SLB_NO_SESSION_DROP)
    assert (c.tcp_renumber, c.tcp_expired) == (1, lib.SLB_EXPIRED_DROP)
    assert (c.frag_datagrams, c.frag_held) == (1024, 512)
    text += """
tcp: {no_session: reset, mss: 1300, expired: reset, renumber: false}
drain: {tcp_s: 60}
recycle: false
fragments: {datagrams: 16, held: 17}
"""
    c = to_c(parse("x", text.replace("sessions:", "sessions6: 99\n  sessions:"), range(8)))
    assert (c.sessions6, c.recycle, c.drain_tcp_s) == (99, 0, 60)
    assert (c.tcp_mss, c.tcp_no_session) == (1300, lib.SLB_NO_SESSION_RESET)
    assert (c.tcp_renumber, c.tcp_expired) == (0, lib.SLB_EXPIRED_RESET)
    assert (c.frag_datagrams, c.frag_held) == (16, 17)
    assert to_c(parse("x", text.replace("1300", "off"), range(8))).tcp_mss == lib.SLB_MSS_OFF


def test_each_worker_gets_its_own_idle_policy() -> None:
    config = load(str(EXAMPLES / "shared-cpu-pci.yaml"), cpus=range(8))
    c = to_c(config)
    assert list(c.worker_idle)[:3] == [
        lib.SLB_IDLE_BUSY,
        lib.SLB_IDLE_BUSY,
        lib.SLB_IDLE_ADAPTIVE,
    ]


def test_local_addresses_are_dealt_in_turn_over_all_ports() -> None:
    config = load(str(EXAMPLES / "two-arm-pci.yaml"), cpus=range(8))
    dealt = list(deal(config))
    assert [worker for _, worker, _ in dealt] == [0, 1] * 4
    assert {port for _, _, port in dealt} == {1}


def test_each_worker_has_its_share_of_each_port() -> None:
    """And of the rest the one that has the fewest in all."""
    config = load(str(EXAMPLES / "two-ports-pci.yaml"), cpus=range(8))
    assert [(worker, port) for _, worker, port in deal(config)] == [
        (worker, port) for port in (0, 1) for worker in (0, 1, 0, 1)
    ]
    odd = [replace(port, local_addresses=port.local_addresses[:0]) for port in config.ports]
    for index, count in enumerate((3, 1)):
        first = config.ports[index].local_addresses[0].first
        span = AddressRange(first, first + count - 1)
        odd[index] = replace(odd[index], local_addresses=(span,))
    dealt = deal(replace(config, ports=tuple(odd)))
    assert [(worker, port) for _, worker, port in dealt] == [(0, 0), (1, 0), (0, 0), (1, 1)]


def rows(ctype: str, *fills: Callable[[Any], None]) -> Callable[[Any, int], int]:
    """A listing call as the engine has them, with these rows."""

    def call(out: Any, room: int) -> int:
        for index, fill in enumerate(fills[:room]):
            assert ffi.typeof(out).item.cname == ctype
            fill(out[index])
        return len(fills)

    return call


def test_a_listing_that_grows_while_it_is_read() -> None:
    sizes: list[int] = []

    def call(out: Any, room: int) -> int:
        sizes.append(room)
        count = 100 if len(sizes) == 1 else 112
        for index in range(min(room, count)):
            out[index].len = index
        return count

    found = [row.len for row in binding.listing(call, "struct slb_route", "routes")]
    assert found == list(range(112))
    assert sizes == [64, 112]


class Readings:
    """Stands in for the library's listing calls."""

    def slb_vs_list(self, out: Any, room: int) -> int:
        def fill(row: Any) -> None:
            marshal.put_endpoint(row.vs, VS)
            row.scheduler, row.n_rs = lib.SLB_SCHED_SH, 3
            row.draining_rs, row.removed_rs = 1, 2
            row.one_packet, row.syn_proxy = 1, 1
            row.client_address = lib.SLB_CLIENT_ADDRESS_PROXY_V2
            marshal.put_timeouts(row.timeout_s, {"udp_oneway": 4})
            row.traffic.in_packets, row.traffic.active = 1 << 63, 7

        return rows("struct slb_vs_info", fill)(out, room)

    def slb_rs_list(self, out: Any, room: int) -> int:
        def fill(row: Any) -> None:
            marshal.put_endpoint(row.vs, VS)
            marshal.put_endpoint(row.rs, RS)
            row.weight, row.removed = 1000, 1
            row.traffic.sessions, row.traffic.answers.answered = 9, 1 << 40
            row.traffic.answers.latency_us, row.traffic.answers.samples = 7, 2

        return rows("struct slb_rs_info", fill)(out, room)

    def slb_port_list(self, out: Any, room: int) -> int:
        def fill(row: Any) -> None:
            row.name, row.kni_name, row.driver = b"n" * 31, b"slb0", b"net_tap"
            marshal.put_mac(row.mac, "02:00:00:00:00:0a")
            row.link, row.kni_kind, row.steer = lib.SLB_LINK_UP, lib.SLB_KNI_TAP, lib.SLB_STEER_SOFT
            row.spread, row.steer_reason = lib.SLB_SPREAD_HASH, b"it cannot"
            row.laddrs, row.ruled_laddrs, row.rules, row.misdirected = 5, 2, 8, 1 << 40
            row.kni_queue, row.stuck_rules = 1, 4

        def down(row: Any) -> None:
            row.link, row.steer = lib.SLB_LINK_DOWN, lib.SLB_STEER_RSS_PORT

        def unknown(row: Any) -> None:
            row.link = lib.SLB_LINK_UNKNOWN

        return rows("struct slb_port_info", fill, down, unknown)(out, room)

    def slb_member_list(self, out: Any, room: int) -> int:
        def active(row: Any) -> None:
            row.device, row.driver, row.port = b"net_tap0", b"net_tap", 1
            row.state, row.link = lib.SLB_MEMBER_ACTIVE, lib.SLB_LINK_UP
            row.rx_packets, row.lost = 1 << 40, 3

        def waiting(row: Any) -> None:
            row.port, row.state = 1, lib.SLB_MEMBER_WAITING

        return rows("struct slb_member_info", active, waiting)(out, room)

    def slb_rule_list(self, out: Any, room: int) -> int:
        def counted(row: Any) -> None:
            marshal.put_address(row.addr, RS.address)
            row.shape, row.worker, row.counted, row.hits = lib.SLB_RULE_UDP, 3, 1, 1 << 40

        def other(row: Any) -> None:
            counted(row)
            row.port, row.shape, row.counted = 1, lib.SLB_RULE_ANY, 0

        def kni(row: Any) -> None:
            other(row)
            row.worker = lib.SLB_RULE_KNI

        return rows("struct slb_rule_info", counted, other, kni)(out, room)

    def slb_probe_list(self, out: Any, room: int) -> int:
        def fill(row: Any) -> None:
            marshal.put_address(row.addr, RS.address)
            row.port, row.worker, row.method, row.expected = 1, 3, lib.SLB_STEER_RSS_PORT, 1
            row.right, row.elsewhere, row.handed = (1, 1 << 40), (2, 3), (4, 5)

        return rows("struct slb_probe_info", fill)(out, room)

    def slb_worker_list(self, out: Any, room: int) -> int:
        def fill(row: Any) -> None:
            row.handed_off = 4

        return rows("struct slb_worker_info", fill, fill)(out, room)

    def slb_worker_bytes(self, out: Any, room: int) -> int:
        out[0], out[3] = 1 << 63, 5
        return 2

    def slb_drop_list(self, out: Any, room: int) -> int:
        out[lib.SLB_DROP_NO_VS] = 3
        out[lib.SLB_DROP_COUNT + lib.SLB_DROP_NO_VS] = 4
        return 2


def test_what_became_of_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removed RS counts with the one that was added again, those of a former VS with nothing."""
    names = views.Answers.__struct_fields__

    def of(removed: int, vs_removed: int, times: int) -> Callable[[Any], None]:
        def fill(row: Any) -> None:
            marshal.put_endpoint(row.vs, VS)
            marshal.put_endpoint(row.rs, RS)
            row.removed, row.vs_removed, row.traffic.sessions = removed, vs_removed, times
            for number, name in enumerate(names, start=2):
                setattr(row.traffic.answers, name, number * times)

        return fill

    fills = of(0, 0, 1), of(1, 0, 20), of(1, 1, 300)
    listed = SimpleNamespace(slb_rs_list=rows("struct slb_rs_info", *fills))
    monkeypatch.setattr(read, "lib", listed)
    every = {name: 21 * number for number, name in enumerate(names, start=2)}
    assert read.answer_list() == [views.RsAnswers(str(VS), str(RS), sessions=21, **every)]


def test_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "lib", Readings())
    (vs,) = read.vs_list()
    assert (vs.vs, vs.scheduler, vs.rs_count) == (str(VS), "sh", 3)
    assert (vs.draining, vs.removed) == (1, 2)
    assert (vs.traffic.in_packets, vs.traffic.active) == (1 << 63, 7)
    (rs,) = read.rs_list()
    assert (rs.vs, rs.rs, rs.weight, rs.removed) == (str(VS), str(RS), 1000, True)
    assert rs.answers == views.Answers(answered=1 << 40, latency_us=7, samples=2)
    port, *others = read.port_list()
    assert (port.name, port.mac, port.link_up) == ("n" * 31, "02:00:00:00:00:0a", True)
    assert [other.link_up for other in others] == [False, None]
    assert (port.kernel_interface, port.kni_kind) == ("slb0", "tap")
    assert port.members == []
    active, waiting = others[0].members
    assert (active.device, active.driver, active.link_up) == ("net_tap0", "net_tap", True)
    assert (active.state, active.rx_packets, active.lost) == ("active", 1 << 40, 3)
    assert (waiting.state, waiting.link_up) == ("waiting", False)
    steering, by_ports, *_ = read.steering_list()
    assert by_ports.method == "rss-port"
    assert (steering.method, steering.spread, steering.reason) == ("soft", "hash", "it cannot")
    assert steering.handed_off == 8
    assert (steering.laddrs, steering.ruled_laddrs, steering.rules) == (5, 2, 8)
    assert (steering.misdirected, steering.kni_queue) == (1 << 40, True)
    assert (steering.stuck_rules, by_ports.stuck_rules) == (4, 0)
    assert read.rule_list(["lan0", "lan1"]) == [
        views.RuleView("lan0", str(RS.address), "udp", 3, 1 << 40),
        views.RuleView("lan1", str(RS.address), "any", 3, None),
        views.RuleView("lan1", str(RS.address), "any", None, None),
    ]
    assert read.probe_list(["lan0", "lan1"]) == [
        ProbeCount(RS.address, "lan1", 3, "rss-port", True, (1, 1 << 40), (2, 3), (4, 5))
    ]
    assert read.worker_bytes() == [(1 << 63, 0), (0, 5)]
    drops = {row.reason: row for row in read.drop_list()}
    assert drops["NO_VS"] == views.DropView("NO_VS", 7, [3, 4])
    assert len(drops) == lib.SLB_DROP_COUNT
    assert "COUNT" not in drops


def test_a_session() -> None:
    row = ffi.new("struct slb_session_info *")
    marshal.put_endpoint(row.vs, VS)
    for name in ("client", "local", "rs"):
        marshal.put_endpoint(getattr(row, name), RS)
    row.state, row.idle_ms = lib.SLB_TCP_ESTABLISHED, 5
    view = read.session_reader()(row)
    assert (view.vs, view.client, view.state, view.idle_ms) == (str(VS), str(RS), "established", 5)
