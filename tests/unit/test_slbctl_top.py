# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl top`: rates from two readings, as lines that fit, on a terminal and into a pipe."""

import dataclasses
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit import fake_answers
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import failure, slbctl

from slb.model.views import Answers, RsView, Version, VsView
from slbctl.failures import BROKEN_PIPE
from slbctl.top import ORDERS
from slbctl.top_lines import Look, lines
from slbctl.top_rates import SORTS, AnswerRate, History, Sample, TrafficRate, by, frame
from slbctl.top_spark import ASCII, BLOCKS, levels, spark

pytest_plugins = ["unit.daemon_fixture"]

VS = "10.96.0.10:80/tcp"
PATIENCE_S = 10.0
VERSION = Version("0.1.0", 1, "DPDK 22.11", 7, 1, "first", 75.0)


def sample(at: float, readings: int, instance: str = "first", vs: int = 1) -> Sample:
    """Counters as they are after so many readings."""
    names = [f"10.96.0.{number}:80/tcp" for number in range(1, vs + 1)]
    traffic = fake_answers.traffic(1, readings)
    return Sample(
        at,
        replace(VERSION, instance=instance),
        [fake_answers.worker(number, 1, readings) for number in range(2)],
        fake_answers.drops(readings),
        [VsView(name, "rr", 1, 0, 0, 1, traffic) for name in names],
        [RsView(name, "10.10.0.1:8080", 1, False, traffic) for name in names],
    )


def test_rates_between_two_samples() -> None:
    shown = frame(sample(10.0, 1), sample(12.0, 5))
    assert not shown.restarted
    (vs,) = shown.vs
    assert (vs.new, vs.packets) == (20.0, 6000.0)
    assert (vs.in_bytes, vs.out_bytes) == (128_000.0, 6_000_000.0)
    assert [(row.busy, row.rx, row.new) for row in shown.workers] == [(0.25, 2000.0, 20.0)] * 2
    assert [(row.reason, row.rate) for row in shown.drops][2] == ("NOT_SYN", 10.0)


ANSWERED = Answers(answered=70, unanswered=20, refused=10, resets=4, latency_us=9000, samples=4)


def answering(at: float, answers: Answers, vs: int = 1) -> Sample:
    """The same counters, and what became of the sessions of all RS."""
    plain = sample(at, 1, vs=vs)
    return dataclasses.replace(
        plain,
        vs=[replace(row, answers=answers) for row in plain.vs],
        rs=[replace(row, answers=answers) for row in plain.rs],
    )


def test_what_became_of_sessions_since_the_last_sample() -> None:
    more = Answers(answered=100, unanswered=30, refused=70, resets=10, latency_us=10_000, samples=8)
    shown = frame(answering(1.0, ANSWERED), answering(3.0, more))
    expected = AnswerRate(unanswered=0.1, refused=30.0, resets=3.0, latency_us=250.0)
    assert [row.answers for row in [*shown.vs, *shown.rs]] == [expected] * 2
    found = lines(shown, History(), Look("rate", ASCII))
    (heading,) = (line for line in found if line.startswith("RS "))
    assert heading.split()[-5:] == ["UNANSWERED", "REFUSED/s", "RESET/s", "SYN-ACK", "us"]
    (row,) = (line for line in found if line.startswith("10.10.0.1"))
    assert row.split()[-4:] == ["10.0%", "30", "3", "250"]


def test_nothing_became_of_sessions_that_were_not_there() -> None:
    shown = frame(answering(1.0, ANSWERED), answering(2.0, ANSWERED, vs=2))
    same, fresh = (row.answers for row in shown.rs)
    assert same == AnswerRate(unanswered=None, refused=0.0, resets=0.0, latency_us=None)
    assert fresh == AnswerRate()
    back = frame(answering(1.0, ANSWERED), answering(2.0, Answers()))
    assert {row.answers for row in back.rs} == {same}


def test_answers_where_the_width_allows() -> None:
    shown, history = frame(answering(1.0, ANSWERED), answering(2.0, ANSWERED)), History()
    history.add(frame(sample(1.0, 1), sample(2.0, 2)))

    def rs(width: int | None) -> tuple[str, bool]:
        """The last heading of the RS, and whether there are bars."""
        found = lines(shown, history, Look("rate", ASCII, width, 24))
        at = next(n for n, line in enumerate(found) if line.startswith("RS "))
        return found[at].split()[-1], "#" in found[at + 1]

    full = max(map(len, lines(shown, history, Look("rate", ASCII))[3:]))
    assert rs(None) == rs(full) == ("us", True)
    assert rs(full - 1) == ("b/s", True)
    assert rs(80)[0] == "b/s"


