# SPDX-License-Identifier: BSD-3-Clause
"""What became of the sessions of an RS: answered, refused, given up, and how soon it answered."""

import time

import pytest
from cases_tcp_numbers import WAYS, Way
from driver import Result
from lab import Lab, OpenLab
from packets.frames import ACK, FIN_ACK, RST, RST_ACK, SYN, SYN_ACK, answer, udp, udp6
from proxied import Ends, each_way, proxied, vs_of
from values import Rs, Settings, Traffic

pytestmark = pytest.mark.path

TICK_S = 0.0625
WAITS_S, CLOSED_S = 30, 5
NAMES = ("answered", "unanswered", "refused", "aborted", "resets")


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    """The usual services; recycling, so that a full table gives sessions up."""
    return open_lab(Settings(sessions=64, options={"recycle": 1})).usual()


class Client:
    """A client of one VS, from one port, and its RS."""

    def __init__(self, lab: Lab, way: Way, port: int = 40000) -> None:
        self.lab, self.way, self.port = lab, way, port
        self.syn = b""

    def send(self, flags: str) -> "Client":
        """A segment; the first is what the RS sees."""
        packet = self.way.segment(flags)
        packet.sport = self.port
        result = run(self.lab, bytes(packet))
        self.syn = self.syn or result.data
        return self

    def back(self, flags: str) -> "Client":
        """A segment of the RS."""
        run(self.lab, bytes(answer(self.syn, flags)))
        return self


def run(lab: Lab, frame: bytes) -> Result:
    """What becomes of a frame, which is let through."""
    (result,) = lab.harness.run(0, [frame])
    assert result.what == "TX 0"
    return result


def row(lab: Lab, vs: str) -> Rs:
    """What is listed for the one RS of a VS; the VS has the same."""
    (found,) = lab.harness.rs(vs)
    assert lab.harness.vs()[vs].traffic == found.traffic
    return found


def counts(lab: Lab, way: Way) -> dict[str, int]:
    """The counters that are not 0."""
    traffic: Traffic = row(lab, vs_of(way)).traffic
    return {name: n for name in NAMES if (n := getattr(traffic, name))}


@each_way
def test_each_end_of_a_beginning(way: Way, lab: Lab) -> None:
    """One counter each, counted when it is known and never again."""
    client = Client(lab, way).send(SYN)
    assert counts(lab, way) == {}
    client.back(SYN_ACK)
    assert counts(lab, way) == {"answered": 1}
    client.send(ACK).send("PA").back("PA").back(SYN_ACK)
    Client(lab, way, 40001).send(SYN).back("RA").back("RA")
    assert counts(lab, way) == {"answered": 1, "refused": 1}
    Client(lab, way, 40002).send(SYN).send(RST_ACK).back(SYN_ACK).back("RA")
    assert counts(lab, way) == {"answered": 1, "refused": 1, "aborted": 1}
    Client(lab, way, 40003).send(SYN).send(SYN).back(ACK)
    lab.harness.advance(WAITS_S - TICK_S)
    assert "unanswered" not in counts(lab, way)
    lab.harness.advance(TICK_S)
    assert counts(lab, way) == {"answered": 1, "refused": 1, "aborted": 1, "unanswered": 1}
    assert row(lab, vs_of(way)).traffic.sessions == 4


@each_way
def test_resets_by_the_rs(way: Way, lab: Lab) -> None:
    """Of what it had answered, unless one end had begun to close, or was the client itself."""
    Client(lab, way).send(SYN).back(SYN_ACK).back(RST).back(RST)
    assert counts(lab, way) == {"answered": 1, "resets": 1}
    Client(lab, way, 40001).send(SYN).back(SYN_ACK).send(ACK).back(RST)
    assert counts(lab, way) == {"answered": 2, "resets": 2}
    for port, ends in enumerate(("IN", "OUT", "BOTH"), start=40010):
        client = Client(lab, way, port).send(SYN).back(SYN_ACK).send(ACK)
        if ends != "OUT":
            client.send(FIN_ACK)
        if ends != "IN":
            client.back(FIN_ACK)
        client.back(RST)
    Client(lab, way, 40020).send(SYN).back(SYN_ACK).send(ACK).send(RST).back(RST)
    assert counts(lab, way) == {"answered": 6, "resets": 2}


@pytest.mark.parametrize("frame", [udp, udp6])
def test_datagrams(frame: object, lab: Lab) -> None:
    """An RS of UDP answers by its first datagram; one that was never heard of did not."""
    vs = "[2001:db8:96::10]:53/udp" if frame is udp6 else "10.96.0.10:53/udp"
    seen = run(lab, bytes(frame()))
    run(lab, bytes(frame()))
    assert row(lab, vs).traffic.answered == 0
    for _ in range(2):
        run(lab, bytes(answer(seen.data)))
    run(lab, bytes(frame(sport=40001)))
    lab.harness.advance(100)
    traffic = row(lab, vs).traffic
    assert (traffic.answered, traffic.unanswered, traffic.sessions) == (1, 1, 2)


def test_an_answer_in_the_burst_that_ends_its_session(lab: Lab) -> None:
    """The client begins anew from the same port before the burst is over."""
    way = WAYS[0]
    client = Client(lab, way).send(SYN)
    lab.harness.run(0, [bytes(answer(client.syn, "RA")), bytes(way.segment(SYN))])
    assert counts(lab, way) == {"refused": 1}
    assert row(lab, vs_of(way)).traffic.sessions == 2


