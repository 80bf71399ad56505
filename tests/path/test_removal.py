# SPDX-License-Identifier: BSD-3-Clause
"""Removing an RS or a VS: its sessions live on, nobody new comes, then every trace goes."""

import pytest
from driver import Refused
from lab import PLAIN, Lab, OpenLab
from packets.frames import ACK, RS_TCP, RST_ACK, VIP, VS_TCP, VS_UDP, answer, icmp, tcp, udp
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

SECOND = "10.10.0.2:8080"


def talk(lab: Lab, client_port: int = 40000, flags: str = "S") -> bytes:
    """Send a client's packet and let the RS answer; returns what the RS saw."""
    (forwarded,) = lab.harness.run(0, [bytes(tcp(flags, sport=client_port))])
    assert forwarded.what == "TX 0"
    (back,) = lab.harness.run(0, [bytes(answer(forwarded.data, ACK))])
    assert back.what == "TX 0"
    assert endpoints(back.data)[1][1] == client_port
    return forwarded.data


def test_a_vs_that_comes_back_starts_from_zero(lab: Lab) -> None:
    """What is left of the one before is told by its removed RS, not by the new one."""
    lab.harness.run(0, [bytes(tcp())])
    lab.harness.commit([Op("VS_DEL", VS_TCP), Op("VS_ADD", VS_TCP)])
    row = lab.harness.vs()[VS_TCP]
    assert (row.n_rs, row.removed, row.traffic.in_packets, row.traffic.active) == (0, 0, 0, 0)
    assert [(rs.rs, rs.removed, rs.traffic.active) for rs in lab.harness.rs(VS_TCP)] == [
        (RS_TCP, True, 1)
    ]


def test_sessions_of_a_removed_rs_live_on(lab: Lab) -> None:
    seen = talk(lab)
    lab.servers[0].add_rs(SECOND).remove_rs(RS_TCP)
    assert endpoints(talk(lab, flags=ACK)) == endpoints(seen)
    assert endpoints(talk(lab, 40001))[1] == ("10.10.0.2", 8080)
    removed = {row.rs: row for row in lab.harness.rs(VS_TCP)}[RS_TCP]
    assert removed.removed and removed.weight == 0
    assert (removed.traffic.in_packets, removed.traffic.active) == (2, 1)
    vs = lab.harness.vs()[VS_TCP]
    assert (vs.n_rs, vs.draining, vs.removed) == (1, 0, 1)
    assert (vs.traffic.active, vs.traffic.in_packets) == (2, 3)


def test_drained_and_removed_rs_are_told_apart(lab: Lab) -> None:
    """The VS counts what its RS are listed as."""
    talk(lab)
    server = lab.servers[0].add_rs(SECOND, "10.10.0.3:8080")
    server.weigh(SECOND, 0)
    server.remove_rs(RS_TCP)
    vs, rows = lab.harness.vs()[VS_TCP], lab.harness.rs(VS_TCP)
    assert sum(row.removed for row in rows) == vs.removed == 1
    assert sum(row.weight == 0 and not row.removed for row in rows) == vs.draining == 1
    assert sum(not row.removed for row in rows) == vs.n_rs == 2
    server.weigh(SECOND, 5)
    assert lab.harness.vs()[VS_TCP].draining == 0


@pytest.mark.parametrize("leave", ["remove", "drain"])
def test_a_client_port_used_again_does_not_lead_to_an_rs_that_left(lab: Lab, leave: str) -> None:
    """The old connection is over, its session is not yet forgotten: the new one is scheduled."""
    talk(lab)
    lab.harness.run(0, [bytes(tcp(RST_ACK))])
    lab.servers[0].add_rs(SECOND)
    if leave == "remove":
        lab.servers[0].remove_rs(RS_TCP)
    else:
        lab.servers[0].weigh(RS_TCP, 0)
    assert endpoints(talk(lab))[1] == ("10.10.0.2", 8080)
    assert lab.active() == 1


def test_over_and_begun_again_in_one_burst(lab: Lab) -> None:
    """What comes before the SYN belongs to the connection that is over, what follows to the new."""
    talk(lab)
    lab.harness.run(0, [bytes(tcp(RST_ACK))])
    frames = [bytes(tcp(flags)) for flags in (ACK, "S", ACK)]
    late, first, next_one = lab.harness.run(0, frames)
    assert late.what == "DROP NO_SESSION"
    assert first.what == next_one.what == "TX 0"
    assert endpoints(first.data) == endpoints(next_one.data)
    assert lab.active() == 1


