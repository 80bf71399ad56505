# SPDX-License-Identifier: BSD-3-Clause
"""Every cell of csrc/path/tcp_state.c, written down once more as the changes it makes."""

from itertools import product

import pytest

from slb._harness import ffi, lib

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
IN, OUT = 0, 1
STATES = "NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE".split()

# (direction, what came) -> {state before: state after}, for the states it changes.
CHANGES = {
    (IN, SYN): {"NONE": "SYN_SENT"},
    (IN, FIN): {
        "NONE": "FIN_WAIT",
        "SYN_RECV": "FIN_WAIT",
        "ESTABLISHED": "FIN_WAIT",
        "CLOSE_WAIT": "LAST_ACK",
    },
    (IN, ACK): {"NONE": "ESTABLISHED", "SYN_RECV": "ESTABLISHED", "LAST_ACK": "TIME_WAIT"},
    (IN, RST): dict.fromkeys(STATES, "CLOSE") | {"SYN_SENT": "SYN_SENT"},
    (IN, RST | ACK): dict.fromkeys(STATES, "CLOSE"),
    (OUT, SYN): {"NONE": "SYN_RECV", "SYN_SENT": "SYN_RECV"},
    (OUT, FIN): {
        "NONE": "CLOSE_WAIT",
        "SYN_SENT": "CLOSE_WAIT",
        "SYN_RECV": "CLOSE_WAIT",
        "ESTABLISHED": "CLOSE_WAIT",
        "FIN_WAIT": "LAST_ACK",
    },
    (OUT, ACK): {"NONE": "ESTABLISHED", "LAST_ACK": "TIME_WAIT"},
    (OUT, RST): dict.fromkeys(STATES, "CLOSE"),
}


def after(state: str, direction: int, flags: int) -> str:
    """Ask the engine."""
    number = lib.harness_tcp_next(getattr(lib, f"SLB_TCP_{state}"), direction, flags)
    name: str = ffi.typeof("enum slb_tcp_state").elements[number]
    return name.removeprefix("SLB_TCP_")


@pytest.mark.parametrize(("direction", "flag"), CHANGES)
@pytest.mark.parametrize("state", STATES)
def test_cell(state: str, direction: int, flag: int) -> None:
    wanted = CHANGES[direction, flag].get(state, state)
    assert after(state, direction, flag) == wanted
    assert after(state, direction, flag | PSH | URG) == wanted


@pytest.mark.parametrize("state", STATES)
def test_of_several_flags_the_gravest_counts(state: str) -> None:
    """RST before SYN before FIN; a segment with none of them counts as an ACK."""
    for direction, others in product((IN, OUT), (0, FIN, SYN, ACK, FIN | SYN | ACK)):
        wanted = after(state, direction, RST | (others & ACK))
        assert after(state, direction, RST | others) == wanted
    for direction, others in product((IN, OUT), (FIN, ACK, FIN | ACK)):
        assert after(state, direction, SYN | others) == after(state, direction, SYN)
    for direction in (IN, OUT):
        assert after(state, direction, FIN | ACK) == after(state, direction, FIN)
        assert after(state, direction, 0) == after(state, direction, ACK)


def test_every_state_is_walked() -> None:
    names = ffi.typeof("enum slb_tcp_state").elements.values()
    assert {name for name in names if name.startswith("SLB_TCP_")} == {
        f"SLB_TCP_{state}" for state in STATES
    }