def test_a_session_given_up_for_another(lab: Lab) -> None:
    """It ended before its RS answered, whatever ended it."""
    way = WAYS[0]
    for port in range(40000, 40065):
        Client(lab, way, port).send(SYN)
    assert counts(lab, way) == {"unanswered": 1}


# ---- with SYN proxy ----


@pytest.fixture
def shielded(open_lab: OpenLab) -> Lab:
    """All TCP services have SYN proxy."""
    return proxied(open_lab(Settings()).usual(), *WAYS)


@each_way
def test_a_handshake_of_the_lbs(way: Way, shielded: Lab) -> None:
    """The RS has nothing to do with it: only with the SYN that it gets."""
    ends = Ends(shielded, way).syn()
    assert row(shielded, vs_of(way)).traffic.sessions == 0
    ends.acked()
    assert counts(shielded, way) == {}
    ends.established()
    assert counts(shielded, way) == {"answered": 1}
    ends.answered(ends.rs("SA", seq=0, options=ends.rs_options, window=8192), 8192)
    assert counts(shielded, way) == {"answered": 1}
    assert row(shielded, vs_of(way)).samples == 1


@each_way
def test_an_rs_behind_it_that_refuses(way: Way, shielded: Lab) -> None:
    ends = Ends(shielded, way).syn().acked()
    assert ends.run(ends.rs("RA", seq=0)).what == "TX 0"
    assert counts(shielded, way) == {"refused": 1}


@each_way
def test_an_rs_behind_it_that_is_silent(way: Way, shielded: Lab) -> None:
    """Three SYNs of the LB's; none of them is measured."""
    ends = Ends(shielded, way).syn().acked()
    shielded.harness.advance(1)
    shielded.harness.advance(2)
    assert len(ends.sent()) == 2 and counts(shielded, way) == {}
    shielded.harness.advance(4)
    ends.sent()
    assert counts(shielded, way) == {"unanswered": 1}
    assert row(shielded, vs_of(way)).samples == 0


# ---- how soon ----


def latency(lab: Lab, way: Way) -> tuple[int, int]:
    """The sum in microseconds, and of how many samples."""
    found = row(lab, vs_of(way))
    return found.latency_us, found.samples


@each_way
def test_how_soon_it_answers(way: Way, lab: Lab) -> None:
    """From the SYN that passed to the answer, whatever it was that took the time."""
    began = time.perf_counter()
    client = Client(lab, way).send(SYN)
    passed = time.perf_counter()
    while time.perf_counter() - passed < 0.02:
        pass
    client.back(SYN_ACK)
    took_us = (time.perf_counter() - began) * 1e6
    total, samples = latency(lab, way)
    assert samples == 1 and 19_000 <= total <= took_us * 1.01
    client.back(SYN_ACK)
    assert latency(lab, way) == (total, 1)


def test_one_sample_at_a_time_and_in_a_tick(lab: Lab) -> None:
    way = WAYS[0]
    Client(lab, way, 40000).send(SYN).back(SYN_ACK)
    Client(lab, way, 40001).send(SYN).back(SYN_ACK)
    assert latency(lab, way)[1] == 1, "one is enough for this tick"
    lab.harness.advance(TICK_S)
    measured = Client(lab, way, 40002).send(SYN)
    lab.harness.advance(TICK_S)
    Client(lab, way, 40003).send(SYN).back(SYN_ACK)
    assert latency(lab, way)[1] == 1, "another one is being measured"
    measured.back(SYN_ACK)
    assert latency(lab, way)[1] == 2
    lab.harness.advance(TICK_S)
    Client(lab, way, 40004).send(SYN)
    lab.harness.advance(2)
    Client(lab, way, 40005).send(SYN).back(SYN_ACK)
    assert latency(lab, way)[1] == 3, "one that is silent makes room"


def test_what_is_not_measured(lab: Lab) -> None:
    """A SYN that was repeated, for nobody knows which was answered; and what was not answered."""
    way = WAYS[0]
    Client(lab, way, 40000).send(SYN).send(SYN).back(SYN_ACK)
    lab.harness.advance(TICK_S)
    Client(lab, way, 40001).send(SYN).back("RA")
    lab.harness.advance(TICK_S)
    Client(lab, way, 40002).send(SYN).send(RST_ACK).back(SYN_ACK)
    lab.harness.advance(TICK_S)
    Client(lab, way, 40003).send(SYN)
    lab.harness.advance(WAITS_S)
    assert latency(lab, way) == (0, 0)
    # The entries that those had are used again, and nothing of theirs is left in them.
    Client(lab, way, 40004).send(SYN).back(SYN_ACK)
    assert latency(lab, way)[1] == 1


def test_an_rs_that_comes_back_goes_on(lab: Lab) -> None:
    """What was counted before it was removed is counted still, once."""
    way = WAYS[0]
    server = next(one for one in lab.servers if one.key == vs_of(way))
    Client(lab, way).send(SYN).back(SYN_ACK)
    Client(lab, way, 40001).send(SYN)
    name = row(lab, vs_of(way)).rs
    server.remove_rs(name)
    server.add_rs(name)
    lab.harness.advance(1000)
    assert counts(lab, way) == {"answered": 1, "unanswered": 1}
    total, samples = latency(lab, way)
    assert samples == 1
    server.remove_rs(name)
    lab.harness.advance(1)
    server.add_rs(name)
    Client(lab, way).send(SYN).back(SYN_ACK)
    assert counts(lab, way) == {"answered": 2, "unanswered": 1}
    assert latency(lab, way)[0] >= total and latency(lab, way)[1] == 2
