# SPDX-License-Identifier: BSD-3-Clause
"""Time-outs of a VS: in each state a session lives exactly as long as its own VS says."""

import pytest
from cases_tcp_numbers import WAYS, Way
from lab import PLAIN, Lab, OpenLab
from packets.frames import RS_TCP, RS_UDP, VS_TCP, VS_UDP, answer, udp
from structs import names
from test_tcp_expired import OPEN, OVER, TICK_S, Talk
from values import Op, Settings

pytestmark = pytest.mark.path

OF_ENGINE = 50  # each state's time-out, in seconds
# All different from each other, so that no other state's will do.
OF_VS = {
    "TCP_SYN_SENT": 11,
    "TCP_SYN_RECV": 13,
    "TCP_ESTABLISHED": 37,
    "TCP_FIN_WAIT": 17,
    "TCP_CLOSE_WAIT": 19,
    "TCP_LAST_ACK": 23,
    "TCP_TIME_WAIT": 29,
    "TCP_CLOSE": 7,
    "UDP_ONEWAY": 5,
    "UDP_REPLIED": 31,
}
TCP4: Way = WAYS[0]


def connection(lab: Lab, state: str, port: int = 40000) -> None:
    """A connection in this state, all of whose packets are of this moment."""
    talk = Talk(lab, TCP4, port)
    if state in OPEN:
        OPEN[state](talk.shaken())
    else:
        OVER[state](talk)


def exchange(lab: Lab, state: str, port: int = 40000) -> None:
    """A question, and its answer if the state says so."""
    (asked,) = lab.harness.run(0, [bytes(udp(sport=port))])
    if state == "REPLIED":
        lab.harness.run(0, [bytes(answer(asked.data))])


def begin(lab: Lab, state: str, port: int = 40000) -> None:
    """A session in this state."""
    proto, _, rest = state.partition("_")
    (connection if proto == "TCP" else exchange)(lab, rest, port)


@pytest.fixture
def lab(open_lab: OpenLab) -> Lab:
    """Every time-out of the engine is another one than that of any VS."""
    lab = open_lab(Settings(timeouts=dict.fromkeys(OF_VS, OF_ENGINE)))
    lab.harness.forward(PLAIN)
    return lab


def serve(lab: Lab, timeouts: dict[str, int]) -> None:
    lab.add_vs(VS_TCP, rs=[RS_TCP], timeouts=timeouts)
    lab.add_vs(VS_UDP, rs=[RS_UDP], timeouts=timeouts)


def ends_after(lab: Lab, seconds: float) -> None:
    """The one session lives to its last tick and no longer."""
    lab.harness.advance(seconds - TICK_S)
    assert lab.active() == 1
    lab.harness.advance(2 * TICK_S)
    assert lab.active() == 0


def test_every_state_is_tried() -> None:
    states = set(names("slb_tcp_state", "SLB_").values())
    assert set(OF_VS) == states - {"TCP_NONE", "STATE_COUNT"}
    assert len(set(OF_VS.values())) == len(OF_VS)


@pytest.mark.parametrize("state", OF_VS)
def test_a_session_lives_as_long_as_its_vs_says(state: str, lab: Lab) -> None:
    serve(lab, OF_VS)
    begin(lab, state)
    assert [session.state for session in lab.harness.sessions()] == [state]
    ends_after(lab, OF_VS[state])


@pytest.mark.parametrize("state", OF_VS)
def test_what_a_vs_does_not_say_the_engine_does(state: str, lab: Lab) -> None:
    """Each state's time-out is missing once, and is set alone once."""
    serve(lab, {name: seconds for name, seconds in OF_VS.items() if name != state})
    begin(lab, state)
    ends_after(lab, OF_ENGINE)
    timeouts = {state: OF_VS[state]}
    lab.harness.commit([Op("VS_EDIT", vs, timeouts=timeouts) for vs in (VS_TCP, VS_UDP)])
    begin(lab, state)
    ends_after(lab, OF_VS[state])
