# SPDX-License-Identifier: BSD-3-Clause
"""For each alert what Prometheus has when it must fire, and when it must not.

A series is a text with labels, and its course: SAMPLES values, STEP_S apart, in promtool's words.
"""

from dataclasses import dataclass

STEP_S = 15
SAMPLES = 400
END_S = STEP_S * SAMPLES

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """`bad`: the alert fires at the end of these series; `good`: it does not."""

    bad: Series
    good: Series


def flat(value: float) -> str:
    """The same all the time."""
    return f"{value:g}+0x{SAMPLES}"


def grows(per_s: float) -> str:
    """A counter."""
    return f"0+{per_s * STEP_S:g}x{SAMPLES}"


def steps(before: float, after: float) -> str:
    """Another value since the last two minutes."""
    last = 120 // STEP_S
    return f"{before:g}+0x{SAMPLES - last} {after:g}+0x{last}"


def toggles(samples: int) -> str:
    """0 and 1 in turn, each for so many samples."""
    turn = f"0+0x{samples - 1} 1+0x{samples - 1} "
    return turn * (SAMPLES // (2 * samples))


def swells(slow: float, fast: float) -> str:
    """A counter that has grown fast for the last eight minutes."""
    last = 480 // STEP_S
    first = SAMPLES - last
    begin = slow * STEP_S * (first + 1)
    return f"0+{slow * STEP_S:g}x{first} {begin:g}+{fast * STEP_S:g}x{last}"


def gauge(name: str, bad: float, good: float) -> Case:
    """One series whose value decides."""
    return Case({name: flat(bad)}, {name: flat(good)})


def counter(name: str, bad_per_s: float, good_per_s: float = 0) -> Case:
    """One series whose rate decides."""
    return Case({name: grows(bad_per_s)}, {name: grows(good_per_s)})


def drops(reason: str, bad_per_s: float = 1) -> Case:
    """Packets that are dropped for that reason, by one of two workers."""
    name = "slb_dropped_packets_total"
    return Case(
        {
            f'{name}{{worker="0",reason="{reason}"}}': grows(bad_per_s),
            f'{name}{{worker="1",reason="{reason}"}}': flat(0),
        },
        {f'{name}{{worker="0",reason="{reason}"}}': flat(7)},
    )


WORKER, PORT = '{worker="0"}', '{port="lan0"}'
ONE_VS = 'vs="10.96.0.10:80/tcp"'
SERVICES = 'slb_ospf_announced_prefixes{kind="services"}'
LOCAL = 'slb_ospf_announced_prefixes{kind="local_addresses"}'
HELD = 'slb_ospf_held_prefixes{reason="quorum"}'
ONE_RS = f'{{{ONE_VS},rs="10.10.0.1:8080"}}'


def of_vs(name: str, word: str, **counts: float) -> Series:
    """A series of a VS for each word."""
    return {f'{name}{{{ONE_VS},{word}="{key}"}}': flat(value) for key, value in counts.items()}


def busy(share: float) -> Series:
    """What a worker counts that is busy for that share of its time."""
    cycles = 2e9
    return {
        f"slb_worker_busy_cycles_total{WORKER}": grows(cycles * share),
        f"slb_worker_idle_cycles_total{WORKER}": grows(cycles * (1 - share)),
    }


def link(share: float) -> Series:
    """A link of 10 Gbit/s that is full for that share."""
    speed = 1.25e9
    return {
        f"slb_port_speed_bytes{PORT}": flat(speed),
        f"slb_port_tx_bytes_total{PORT}": grows(speed * share),
    }


def answers(answered_per_s: float, unanswered_per_s: float) -> Series:
    """What became of the sessions of a VS."""
    name = 'slb_vs_answers_total{vs="10.96.0.10:80/tcp",outcome="%s"}'
    return {
        name % "answered": grows(answered_per_s),
        name % "unanswered": grows(unanswered_per_s),
    }


def refused(answered_per_s: float, refused_per_s: float) -> Series:
    """The same, where RS refuse."""
    name = 'slb_vs_answers_total{vs="10.96.0.10:80/tcp",outcome="%s"}'
    return {name % "answered": grows(answered_per_s), name % "refused": grows(refused_per_s)}


def no_rs(serving: float) -> Series:
    """Clients of a VS that has so many RS are refused."""
    return {
        f"slb_vs_refused_packets_total{{{ONE_VS}}}": grows(1),
        f'slb_vs_rs{{{ONE_VS},state="serving"}}': flat(serving),
    }


CASES: dict[str, Case] = {
    "SlbAway": gauge('up{job="slbd"}', 0, 1),
    "SlbRestarted": Case(
        {"slb_start_time_seconds": steps(1, 2)}, {"slb_start_time_seconds": flat(1)}
    ),
    "SlbReloadRefused": gauge("slb_reload_failed", 1, 0),
    "SlbTransactionsRefused": counter('slb_transactions_total{result="refused"}', 0.01),
    "SlbAgentAway": gauge('up{job="slb-agent"}', 0, 1),
    "SlbNotApplied": gauge('slb_agent_slbd_state{state="refused"}', 1, 0),
    "SlbStateDamaged": gauge("slb_agent_state_damaged", 1, 0),
    "SlbChangedBeside": counter("slb_agent_mended_total", 0.01),
    "SlbChangesFail": counter('slb_agent_changes_total{result="failed"}', 0.01),
    "SlbDenied": counter('slb_agent_changes_total{result="denied"}', 1, 0.01),
    "SlbAgentReloadFailed": gauge("slb_agent_reload_failed", 1, 0),
    # promtool's time begins in 1970.
    "SlbCertificateEnds": gauge("slb_agent_certificate_end_time_seconds", END_S + 86_400, 1e9),
    "SlbRsDown": gauge(f"slb_agent_rs_up{ONE_RS}", 0, 1),
    "SlbManyRsDown": Case(
        of_vs("slb_agent_vs_rs_state", "state", up=2, down=1, ejected=1, unknown=0),
        of_vs("slb_agent_vs_rs_state", "state", up=3, down=1, ejected=1, unknown=0),
    ),
    "SlbRsCapped": Case(
        of_vs("slb_agent_vs_rs_effect", "effect", out=1, capped=1),
        of_vs("slb_agent_vs_rs_effect", "effect", out=1, capped=0),
    ),
    "SlbRsFlaps": Case(
        {f"slb_agent_rs_up{ONE_RS}": toggles(4)}, {f"slb_agent_rs_up{ONE_RS}": toggles(50)}
    ),
    "SlbChecksStopped": Case(
        {"slb_agent_checks_alive": flat(0)}
        | of_vs("slb_agent_vs_rs_state", "state", up=0, unknown=4),
        {"slb_agent_checks_alive": flat(0)},
    ),
    "SlbChecksSayNothing": counter('slb_agent_checks_total{result="no_result"}', 1, 0.01),
    "SlbChecksLate": gauge('slb_agent_checks_open{state="waiting"}', 3, 0),
    "SlbHealthLeftOut": gauge("slb_agent_rs_left_out", 20_000, 0),
    "SlbWorkerStalled": counter(f"slb_worker_rounds_total{WORKER}", 0, 1000),
    "SlbGenerationsDiffer": Case(
        {
            f"slb_worker_generation{WORKER}": flat(7),
            'slb_worker_generation{worker="1"}': flat(8),
        },
        {
            f"slb_worker_generation{WORKER}": flat(8),
            'slb_worker_generation{worker="1"}': flat(8),
        },
    ),
    "SlbOverloaded": counter(f"slb_port_rx_missed_packets_total{PORT}", 1),
    "SlbWorkerBusy": Case(busy(0.95), busy(0.8)),
    "SlbNoBuffers": drops("NO_MBUF"),
    "SlbSessionsNearlyFull": Case(
        {
            f"slb_worker_sessions{WORKER}": flat(90),
            f"slb_worker_session_capacity{WORKER}": flat(100),
        },
        {
            f"slb_worker_sessions{WORKER}": flat(50),
            f"slb_worker_session_capacity{WORKER}": flat(100),
        },
    ),
    "SlbSessionsFull": drops("SESSION_FULL"),
    "SlbLocalPortsExhausted": drops("NO_LOCAL_PORT"),
    "SlbTableNearlyFull": Case(
        {
            'slb_table_entries{table="rs"}': flat(95),
            'slb_table_capacity{table="rs"}': flat(100),
        },
        {
            'slb_table_entries{table="rs"}': flat(5),
            'slb_table_capacity{table="rs"}': flat(100),
        },
    ),
    "SlbRsLeftOut": gauge("slb_rs_left_out", 20_000, 0),
    "SlbNoRs": Case(no_rs(0), no_rs(1)),
    "SlbUnanswered": Case(answers(10, 10), answers(100, 10)),
    "SlbDropsRising": Case(
        {'slb_dropped_packets_total{worker="0",reason="NO_VS"}': swells(1, 1000)},
        {'slb_dropped_packets_total{worker="0",reason="NO_VS"}': swells(1000, 1000)},
    ),
    "SlbHostFlooded": drops("PUNT_RATE", 100),
    "SlbLinkDown": gauge(f"slb_port_link_up{PORT}", 0, 1),
    "SlbLinkNearlyFull": Case(link(0.95), link(0.5) | {f"slb_port_speed_bytes{PORT}": flat(0)}),
    # Up, but LACP does not agree with the switch.
    "SlbMemberDown": gauge('slb_port_member_state{port="b",device="d",state="waiting"}', 1, 0),
    "SlbNoAdjacency": gauge('slb_ospf_adjacency_full{protocol="OSPFv2"}', 0, 1),
    "SlbNeighbourLost": gauge('slb_ospf_neighbours{state="lost"}', 1, 0),
    "SlbNotAnnounced": Case(
        {"slb_ospf_withheld": flat(0), SERVICES: flat(0), LOCAL: flat(4), HELD: flat(0)},
        {"slb_ospf_withheld": flat(0), SERVICES: flat(0), LOCAL: flat(4), HELD: flat(1)},
    ),
    "SlbNoQuorum": gauge('slb_ospf_held_prefixes{reason="quorum"}', 1, 0),
    "SlbPrefixHeld": gauge('slb_ospf_held_prefixes{reason="hold"}', 1, 0),
    "SlbOspfFailing": gauge("slb_ospf_failing", 1, 0),
    "SlbSteeringNotProved": gauge('slb_steering_proofs{port="lan0",state="unproved"}', 2, 0),
    "SlbSteeringWrong": gauge(f"slb_steering_ok{PORT}", 0, 1),
}

# Other courses at which it must fire: each branch of its expression has one, there or here.
ALSO: dict[str, list[Series]] = {
    "SlbNotApplied": [
        {f'slb_agent_slbd_state{{state="{word}"}}': flat(1)}
        for word in ("incomplete", "unreachable")
    ],
    "SlbManyRsDown": [
        of_vs("slb_agent_vs_rs_state", "state", up=1, down=1),
        of_vs("slb_agent_vs_rs_state", "state", up=1, ejected=1),
    ],
    "SlbOverloaded": [drops(reason).bad for reason in ("HANDOFF_FULL", "TX_FULL")],
    "SlbNoBuffers": [{f"slb_port_rx_no_mbuf_packets_total{PORT}": grows(1)}],
    "SlbUnanswered": [refused(10, 10)],
    "SlbHostFlooded": [
        drops("PUNT_FULL", 100).bad,
        {f"slb_port_kernel_dropped_packets_total{PORT}": grows(100)},
    ],
    "SlbLinkNearlyFull": [
        {
            f"slb_port_speed_bytes{PORT}": flat(1.25e9),
            f"slb_port_rx_bytes_total{PORT}": grows(1.25e9 * 0.95),
        }
    ],
    "SlbMemberDown": [{'slb_port_member_state{port="b",device="d",state="down"}': flat(1)}],
    "SlbNotAnnounced": [
        {"slb_ospf_withheld": flat(1), SERVICES: flat(0), HELD: flat(1)},
        {"slb_ospf_withheld": flat(1), SERVICES: flat(3), HELD: flat(0)},
    ],
}
# And at which it must not.
NEVER: dict[str, list[Series]] = {
    "SlbDropsRising": [
        {f'slb_dropped_packets_total{{worker="0",reason="{reason}"}}': swells(1, 1000)}
        for reason in ("STEERING_PROBE", "STOPPING", "SESSION_RESET")
    ],
    "SlbMemberDown": [
        {f'slb_port_member_state{{port="b",device="d",state="{word}"}}': flat(1)}
        for word in ("active", "standby")
    ],
    "SlbHealthLeftOut": [{"slb_agent_rs_left_out": flat(0)}],
    "SlbNotApplied": [{'slb_agent_slbd_state{state="applied"}': flat(1)}],
}
