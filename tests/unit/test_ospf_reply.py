# SPDX-License-Identifier: BSD-3-Clause
"""Reading birdc's replies: recorded ones, and ones that no BIRD would give."""

from collections.abc import Callable
from functools import partial

import pytest
from unit.bird_setup import REPLIES, networks, recorded

from ospf.bird_reply import (
    UP,
    Reply,
    announced,
    clean,
    external_lsas,
    neighbours,
    parse,
    stub_networks,
)
from ospf.model import IPV4, IPV6, Family
from slb.errors import OspfError
from slb.model.views import OspfNeighbour

# By the first part of a recording's name.
READERS: dict[str, Callable[[Reply], object]] = {
    "neighbors": partial(neighbours, family=IPV4),
    "neighbors6": partial(neighbours, family=IPV6),
    "routes": partial(announced, family=IPV4),
    "routes6": partial(announced, family=IPV6),
    "lsadb": partial(external_lsas, family=IPV4),
    "lsadb6": partial(external_lsas, family=IPV6),
    "state": partial(stub_networks, router_id="192.0.2.2", family=IPV4),
}
RECORDINGS = sorted(path.stem for path in REPLIES.glob("*.txt"))


def of_kind(kind: str) -> list[str]:
    return [name for name in RECORDINGS if name.partition("-")[0] == kind]


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("neighbors-full", IPV4, ("192.0.2.1", "Full/DR", True)),
        ("neighbors-2way", IPV4, ("192.0.2.1", "2-Way/DR", False)),
        ("neighbors6-full", IPV6, ("fe80::1", "Full/BDR", True)),
        ("neighbors6-init", IPV6, ("fe80::1", "Init/Other", False)),
    ],
)
def test_neighbour(name: str, family: Family, expected: tuple[str, str, bool]) -> None:
    address, state, full = expected
    neighbour = OspfNeighbour("192.0.2.1", address, "slb0", state, full)
    assert neighbours(parse(recorded(name)), family) == (neighbour,)


@pytest.mark.parametrize("name", ["neighbors-none", "neighbors-not-up"])
def test_no_neighbours(name: str) -> None:
    assert neighbours(parse(recorded(name)), IPV4) == ()


def test_no_ipv6_neighbours() -> None:
    assert neighbours(parse(recorded("neighbors6-none")), IPV6) == ()


def test_stub_networks() -> None:
    """Those of the router asked for alone."""
    of = partial(stub_networks, router_id="192.0.2.2", family=IPV4)
    assert of(parse(recorded("state"))) == {"10.96.0.0/16", "10.97.0.1/32"}
    other = b"     \n     \trouter 192.0.2.9\n     \t\tstubnet 10.98.0.0/16 metric 5\n"
    assert of(parse(recorded("state") + other)) == {"10.96.0.0/16", "10.97.0.1/32"}
    assert of(parse(b"0001 BIRD 2.0.12 ready.\n1016-slb_ospf: is not up\n")) == set()


def test_announced_prefixes() -> None:
    reply = parse(recorded("routes"))
    assert announced(reply, IPV4) == tuple(networks("10.96.0.0/16", "198.18.0.1/32"))
    assert announced(parse(recorded("routes-none")), IPV4) == ()


def test_announced_ipv6_prefixes() -> None:
    reply = parse(recorded("routes6"))
    assert announced(reply, IPV6) == tuple(networks("2001:db8:18::1/128", "2001:db8:96::/48"))
    assert announced(parse(recorded("routes6-none")), IPV6) == ()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("lsadb", 2),
        ("lsadb-leaving", 2),
        ("lsadb-no-interface", 2),
        ("lsadb-none", 0),
        ("lsadb-not-up", 0),
        ("lsadb6", 2),
        ("lsadb6-none", 0),
    ],
)
def test_external_lsas(name: str, count: int) -> None:
    assert READERS[name.partition("-")[0]](parse(recorded(name))) == count


@pytest.mark.parametrize("name", ["check-ok", "configure", "disable"])
def test_actions_that_succeed(name: str) -> None:
    assert parse(recorded(name)).lines