@pytest.mark.parametrize("known", [True, False])
def test_reset_and_begun_again_in_one_burst(lab: Lab, known: bool) -> None:
    """The SYN follows the RST at once: the session it finds is over, though not yet counted so."""
    if known:
        talk(lab)
    lab.servers[0].add_rs(SECOND).weigh(RS_TCP, 0)
    frames = [bytes(tcp(flags)) for flags in (ACK if known else "S", RST_ACK, "S", ACK)]
    _, reset, first, next_one = lab.harness.run(0, frames)
    assert reset.what == "DROP NO_SESSION"
    assert first.what == next_one.what == "TX 0"
    assert endpoints(first.data) == endpoints(next_one.data)
    assert endpoints(first.data)[1] == ("10.10.0.2", 8080)
    assert [session.state for session in lab.harness.sessions()] == ["TCP_SYN_SENT"]


def test_a_removed_rs_vanishes_with_its_last_session(lab: Lab) -> None:
    talk(lab)
    lab.servers[0].remove_rs(RS_TCP)
    lab.harness.run(0, [bytes(tcp(RST_ACK))])
    lab.harness.advance(4)
    assert [row.removed for row in lab.harness.rs(VS_TCP)] == [True]
    lab.harness.advance(2)
    assert lab.harness.rs(VS_TCP) == []
    traffic = lab.harness.vs()[VS_TCP].traffic
    assert (traffic.in_packets, traffic.out_packets, traffic.sessions) == (2, 1, 1)


def test_an_rs_that_comes_back_is_a_new_one(lab: Lab) -> None:
    seen = talk(lab)
    lab.servers[0].remove_rs(RS_TCP)
    lab.servers[0].add_rs(RS_TCP)
    assert sorted(row.removed for row in lab.harness.rs(VS_TCP)) == [False, True]
    assert endpoints(talk(lab, flags=ACK)) == endpoints(seen)
    again = talk(lab, 40001)
    assert endpoints(again) != endpoints(seen)
    counts = {row.removed: row.traffic.sessions for row in lab.harness.rs(VS_TCP)}
    assert counts == {False: 1, True: 1}


def test_without_its_only_rs_a_vs_refuses(lab: Lab) -> None:
    lab.servers[0].remove_rs(RS_TCP)
    (result,) = lab.harness.run(0, [bytes(tcp())])
    assert result.what == "DROP NO_RS"


def test_a_removed_vs(lab: Lab) -> None:
    """Sessions go on; new clients find the port closed, then nobody at the address."""
    seen = talk(lab)
    lab.servers[0].remove()
    assert endpoints(talk(lab, flags=ACK)) == endpoints(seen)
    assert [row.removed for row in lab.harness.rs(VS_TCP)] == [True]
    new = bytes(tcp(sport=2))
    assert lab.harness.run(0, [new])[0].what == "DROP NO_VS"
    lab.servers[1].remove()
    assert [row.what for row in lab.harness.run(0, [new, bytes(udp()), bytes(icmp())])] == [
        "DROP NOT_FOR_US"
    ] * 3
    assert VIP not in str(lab.harness.vs())


def test_a_vs_that_comes_back_counts_from_nothing(lab: Lab) -> None:
    seen = talk(lab)
    lab.harness.commit([Op("VS_DEL", VS_TCP), Op("VS_ADD", VS_TCP), Op("RS_ADD", VS_TCP, SECOND)])
    assert endpoints(talk(lab, flags=ACK)) == endpoints(seen)
    assert endpoints(talk(lab, 40001))[1] == ("10.10.0.2", 8080)
    own = {row.rs: row.traffic.sessions for row in lab.harness.rs(VS_TCP) if not row.removed}
    assert own == {SECOND: 1}


def test_slots_are_used_again(open_lab: OpenLab) -> None:
    """With room for one RS another fits as soon as the first one's last session has ended."""
    lab = open_lab(Settings(workers=1, laddrs=(("198.18.0.1", 0, 0),), rs_max=1, vs_max=1))
    lab.harness.forward(PLAIN)
    for n in range(20):
        server = lab.add_vs(VS_TCP, rs=[f"10.10.0.{n + 1}:80"])
        talk(lab)
        server.remove_rs(f"10.10.0.{n + 1}:80")
        with pytest.raises(Refused, match=r"RS 10\.10\.0\.99:80: all 1 RS slots are taken"):
            server.add_rs("10.10.0.99:80")
        with pytest.raises(Refused, match=r"VS 10\.96\.0\.10:53/udp: all 1 VS slots are taken"):
            lab.add_vs(VS_UDP)
        lab.harness.run(0, [bytes(tcp(RST_ACK))])
        lab.harness.advance(6)
        server.remove()
    lab.clear()
