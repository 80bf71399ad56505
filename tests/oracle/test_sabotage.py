# SPDX-License-Identifier: BSD-3-Clause
"""The oracle notices: whatever byte, verdict or listing is not right, the comparison fails."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driver import Harness, Result
from packets.nic import Nic
from packets.rss import MICROSOFT_KEY, Rss
from values import Neighbour, Op, Route, Settings, View

from oracle.events import (
    Acks,
    Burst,
    Change,
    ErrorAbout,
    Event,
    Fragmented,
    FromClient,
    OfSession,
    Other,
    Reroute,
    Scenario,
    Wait,
)
from oracle.player import Player

HERE = Path(__file__).parent
VS, RS = "10.96.0.10:80/tcp", "10.10.0.1:8080"
VS_TOA = "10.96.0.10:81/tcp"
VS6 = "[2001:db8:96::a]:53/udp"
ROUTES = Reroute(
    View(
        [Route("0.0.0.0/0", "192.0.2.1"), Route("::/0", "fe80::1", 1)],
        [Neighbour("192.0.2.1", "aa:aa:aa:00:00:01"), Neighbour("fe80::1", "aa:aa:aa:00:00:06", 1)],
    )
)
OWN = replace(ROUTES, view=replace(ROUTES.view, own=["192.0.2.2"]))
SERVICES = Change(
    [Op("VS_ADD", VS), Op("RS_ADD", VS, RS), Op("VS_ADD", VS6), Op("RS_ADD", VS6, RS)]
)
OSPF = 89
SYN, SYN_ACK, ACK = 0x02, 0x12, 0x10
STAMPS = {"numbers": 0}
OPEN: list[Event] = [
    Burst([FromClient("203.0.113.9", 40000, VS, SYN, quirks=STAMPS)]),
    Burst([OfSession(0, True, SYN_ACK, quirks={"numbers": 17 * 4 + 1})]),
    Burst([OfSession(0, False, ACK, payload=9, quirks={"numbers": 17 * 8 + 1})]),
]
PLAIN: list[Event] = [
    Burst([FromClient("203.0.113.9", 40000, VS, payload=5)]),
    Burst([OfSession(0, outward=True, flags=0x12, payload=6)]),
    Burst([OfSession(0, outward=True, flags=0x12)], worker=1),
    Burst([Other("203.0.113.9", "10.96.0.10", 1, payload=4)]),
    Burst([FromClient("203.0.113.9", 40001, "10.96.0.10:81/tcp")]),
    Burst([FromClient("2001:db8:c::9", 40000, VS6, payload=8)]),
    Burst([OfSession(1, outward=True, payload=8)]),
    Wait(16),
]
UNREACHABLE, LONG_QUOTE, AS_IT_WAS = 3, 4096, 0
ERRORS: list[Event] = [
    Burst([ErrorAbout(0, 0, UNREACHABLE, LONG_QUOTE, AS_IT_WAS)]),
    Burst([ErrorAbout(1, 0, UNREACHABLE, LONG_QUOTE, AS_IT_WAS)], worker=1),
    Burst([OfSession(0, True, ACK, quirks={"ttl": 1})]),
]
SERVICES_THAT_TELL = Change(
    [
        Op("VS_ADD", VS, client_address="proxy-v2"),
        Op("RS_ADD", VS, RS),
        Op("VS_ADD", VS_TOA, client_address="toa"),
        Op("RS_ADD", VS_TOA, RS),
    ]
)
PUSH_ACK = 0x18
FIRST, HEADER_READ, BEHIND = {"place": 0}, {"place": 15}, {"place": 7}
TELLING: list[Event] = [
    Burst([FromClient("203.0.113.9", 40000, VS, SYN)]),
    Burst([OfSession(0, True, SYN_ACK, quirks=FIRST)]),
    Burst([OfSession(0, False, PUSH_ACK, payload=9, quirks=FIRST)]),
    Burst([OfSession(0, True, ACK, quirks=HEADER_READ)]),
    Burst([OfSession(0, False, PUSH_ACK, payload=9, quirks=BEHIND)]),
    Burst([FromClient("203.0.113.9", 40000, VS_TOA, SYN)]),
    Burst([OfSession(1, True, SYN_ACK)]),
    Burst([OfSession(1, False, PUSH_ACK, payload=9)]),
]
REVERSED = 12  # in fragmenting.ORDERS
LONG = FromClient("203.0.113.9", 40000, VS, SYN, payload=1200)
FRAGMENTS: list[Event] = [
    Burst([Fragmented(LONG, 480, REVERSED, 0x0203)]),
    Burst([OfSession(0, True, SYN_ACK, payload=1200)]),
    Burst([Fragmented(Other("203.0.113.9", "10.96.0.10", 1, payload=800), 480, 0, 7)]),
]
PROXIED = Change([Op("VS_ADD", VS, syn_proxy=True), Op("RS_ADD", VS, RS)])
AS_A_SYN_HAS_THEM = {"numbers": 2}
PROXY: list[Event] = [
    Burst([FromClient("203.0.113.9", 40000, VS, SYN, quirks=AS_A_SYN_HAS_THEM)]),
    Burst([Acks(0, payload=9)]),
    Burst([OfSession(0, True, SYN_ACK, payload=4)]),
    Burst([OfSession(0, False, ACK, payload=9, quirks={"numbers": 17 * 8 + 9})]),
    Burst([OfSession(0, True, ACK, payload=9, quirks={"numbers": 17 * 8 + 9})]),
]
REFUSED: list[Event] = [
    Burst([FromClient("203.0.113.9", 40000, VS, ACK, payload=5)]),
    Burst([FromClient("203.0.113.9", 40000, VS, SYN, quirks={"mss": 7})]),
    Burst([Other("203.0.113.9", "192.0.2.2", OSPF, payload=20)] * 3),
]
STRICT = Settings(
    workers=1,
    laddrs=[("198.18.0.1", 0, 0)],
    pps={"other": 4},
    options={"tcp_no_session": 1, "tcp_mss": 536},
)
ALONE = Settings(workers=1, laddrs=[("198.18.0.1", 0, 0), ("2001:db8:18::1", 0, 0)], mtu=576)
TOLD = Settings(workers=2, options={"tcp_expired": 1}, timeouts={"TCP_ESTABLISHED": 1})
# Of the local addresses the first has a rule, and the others are both workers'.
NIC = Nic(Rss(MICROSOFT_KEY, (0, 1) * 32), rules_max=1, faults=("KEY_FIXED", "TABLE_FIXED"))
SCENARIOS = {
    "plain": Scenario(Settings(workers=2, renumber=False), [ROUTES, SERVICES, *PLAIN]),
    "numbers": Scenario(TOLD, [ROUTES, SERVICES, *OPEN, Wait(16)]),
    "errors": Scenario(Settings(workers=2), [ROUTES, SERVICES, *OPEN, *ERRORS]),
    "proxies": Scenario(TOLD, [ROUTES, PROXIED, *PROXY, Wait(16)]),
    "refused": Scenario(STRICT, [OWN, SERVICES, *REFUSED]),
    "fragments": Scenario(ALONE, [ROUTES, SERVICES, *FRAGMENTS]),
    "telling": Scenario(Settings(workers=2), [ROUTES, SERVICES_THAT_TELL, *TELLING]),
    "nic": Scenario(Settings(workers=2, renumber=False, nics={0: NIC}), [ROUTES, SERVICES, *PLAIN]),
}
TALLIES = {
    "plain": {"TX 0": 5, "TX 1": 1, "HANDOFF 0": 1, "DROP NO_VS": 1},
    "numbers": {"TX 0": 3},
    "errors": {"TX 0": 6, "HANDOFF 0": 1},
    "proxies": {"TX 0": 5},
    "refused": {"TX 0": 2, "PUNT 2": 1, "DROP PUNT_RATE": 2},
    "fragments": {"TX 0": 6, "HELD 0": 2},
    "telling": {"TX 0": 8},
    "nic": {"TX 0": 5, "TX 1": 1, "HANDOFF 0": 1, "DROP NO_VS": 1},
}
EACH = [(name, what) for name, tally in TALLIES.items() for what in tally]
Sabotage = Callable[[list[Result]], list[Result]]


class Saboteur(Harness):
    """An engine whose answers are tampered with."""

    tamper: Sabotage = staticmethod(lambda results: results)
    tamper_taken: Sabotage = staticmethod(lambda results: results)

    def run(self, *args: Any, **options: Any) -> list[Result]:
        """What the engine says, tampered with."""
        return type(self).tamper(super().run(*args, **options))

    def take(self, worker: int) -> list[Result]:
        """What the engine has sent of itself, tampered with."""
        return type(self).tamper_taken(super().take(worker))


def play(engine: type[Harness] = Harness, name: str = "plain") -> Counter[str]:
    """A scenario with this engine."""
    tally: Counter[str] = Counter()
    Player(SCENARIOS[name], tally, engine).play()
    return tally


class Blind(Harness):
    """An engine that asks no NIC."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(replace(settings, nics={}))