def test_status_says_that_bird_is_up() -> None:
    assert parse(recorded("status")).rows(UP) == ["Daemon is up and running"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("check-error", "BIRD refuses: a.conf:19:1 syntax error, unexpected CF_SYM_UNDEFINED"),
        ("denied", "BIRD refuses: Access denied"),
        ("unknown-protocol", "BIRD refuses: syntax error, unexpected CF_SYM_UNDEFINED"),
        ("unknown-command", "birdc: No such command."),
        ("no-socket", r"birdc: Unable to connect to server control socket \(nowhere.ctl\)"),
    ],
)
def test_refusals_keep_birds_words(name: str, message: str) -> None:
    with pytest.raises(OspfError, match=message):
        parse(recorded(name))


@pytest.mark.parametrize("kind", READERS)
def test_reply_cut_anywhere_is_an_error_or_says_the_same(kind: str) -> None:
    """A cut may fall where nothing is lost, but must never lose a row or raise anything else."""
    for name in of_kind(kind):
        whole = recorded(name)
        expected = READERS[kind](parse(whole))
        for end in range(len(whole)):
            try:
                got = READERS[kind](parse(whole[:end]))
            except OspfError as error:
                assert "\n" not in str(error)
            else:
                assert got == expected or cut_inside_the_last_row(kind, whole, end), name


def cut_inside_the_last_row(kind: str, whole: bytes, end: int) -> bool:
    """BIRD counts neither neighbours nor LSAs, so the row at the cut cannot be known of."""
    return not kind.startswith("routes") and end < len(whole.rstrip(b"\n"))


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_reply_to_another_question_never_passes_for_ours(kind: str, name: str) -> None:
    if name not in of_kind(kind):
        with pytest.raises(OspfError):
            READERS[kind](parse(recorded(name)))


@pytest.mark.parametrize("kind", READERS)
def test_flipped_bytes_raise_nothing_but_ospf_error(kind: str) -> None:
    whole = recorded(f"{kind}-full" if kind.startswith("neighbors") else kind)
    for place in range(len(whole)):
        for byte in (0x00, 0x0A, 0x1B, 0x20, 0x39, 0xFF):
            text = whole[:place] + bytes([byte]) + whole[place + 1 :]
            try:
                READERS[kind](parse(text))
            except OspfError as error:
                assert str(error).isprintable()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"192.0.2.1   \t", b"392.0.2.1   \t"),
        (b"Full/DR", b"Fuller/DR"),
        (b"Full/DR", b"Full"),
        (b"slb0 ", b"     "),
        (b" 3.523", b" soon"),
        (b"slb_ospf:", b"theirs:"),
    ],
)
def test_wrong_neighbour_rows(old: bytes, new: bytes) -> None:
    text = recorded("neighbors-full")
    assert old in text
    with pytest.raises(OspfError):
        neighbours(parse(text.replace(old, new)), IPV4)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"2 of 3", b"3 of 3"),
        (b"10.96.0.0/16 ", b"10.96.0.1/16 "),
        (b"10.96.0.0/16 ", b"10.96.0.0/61 "),
        (b"blackhole", b"unicast"),
        (b"slb_announce", b"theirs"),
        (b"Table slb4", b"Table master4"),
    ],
)
def test_wrong_routes(old: bytes, new: bytes) -> None:
    with pytest.raises(OspfError):
        announced(parse(recorded("routes").replace(old, new)), IPV4)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("neighbors6-full", b"fe80::1", b"192.0.2.1"),
        ("neighbors6-full", b"fe80::1", b"fe80::1::2"),
        ("neighbors6-full", b"slb_ospf6:", b"slb_ospf:"),
        ("routes6", b"2001:db8:96::/48 ", b"10.96.0.0/16 "),
        ("routes6", b"2001:db8:96::/48 ", b"2001:db8:96::1/48 "),
        ("routes6", b"2001:db8:96::/48 ", b"2001:db8:96::/129 "),
        ("routes6", b"slb_announce6", b"slb_announce"),
        ("lsadb6", b"      2001", b"      0001"),
    ],
)
def test_wrong_ipv6_rows(kind: str, old: bytes, new: bytes) -> None:
    text = recorded(kind)
    assert old in text
    with pytest.raises(OspfError):
        READERS[kind.partition("-")[0]](parse(text.replace(old, new)))


@pytest.mark.parametrize("text", [b"", b"\n", b"\0", b"\xff\xfe", b"hello", b"0016 Access", b" x"])
def test_not_birds_words_at_all(text: bytes) -> None:
    with pytest.raises(OspfError, match=r"^birdc: ") as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_foreign_text_is_made_fit_for_one_line() -> None:
    assert clean("a\x1b[2Jb\nc") == "a [2Jb c"
    assert len(clean("x" * 10_000)) < 200