@pytest.mark.parametrize("readings", [1, 9])
def test_no_rates_across_a_restart(readings: int) -> None:
    shown = frame(sample(1.0, 5), sample(2.0, readings, "second"))
    assert shown.restarted
    assert {row.packets for row in [*shown.vs, *shown.rs]} == {None}
    assert {(row.busy, row.rx, row.dropped) for row in shown.workers} == {(None, None, None)}
    assert {row.rate for row in shown.drops} == {None}
    assert " - " in lines(shown, History(), Look("rate", ASCII))[1]


def test_no_rate_is_below_zero() -> None:
    """The version may have been read before the restart, and the counters after it."""
    shown = frame(sample(1.0, 5), sample(1.0, 1))
    assert {row.packets for row in shown.vs} == {0.0}
    assert {row.rx for row in shown.workers} == {0.0}


def test_what_is_new_has_no_rate_yet() -> None:
    shown = frame(sample(1.0, 1), sample(2.0, 2, vs=2))
    assert [row.packets for row in shown.vs] == [3000.0, None]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 5), (40, 10), (200, 60), (1, 1)])
def test_it_fits(width: int, height: int) -> None:
    shown, history = frame(sample(1.0, 1, vs=50), sample(2.0, 2, vs=50)), History()
    history.add(shown)
    found = lines(shown, history, Look("rate", BLOCKS, width, height, "a note"))
    assert len(found) == height and max(map(len, found)) <= width


def test_on_80_by_24_every_part_has_its_share() -> None:
    shown, history = frame(sample(1.0, 1, vs=50), sample(2.0, 2, vs=50)), History()
    history.add(shown)
    found = lines(shown, history, Look("rate", BLOCKS, 80, 24))
    at = [next(n for n, text in enumerate(found) if text.split()[:1] == [part])
          for part in ("WORKER", "VS", "RS", "DROPS")]  # fmt: skip
    assert at == [3, 6, 14, 22]
    assert all(len(row.rstrip()) == len(found[14]) for row in found[15:22])


def test_more_rs_than_are_read() -> None:
    before, after = sample(1.0, 1), sample(2.0, 2)
    some = Sample(2.0, VERSION, after.workers, after.drops, after.vs, after.rs, 50_000)
    found = lines(frame(before, some), History(), Look("rate", BLOCKS))
    assert any(line.startswith("RS (50000 not read; --vs)") for line in found)
    assert "1 VS, 50001 RS" in found[0]


def test_every_order_has_its_rule() -> None:
    assert ORDERS == (*SORTS, "name")


def test_sorted() -> None:
    rows = [
        TrafficRate("b", "", 5, 1.0, 20.0, 10.0, None),
        TrafficRate("a", "", 9, None, None, None, None),
        TrafficRate("c", "", 7, 2.0, 10.0, 5.0, 9.0),
    ]
    orders = {
        sort: "".join(row.vs for row in by(sort, rows)) for sort in ("rate", "packets", "new")
    }
    assert orders == {"rate": "cba", "packets": "bca", "new": "cba"}
    assert [row.vs for row in by("active", rows)] == ["a", "c", "b"]
    assert [row.vs for row in by("name", rows)] == ["a", "b", "c"]


def test_sparklines() -> None:
    assert spark([0, 1, 4, 8], BLOCKS) == "       ▂▅█"
    assert spark([], BLOCKS) == " " * 10
    assert spark([0.0] * 30, ASCII) == " " * 10
    assert spark([0.5], ASCII, 1.0).strip() == "+"
    assert (levels("UTF-8"), levels("ANSI_X3.4-1968"), levels(None)) == (BLOCKS, ASCII, ASCII)


def test_history_keeps_as_much_as_is_shown() -> None:
    history = History()
    for number in range(1, 30):
        history.add(frame(sample(number, number), sample(number + 1, number + 1)))
    assert history.of(("10.96.0.1:80/tcp", "")) == [3000.0] * 10
    history.add(frame(sample(1, 1, "second"), sample(2, 2)))
    assert history.of(("10.96.0.1:80/tcp", "")) == []


def plain(where: Path, *words: str) -> list[str]:
    result = slbctl(where, "top", "--plain", "--interval", "0.05", "-n", "1", *words)
    assert (result.status, result.err) == (0, "")
    return result.lines


def test_a_frame_for_a_pipe(daemon: FakeDaemon) -> None:
    daemon.add(VS, r1=1, r2=2)
    daemon.add("10.96.0.11:80/tcp", r1=1)
    found = plain(daemon.socket)
    assert re.fullmatch(r"slbd 0\.1\.0, up \S+; 2 VS, 3 RS, 215 active sessions", found[0])
    assert found[1].startswith("packets/s ") and " new/s " in found[1]
    assert len([line for line in found if line.startswith(VS)]) == 1
    assert len([line for line in found if line.startswith("10.10.0.")]) == 3
    assert any(line.startswith("NOT_SYN ") for line in found)
    assert len([line for line in plain(daemon.socket, "--vs", VS) if "10.10.0." in line]) == 2