def test_whose_a_local_port_is_may_not_differ() -> None:
    """Local addresses that the NIC makes all workers' are not one's."""
    with pytest.raises(AssertionError, match=r"come to another worker|local addresses"):
        play(Blind, "nic")


def flipped(what: str, offset: int) -> Sabotage:
    """The byte at this offset of each such packet is another."""

    def tamper(results: list[Result]) -> list[Result]:
        return [
            replace(one, data=_flip(one.data, offset)) if one.what == what else one
            for one in results
        ]

    return tamper


def _flip(data: bytes, offset: int) -> bytes:
    if offset >= len(data):
        return data
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


@pytest.mark.parametrize("name", SCENARIOS)
def test_left_alone_nothing_differs(name: str) -> None:
    tally = play(name=name)
    verdicts = {what: count for what, count in tally.items() if what.isupper()}
    assert verdicts == TALLIES[name]
    if name == "plain":
        assert (tally["6 to 4"], tally["4 to 6"]) == (1, 1)
    if name == "fragments":
        assert (tally["fragments"], tally["pieces"]) == (6, 2)
    if name in ("numbers", "proxies"):
        assert tally["resets"] == 2
    if name == "telling":
        assert (tally["told by toa"], tally["told by proxy-v2"]) == (1, 1)
        assert tally["behind a PROXY header"] == 1
    assert tally["handshakes"] == (name == "proxies")


