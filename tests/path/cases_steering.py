# SPDX-License-Identifier: BSD-3-Clause
"""Two workers: what arrives on the wrong one is passed on once, to the right one."""

from case import Back, Case, Drop, EchoReply, HandTo, Punt, Send, Sessions, ToClient, ToRs
from packets.frames import LOCAL, OWN, SYN_ACK, icmp, tcp, udp

CASES = [
    Case("each worker uses its own local address", Send(tcp(), ToRs(), worker=1), Sessions(1)),
    Case(
        "a reply on the wrong worker is handed over and goes on there",
        Send(tcp(), ToRs(), worker=1),
        Send(Back(SYN_ACK), HandTo(1), worker=0),
        Send(Back(SYN_ACK), ToClient(), worker=1, handed=True),
    ),
    Case(
        "the other way round",
        Send(udp(), ToRs(), worker=0),
        Send(Back(), HandTo(0), worker=1),
        Send(Back(), ToClient(), worker=0, handed=True),
    ),
    Case(
        "a reply on the right worker stays",
        Send(tcp(), ToRs(), worker=1),
        Send(Back(SYN_ACK), ToClient(), worker=1),
    ),
    Case(
        "a reply without a session is known to be nobody's by the owner alone",
        Send(tcp(dst=LOCAL[1], dport=5000), HandTo(1), worker=0),
        Send(tcp(dst=LOCAL[1], dport=5000), Drop("NO_SESSION"), worker=1, handed=True),
        Send(tcp(dst=LOCAL[1], dport=5000), Drop("NO_SESSION"), worker=1),
    ),
    Case(
        "what was handed over is never handed on",
        Send(tcp(dst=LOCAL[1], dport=5000), Drop("NO_SESSION"), worker=0, handed=True),
    ),
    Case(
        "without spreading, each worker serves the clients it sees",
        Send(tcp(), ToRs(), worker=0),
        Send(tcp(sport=40001), ToRs(), worker=1),
        Sessions(2),
    ),
    Case("a handed client packet opens a session", Send(tcp(), ToRs(), worker=1, handed=True)),
    Case(
        "echo requests are answered where they arrive", Send(icmp(LOCAL[0]), EchoReply(), worker=1)
    ),
    Case(
        "the host's packets are punted where they arrive",
        Send(tcp(dst=OWN), Punt("OTHER"), worker=1),
    ),
]
