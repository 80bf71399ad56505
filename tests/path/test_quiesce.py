# SPDX-License-Identifier: BSD-3-Clause
"""Quiescing: nobody new, everybody who is there goes on."""

from collections.abc import Callable

import pytest
from case import Back, Case, Drop, EchoReply, Punt, Send, Sessions, ToClient, ToRs
from lab import Lab
from packets.frames import ACK, OWN, SYN_ACK, icmp, tcp, udp
from values import Settings

pytestmark = pytest.mark.path


def test_quiesced(open_lab: Callable[[Settings], Lab]) -> None:
    lab = open_lab(Settings()).usual()
    (first,) = lab.harness.run(0, [bytes(tcp())])
    (other,) = lab.harness.run(1, [bytes(tcp(sport=40001))])
    assert (first.what, other.what) == ("TX 0", "TX 0")
    lab.harness.quiesce()
    Case(
        "old sessions pass, new ones do not, the host stays reachable",
        Send(tcp(ACK, b"data"), ToRs()),
        Send(Back(SYN_ACK), ToClient()),
        Send(tcp(ACK, sport=40001), ToRs(), worker=1),
        Send(tcp(sport=40002), Drop("STOPPING")),
        Send(tcp(sport=40002), Drop("STOPPING"), worker=1),
        Send(udp(), Drop("STOPPING")),
        Send(udp(), Drop("STOPPING"), handed=True),
        Send(icmp(), EchoReply()),
        Send(tcp(dst=OWN), Punt("OTHER")),
        Sessions(2),
    ).run(lab)
    lab.add_vs("10.96.0.50:80/tcp", rs=["10.10.0.9:80"])
    (late,) = lab.harness.run(0, [bytes(tcp(dst="10.96.0.50"))])
    assert late.what == "DROP STOPPING", "changes do not undo it"
