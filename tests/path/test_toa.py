# SPDX-License-Identifier: BSD-3-Clause
"""TOA where there is no room for it, which is counted, and no reason to drop anything."""

from collections.abc import Iterator

import cases_toa
import pytest
from case import Case, Send
from cases_tcp_numbers import COMMON, END, NOP, SACK_OK, dressed, sack
from client_address import FIRST, Talk, Tells, blank, talks
from fragments import Split
from lab import Lab, OpenLab
from packets.client_address import with_toa
from packets.frames import ACK
from values import Settings

pytestmark = pytest.mark.path

TALKS = talks("toa")
BY_NAME = [talk.way.name for talk in TALKS]
BROKEN = b"\x03\x29\x01\x01"  # longer than all options


@pytest.mark.parametrize("case", cases_toa.CASES, ids=lambda case: case.sentence)
def test_case_with_the_client_s_numbers(case: Case, open_lab: OpenLab) -> None:
    case.run(open_lab(Settings(renumber=False)).usual())


@pytest.fixture
def lab(open_lab: OpenLab) -> Iterator[Lab]:
    """The usual services."""
    opened = open_lab(Settings()).usual()
    yield opened
    opened.clear()


def size_of(talk: Talk) -> int:
    """Bytes of the option."""
    return 20 if talk.header == 52 else 8


def edges(count: int) -> bytes:
    """Time stamps, and so many SACK blocks."""
    return COMMON + NOP * 2 + sack(*range(2 * count))


@pytest.mark.parametrize("talk", TALKS, ids=BY_NAME)
def test_no_room_in_the_header(talk: Talk, lab: Lab) -> None:
    before = lab.harness.untold()
    fitting = [0, 1, 2] if size_of(talk) == 8 else [0]
    steps = [
        (talk.tells if count in fitting else talk.client)("PA", edges(count), b"data")
        for count in range(4)
    ]
    Case("SACK leaves little", *talk.opened(), *steps).run(lab)
    assert lab.harness.untold() - before == 4 - len(fitting)


@pytest.mark.parametrize("talk", TALKS, ids=BY_NAME)
def test_every_length_of_options(talk: Talk, lab: Lab) -> None:
    """Up to 40 bytes, ended by an end or not."""
    before, size = lab.harness.untold(), size_of(talk)
    bare = [b"\x1e" + bytes([n]) + b"x" * (n - 2) for n in range(4, 41, 4)]
    ended = [b"\x1e" + bytes([n]) + b"x" * (n - 2) + END for n in range(2, 40)]
    without = 0
    steps = []
    for options in (*bare, *ended):
        fits = len(options) - (options[-1:] == END) + size <= 40
        steps.append((talk.tells if fits else talk.client)("PA", options, b"data"))
        without += not fits
    Case("as long as can be", *talk.opened(), *steps).run(lab)
    assert lab.harness.untold() - before == without > 0


def test_options_that_cannot_be_read(lab: Lab) -> None:
    """What stands behind them is not read, so nothing is put there."""
    before, talk = lab.harness.untold(), TALKS[0]
    Case(
        "what is read of them is blanked",
        *talk.opened(),
        talk.client(ACK, BROKEN),
        talk.client(ACK, b"\xfe\x04\x01\x01" + BROKEN, b"", blank),
        talk.client(ACK, BROKEN + b"\xfe\x04\x01\x01", b""),
        talk.client(ACK, SACK_OK + NOP + b"\x08"),
    ).run(lab)
    assert lab.harness.untold() - before == 4


@pytest.mark.parametrize("talk", TALKS, ids=BY_NAME)
def test_the_mtu(talk: Talk, open_lab: OpenLab) -> None:
    """The option never makes a packet too long, or one to be cut."""
    lab = open_lab(Settings(mtu=1300)).usual()
    rs_header = 60 if "6" in talk.way.name[-1:] else 40
    most = 1300 - rs_header - size_of(talk)
    Case(
        "with as much as fits, without more",
        *talk.opened(),
        talk.tells("PA", payload=b"x" * most),
        talk.client("PA", b"", b"x" * (most + 1)),
        talk.client("PA", b"", b"x" * (most + size_of(talk))),
        talk.tells("PA", payload=b"x" * most, segments=2),
    ).run(lab)
    assert lab.harness.untold() == 2
    lab.clear()


def test_what_is_cut_goes_without(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(mtu=1300)).usual()
    talk = TALKS[0]
    frame = dressed(talk.way.segment("PA", b"x" * 1261), seq=FIRST)
    Case("a long one", *talk.opened(), Split(frame, Tells(), 1300)).run(lab)
    assert lab.harness.untold() == 1
    lab.clear()


def test_bytes_behind_the_packet_are_left_out_for_it(open_lab: OpenLab) -> None:
    lab = open_lab(Settings(mtu=1300)).usual()
    talk = TALKS[0]
    frame = dressed(talk.way.segment("PA", b"x" * 1252), seq=FIRST)
    Case(
        "padding",
        *talk.opened(),
        Send(frame + b"padding", Tells(cut=0, changes=(lambda f: with_toa(f[:-7]),))),
    ).run(lab)
    lab.clear()