def test_slbd_restarted(daemon: FakeDaemon, tmp_path: Path) -> None:
    """A frame each time; between them another process has the socket."""
    daemon.add(VS, r1=1)
    text = b'{"slb":"0.1.0","abi":1,"dpdk":"","pid":1,"generation":1,"instance":"other"}'
    with running(daemon, "--plain", "-n", "40", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        daemon.answer("version", text)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    said = re.findall(rb"slbd restarted, seen at \d\d:\d\d:\d\d", out)
    assert said and b"-%" not in out and b" -1" not in out


def test_slbd_goes_away(daemon: FakeDaemon) -> None:
    """Told in the frame, and by the exit status if it is not back at the end."""
    refusal = b'{"error":{"code":"not_ready","message":"slbd is stopping"}}'
    with running(daemon, "--plain", "-n", "20", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        daemon.answer("workers", refusal, 503)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and b"slbd is stopping" in out


def test_nobody_there(tmp_path: Path) -> None:
    assert "no such socket" in failure(slbctl(tmp_path / "none", "top", "-n", "1"), 3)


@contextmanager
def running(
    daemon: FakeDaemon, *words: str, stdout: int, stdin: int = subprocess.DEVNULL, term: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """`slbctl top` as a process of its own."""
    env = {**os.environ, "SLB_SOCKET": str(daemon.socket), "LC_ALL": "C.UTF-8"}
    env.pop("TERM", None)
    argv = [sys.executable, "-m", "slbctl", "top", "--interval", "0.05", *words]
    process = subprocess.Popen(
        argv,
        env={**env, **({"TERM": term} if term else {})},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_pipe_is_closed(daemon: FakeDaemon) -> None:
    with running(daemon, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"slbd 0.1.0")
        process.stdout.close()
        assert process.wait(PATIENCE_S) == BROKEN_PIPE
        assert process.stderr.read() == b""


class Terminal:
    """The other end of a pseudo terminal, and all that was written to it."""

    def __init__(self, width: int, height: int) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (height, width))
        self.seen = b""

    def until(self, wanted: Sequence[bytes]) -> None:
        """Reads until everything wanted has been written."""
        while not all(word in self.seen for word in wanted):
            ready, _, _ = select.select([self.master], [], [], PATIENCE_S)
            assert ready, (wanted, self.seen)
            self.seen += os.read(self.master, 65536)

    def close(self) -> None:
        """Both ends."""
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(80, 24)
    yield made
    made.close()


@pytest.mark.parametrize("end", ["q", "Ctrl-C"])
def test_on_a_terminal(daemon: FakeDaemon, terminal: Terminal, end: str) -> None:
    daemon.add(VS, r1=1)
    tty = terminal.slave
    with running(daemon, stdin=tty, stdout=tty, term="xterm") as process:
        assert process.stderr is not None
        terminal.until([b"WORKER", VS.encode(), b"NOT_SYN", "█".encode(), b"sorted by rate"])
        os.write(terminal.master, b"s")
        terminal.until([b"packets"])
        if end == "q":
            os.write(terminal.master, b"q")
        else:
            process.send_signal(signal.SIGINT)
        assert b"\x1b[40m" not in terminal.seen, "a terminal may have another colour than black"
        # What was there before comes back.
        terminal.until([b"\x1b[?1049l"])
        assert (process.wait(PATIENCE_S), process.stderr.read()) == (0, b"")


def test_a_terminal_that_changes_its_size(daemon: FakeDaemon, terminal: Terminal) -> None:
    daemon.add(VS, r1=1)
    tty = terminal.slave
    with running(daemon, stdin=tty, stdout=tty, term="xterm") as process:
        terminal.until([b"NOT_SYN"])
        for size in ((3, 10), (1, 1), (60, 200)):
            termios.tcsetwinsize(tty, size)
            process.send_signal(signal.SIGWINCH)
            terminal.seen = b""
            terminal.until([b"\x1b["])
        os.write(terminal.master, b"q")
        terminal.until([b"\x1b[?1049l"])
        assert process.wait(PATIENCE_S) == 0


def test_a_terminal_that_cannot_be_drawn_on(daemon: FakeDaemon, terminal: Terminal) -> None:
    with running(daemon, stdin=terminal.slave, stdout=terminal.slave, term="dumb") as process:
        assert process.stderr is not None
        assert process.wait(PATIENCE_S) == 2
        assert process.stderr.read().startswith(b"slbctl: this terminal cannot be drawn on")
