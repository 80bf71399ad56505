# SPDX-License-Identifier: BSD-3-Clause
"""Every cell of `slbctl top` is what its heading says: no two figures are alike."""

from itertools import pairwise

from msgspec.structs import replace
from unit import fake_answers

from slb.model.views import Answers, DropView, RsView, Traffic, Version, VsView
from slbctl.top_lines import Look, lines
from slbctl.top_rates import History, Sample, frame
from slbctl.top_spark import ASCII

VS, RS = "10.96.0.1:80/tcp", "10.10.0.1:8080"
VERSION = Version("0.1.0", 1, "DPDK 22.11", 7, 1, "first", 75.0)
# Two seconds apart. The second frame has the double of the first one's rates; of drops, four times.
SAMPLES = [(0, 0), (1, 1), (3, 5)]


def sample(number: int, share: int, drops: int) -> Sample:
    """Counters that have grown by so many shares."""
    worker = replace(
        fake_answers.worker(0, 1, 0),
        cpu=3,
        state="draining",
        busy_cycles=250 * share,
        idle_cycles=750 * share,
        rx_packets=111 * share,
        tx_packets=112 * share,
        sessions_created=113 * share,
        sessions_active=114,
        dropped=115 * share,
    )
    of_vs = Traffic(100 * share, 125 * share, 21 * share, 250 * share, 122 * share, 123)
    of_rs = Traffic(100 * share, 375 * share, 31 * share, 500 * share, 132 * share, 133)
    return Sample(
        2.0 * number,
        VERSION,
        [worker],
        [DropView("NOT_SYN", 1000 + 28 * drops, [0, 0]), DropView("NO_VS", 9, [9])],
        [VsView(VS, "rr", 1, 0, 0, 1, of_vs, answers=answers(share, 7, 1, 2, 6, 1000))],
        [RsView(VS, RS, 1, False, of_rs, answers=answers(share, 5, 3, 2, 8, 2000))],
    )


def answers(
    share: int, answered: int, unanswered: int, refused: int, resets: int, latency_us: int
) -> Answers:
    """What has become of sessions after so many shares."""
    return Answers(
        answered=answered * share,
        unanswered=unanswered * share,
        refused=refused * share,
        aborted=9 * share,
        resets=resets * share,
        latency_us=latency_us * share,
        samples=4 * share,
    )


def shown() -> list[str]:
    """The second frame's lines, with the bars of both."""
    history = History()
    samples = [sample(number, *shares) for number, shares in enumerate(SAMPLES)]
    for before, after in pairwise(samples):
        last = frame(before, after)
        history.add(last)
    return lines(last, history, Look("rate", ASCII))


def test_every_cell() -> None:
    """Of each table the heading and the row, word for word."""
    found = [" ".join(line.split()) for line in shown()]
    assert found[:2] == [
        "slbd 0.1.0, up 1m15s; 1 VS, 1 RS, 114 active sessions",
        "packets/s 111 +# new/s 113 +# b/s in 1.00k, out 2.00k",
    ]
    traffic = "ACTIVE NEW/s PKTS/s IN b/s OUT b/s UNANSWERED REFUSED/s RESET/s SYN-ACK us"
    assert [line for line in found[2:] if line] == [
        "WORKER CPU STATE BUSY RX/s TX/s NEW/s ACTIVE DROPS/s",
        "0 3 draining 25.0% 111 112 113 114 115 --",
        f"VS {traffic}",
        f"{VS} 123 122 121 1.00k 2.00k 10.0% 2 6 250 +#",
        f"RS VS {traffic}",
        f"{RS} {VS} 133 132 131 3.00k 4.00k 30.0% 2 8 500 +#",
        "DROPS PKTS/s PACKETS",
        "NOT_SYN 56 1140 -#",
    ]
