# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus alerts of `slbctl status` tells as well, or there is a reason why not."""

from pathlib import Path

import yaml
from unit.test_slbctl_status import CASES

RULES = Path(__file__).parents[2] / "configs/prometheus/slb.rules.yaml"

# How the trouble begins that tells of the same.
TOLD = {
    "SlbReloadRefused": "slbd has not taken slb.yaml",
    "SlbNotApplied": "slbd has not all of the desired state",
    "SlbChangedBeside": "slbd was changed beside slb-agent",
    "SlbAgentReloadFailed": "slb-agent has not taken agent.yaml",
    "SlbCertificateEnds": "slb-agent's certificate",
    "SlbRsDown": "2 of 9 RS that are checked are down",
    "SlbManyRsDown": "2 of 9 RS that are checked are down",
    "SlbRsCapped": "2 of 9 RS that are checked are down",
    "SlbChecksStopped": "no RS is checked: ",
    "SlbChecksSayNothing": "checks of 3 of 9 RS say nothing",
    "SlbWorkerStalled": "worker 0 stands still",
    "SlbGenerationsDiffer": "worker 0 is behind the others",
    "SlbOverloaded": "port lan0 loses",
    "SlbNoBuffers": "port lan0 loses",
    "SlbWorkerBusy": "worker 0 is busy",
    "SlbSessionsNearlyFull": "worker 0: 91.0% of its session table",
    "SlbSessionsFull": "1.23k packets a second dropped: SESSION_FULL",
    "SlbLocalPortsExhausted": "1.23k packets a second dropped",
    "SlbNoRs": "VS without an RS",
    "SlbDropsRising": "1.23k packets a second dropped",
    "SlbHostFlooded": "1.23k packets a second dropped",
    "SlbLinkDown": "port lan0: the link is down",
    "SlbMemberDown": "port lan0: 1 of 2 members down",
    "SlbNoAdjacency": "OSPFv3: the adjacency is lost",
    "SlbNeighbourLost": "OSPF neighbours that were Full are gone",
    "SlbNotAnnounced": "OSPF announces nothing",
    "SlbNoQuorum": "not announced for want of RS",
    "SlbPrefixHeld": "not announced yet, though well again",
    "SlbOspfFailing": "OSPF: BIRD gives no answer",
    "SlbSteeringNotProved": "port lan0: 1 of 2 local addresses are not proved",
    "SlbSteeringWrong": "port lan0: replies by",
    "SlbStateDamaged": "generation 9 was damaged on disk",
}
NOT_TOLD = {
    "SlbAway": "tested in test_nobody_answers",
    "SlbAgentAway": "tested in test_slbd_is_looked_at_where_slb_agent_is_away",
    "SlbRestarted": "over, and seen by the time that it is up",
    "SlbTransactionsRefused": "over; who sent it was told",
    "SlbChangesFail": "over; who sent it was told",
    "SlbDenied": "over; who sent it was told",
    "SlbRsFlaps": "a count of many minutes; slbctl events tells of each",
    "SlbChecksLate": "one moment says nothing of it",
    "SlbHealthLeftOut": "of metrics alone",
    "SlbRsLeftOut": "of metrics alone",
    "SlbTableNearlyFull": "the API does not know how large the tables of VS and RS may be",
    "SlbUnanswered": "a rate of clients' connections; slbctl top shows it",
    "SlbLinkNearlyFull": "one second says nothing of it; slbctl top shows rates",
}


def test_every_alert_is_told_or_has_a_reason() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert sorted(alerts) == sorted([*TOLD, *NOT_TOLD])
    words = [case[1] for case in CASES] + ["port lan0: replies by flow: wrong-worker"]
    for alert, begins in TOLD.items():
        assert any(what.startswith(begins) for what in words), alert
