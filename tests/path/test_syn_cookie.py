# SPDX-License-Identifier: BSD-3-Clause
"""SYN cookies: what is one, for how long, and that they take no memory."""

from pathlib import Path
from random import Random

import pytest
import structs
from cases_tcp_numbers import NOP, WAYS, Way, stamp
from lab import Lab, OpenLab
from packets.frames import ip_checksum, patched
from packets.nat import l4_at, with_right_checksum
from proxied import Ends, each_way, made, proxied
from values import Settings

pytestmark = pytest.mark.path

SMALL = Settings(workers=1, laddrs=Settings.laddrs[::2], sessions=64)


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    """The usual services, all TCP ones that have an RS with SYN proxy."""
    return proxied(open_lab(Settings()).usual(), *WAYS)


@pytest.mark.parametrize(
    ("announced", "kept"),
    [
        (1, 88),
        (535, 88),
        (536, 536),
        (1219, 536),
        (1380, 1380),
        (1459, 1440),
        (9000, 8940),
        (65535, 8940),
    ],
)
def test_mss_that_is_kept(announced: int, kept: int, lab: Lab) -> None:
    """Rounded down to one of a few."""
    Ends(lab, WAYS[0], options=b"\2\4" + announced.to_bytes(2, "big")).syn().acked(mss=kept)


@each_way
def test_what_is_no_cookie(way: Way, lab: Lab) -> None:
    """One bit, another port, another first number, another time stamp: all of it is in the hash."""
    ends = Ends(lab, way).syn()
    good = ends.client("A")
    for bit in range(32):
        ends.dropped(ends.client("A", ack=1 + (1 << bit)), "SYN_COOKIE")
        if bit != 0:
            ends.dropped(ends.client("A", seq=1 + (1 << bit)), "SYN_COOKIE")
        echo = ends.stamp ^ 1 << bit
        ends.dropped(ends.client("A", options=NOP + NOP + stamp(5, echo)), "SYN_COOKIE")
    ends.dropped(ends.client("A", options=b""), "SYN_COOKIE")
    ends.dropped(patched(good, l4_at(good) + 16, b"\x12\x34"), "SYN_COOKIE")
    for flags in ("SA", "RA", "F", "P", ""):
        ends.dropped(ends.client(flags), "SYN_COOKIE")
    other = Ends(lab, way, port=40001, cookie=ends.cookie, stamp=ends.stamp)
    ends.dropped(other.client("A"), "SYN_COOKIE")
    assert lab.active() == 0
    ends.acked(good)


@pytest.mark.parametrize(
    ("start", "age", "good"), [(0, 127, True), (0, 128, False), (63, 64, True), (63, 65, False)]
)
def test_age_of_a_cookie(start: float, age: float, good: bool, open_lab: OpenLab) -> None:
    """Good for the rest of its period of 64 s and the next one."""
    ends = Ends(proxied(open_lab(Settings()).usual(), *WAYS), WAYS[0])
    ends.lab.harness.advance(start)
    ends.syn().lab.harness.advance(age)
    if good:
        ends.acked()
        for _ in range(7):
            ends.lab.harness.advance(1)
            ends.sent()
        assert ends.lab.active() == 0
    else:
        ends.dropped(ends.client("A"), "SYN_COOKIE")
    # The period's number comes again, but what is hashed does not.
    ends.lab.harness.advance(64 * 4 - age - (7 if good else 0))
    ends.dropped(ends.client("A"), "SYN_COOKIE")


@each_way
def test_refused_with_a_reset(way: Way, open_lab: OpenLab) -> None:
    """`tcp.no_session: reset` is for what has no cookie too."""
    options = {"tcp_no_session": structs.number("SLB_NO_SESSION_RESET")}
    ends = Ends(proxied(open_lab(Settings(options=options)).usual(), *WAYS), way)
    client, service = ends.ends
    ends.cookie = 77
    result = ends.run(ends.client("A"))
    assert (result.what, result.data) == ("TX 0", made(service, client, "R", seq=78))
    assert ends.lab.harness.drops() == {(0, "SYN_COOKIE"): 1}


@each_way
def test_a_flood_costs_nothing(way: Way, lab: Lab) -> None:
    """100,000 SYNs from anywhere: no session, no buffer, no page; and a client gets through."""
    frame = bytes(way.segment("S"))
    v6, place = (True, 22) if ":" in Ends(lab, way).ends[0][0] else (False, 26)
    pages = resident()
    length = 16 if v6 else 4
    random = Random(7)
    for _ in range(100):
        sources = [random.randbytes(length - 1) for _ in range(1000)]
        prefix = b"\x20" if v6 else b"\x14"
        frames = (with_right_checksum(patched(frame, place, prefix + source)) for source in sources)
        if not v6:
            frames = (with_ip_checksum(one) for one in frames)
        results = lab.harness.run_all(0, frames)
        assert {result.what for result in results} == {"TX 0"}
    assert lab.active() == 0 and lab.harness.mbufs_in_use() == 0
    assert not lab.harness.drops()
    # KiB: what Python itself has taken. Sanitized, what it gives back is not used again.
    assert resident() - pages < 4096 or "libasan" in Path("/proc/self/maps").read_text()
    ends = Ends(lab, way).shaken()
    ends.forth(ends.client("PA", b"GET /"))


def resident() -> int:
    """KiB of memory that the process uses."""
    (line,) = [row for row in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in row]
    return int(line.split()[1])


def with_ip_checksum(frame: bytes) -> bytes:
    """The IPv4 frame with its header's right checksum."""
    return frame[:24] + ip_checksum(frame[14:34]).to_bytes(2, "big") + frame[26:]


def test_cookies_are_good_on_every_worker_and_for_one_life(open_lab: OpenLab) -> None:
    """One key for all workers, drawn anew at every start."""
    ends = Ends(proxied(open_lab(Settings()).usual(), *WAYS), WAYS[0]).syn()
    (result,) = ends.lab.harness.run(1, [ends.client("A")])
    assert result.what == "TX 0"
    later = Ends(proxied(open_lab(Settings()).usual(), *WAYS), WAYS[0])
    later.cookie, later.stamp = ends.cookie, ends.stamp
    later.dropped(later.client("A"), "SYN_COOKIE")
