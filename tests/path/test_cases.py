# SPDX-License-Identifier: BSD-3-Clause
"""Runs the tables of packet cases; each cases_*.py is one feature."""

import cases_client_address_errors
import cases_crossings
import cases_edge_ports
import cases_forwarding
import cases_fragments
import cases_fragments_refused
import cases_icmp
import cases_icmp_errors
import cases_icmp_families
import cases_icmp_made
import cases_icmp_quotes
import cases_ipv6
import cases_malformed
import cases_own_client
import cases_proxy_protocol
import cases_punt
import cases_steering
import cases_syn_proxy
import cases_tcp
import cases_tcp_numbers
import cases_toa
import cases_translation
import cases_udp
import pytest
from case import Case, Drop, Send
from fragments import Lost, Piece
from lab import Lab
from structs import names

pytestmark = pytest.mark.path

TABLES = (
    cases_tcp,
    cases_tcp_numbers,
    cases_client_address_errors,
    cases_toa,
    cases_proxy_protocol,
    cases_crossings,
    cases_edge_ports,
    cases_own_client,
    cases_udp,
    cases_icmp,
    cases_icmp_errors,
    cases_icmp_families,
    cases_icmp_made,
    cases_icmp_quotes,
    cases_punt,
    cases_malformed,
    cases_steering,
    cases_forwarding,
    cases_ipv6,
    cases_translation,
    cases_fragments,
    cases_fragments_refused,
    cases_syn_proxy,
)
# Exhaustion, rates, VLANs, quiescing, splitting, full queues, probes, what SYN proxies wait for and
# sessions that are ended have tests of their own.
ELSEWHERE = {
    "NO_LOCAL_PORT",
    "SESSION_FULL",
    "PUNT_RATE",
    "STOPPING",
    "PUNT_NO_KNI",
    "PUNT_FULL",
    "HANDOFF_FULL",
    "TX_FULL",
    "VLAN",
    "NO_MBUF",
    "STEERING_PROBE",
    "SYN_PROXY",
    "SYN_STAMPS",
    "SESSION_RESET",
}
ALL = [(table.__name__.removeprefix("cases_"), case) for table in TABLES for case in table.CASES]


@pytest.mark.parametrize(
    "case", [case for _, case in ALL], ids=[f"{name}: {case.sentence}" for name, case in ALL]
)
def test_case(case: Case, lab: Lab) -> None:
    case.run(lab)


def test_every_drop_reason_has_a_case() -> None:
    steps = [step for _, case in ALL for step in case.steps]
    sends = [step for step in steps if isinstance(step, Send)]
    seen = {send.outcome.reason for send in sends if isinstance(send.outcome, Drop)}
    seen |= {step.what.removeprefix("DROP ") for step in steps if isinstance(step, Piece)}
    seen |= {step.reason for step in steps if isinstance(step, Lost)}
    seen -= {"TX", "HELD"}
    reasons = set(names("slb_drop", "SLB_DROP_").values()) - {"COUNT"}
    assert seen | ELSEWHERE == reasons and not seen & ELSEWHERE


def test_sentences_are_told_apart() -> None:
    sentences = [f"{name}: {case.sentence}" for name, case in ALL]
    assert len(sentences) == len(set(sentences))
