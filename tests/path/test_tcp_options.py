# SPDX-License-Identifier: BSD-3-Clause
"""Packet cases under other `tcp` settings than the usual ones, and the rate of RSTs."""

from collections import Counter

import cases_tcp_mss
import cases_tcp_reset
import pytest
from case import Case
from lab import OpenLab
from packets.frames import tcp
from structs import number
from values import Settings

pytestmark = pytest.mark.path

TICK_S = 0.0625
PPS, A_TICK, DEPTH = 1024, 64, 256
RESET = {"tcp_no_session": number("SLB_NO_SESSION_RESET")}
TABLES = {
    "mss auto": ({"tcp_mss": number("SLB_MSS_AUTO")}, cases_tcp_mss.AUTO),
    "mss 1200": ({"tcp_mss": 1200}, cases_tcp_mss.FIXED),
    "mss off": ({"tcp_mss": number("SLB_MSS_OFF")}, cases_tcp_mss.OFF),
    "reset": (RESET, cases_tcp_reset.CASES),
}


@pytest.mark.parametrize(
    ("options", "case"),
    [
        pytest.param(options, case, id=f"{name}: {case.sentence}")
        for name, (options, cases) in TABLES.items()
        for case in cases
    ],
)
def test_case(options: dict[str, int], case: Case, open_lab: OpenLab) -> None:
    case.run(open_lab(Settings(options=options)).usual())


def test_reset_rate(open_lab: OpenLab) -> None:
    """A flood is answered up to the rate; what exceeds it is dropped and counted the same."""
    lab = open_lab(Settings(options=RESET)).usual()

    def flood(count: int) -> dict[str, int]:
        results = lab.harness.run_all(0, [bytes(tcp("A"))] * count)
        return Counter(result.what for result in results)

    assert flood(1000) == {"TX 0": DEPTH, "DROP NOT_SYN": 1000 - DEPTH}
    lab.harness.advance(TICK_S)
    assert flood(1000) == {"TX 0": A_TICK, "DROP NOT_SYN": 1000 - A_TICK}
    assert lab.harness.drops() == {(0, "NOT_SYN"): 2000}