@pytest.mark.parametrize(("name", "what"), [each for each in EACH if each[1] != "HELD 0"])
def test_no_byte_may_differ(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for offset in range(54 if name in ("plain", "refused", "nic") else 66):
        monkeypatch.setattr(Saboteur, "tamper", staticmethod(flipped(what, offset)))
        with pytest.raises((AssertionError, LookupError)):
            play(Saboteur, name)


@pytest.mark.parametrize(("name", "what"), EACH)
def test_no_verdict_may_differ(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def tamper(results: list[Result]) -> list[Result]:
        return [replace(one, arg=one.arg + 1) if one.what == what else one for one in results]

    monkeypatch.setattr(Saboteur, "tamper", staticmethod(tamper))
    with pytest.raises(AssertionError):
        play(Saboteur, name)


@pytest.mark.parametrize("name", ["numbers", "proxies", "fragments"])
def test_no_byte_may_differ_of_what_comes_later(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for offset in range(54):
        monkeypatch.setattr(Saboteur, "tamper_taken", staticmethod(flipped("TX 0", offset)))
        with pytest.raises((AssertionError, LookupError)):
            play(Saboteur, name)


@pytest.mark.parametrize("name", ["numbers", "proxies", "fragments"])
@pytest.mark.parametrize("first", [0, 1])
def test_nothing_of_what_comes_later_may_be_missing_or_another(
    first: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tamper(results: list[Result]) -> list[Result]:
        return results[1:] if first else [*results, *results[:1]]

    monkeypatch.setattr(Saboteur, "tamper_taken", staticmethod(tamper))
    with pytest.raises(AssertionError):
        play(Saboteur, name)


@pytest.mark.parametrize("listing", ["drops", "vs", "rs", "laddrs", "sessions"])
def test_no_listing_may_differ(listing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = type(getattr(Harness(), listing)())
    monkeypatch.setattr(Saboteur, listing, lambda *args, **filters: empty())
    with pytest.raises(AssertionError):
        play(Saboteur)


def test_the_model_knows_nothing_of_the_engine() -> None:
    """Only the player speaks with the harness; nobody imports the product."""
    for file in HERE.glob("*.py"):
        text = file.read_text()
        assert "import slb" not in text.replace('"import slb"', "")
        if file.stem not in ("player", "observed", "test_sabotage"):
            assert "from driver" not in text and "from structs" not in text
