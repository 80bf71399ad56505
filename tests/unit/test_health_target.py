# SPDX-License-Identifier: BSD-3-Clause
"""Where the checks of a VS go to, and which of them are one."""

import pytest
from msgspec.structs import replace
from unit.agent_values import key, service

from slb.health.target import of
from slb.model.endpoint import Endpoint
from slb.model.health import Check, CommandCheck, HttpCheck, IcmpCheck, NoCheck, Passive, TcpCheck
from slb.model.service import RealServer, Service

AT = ("10.10.0.1:80", "10.10.0.1:81", "10.10.0.2:80", "[fd00::1]:80")


def checked(check: Check | NoCheck | None, number: int = 1) -> Service:
    """A VS of these RS, two of them at one address."""
    real = tuple(RealServer(Endpoint.parse(at)) for at in AT)
    return replace(service(number), rs=real, health=check)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (TcpCheck(), AT),
        (HttpCheck(port=8081), ("10.10.0.1:8081",) * 2 + ("10.10.0.2:8081", "[fd00::1]:8081")),
        # A ping goes to none.
        (IcmpCheck(), ("10.10.0.1:0",) * 2 + ("10.10.0.2:0", "[fd00::1]:0")),
        (
            CommandCheck(program="look", port=81),
            ("10.10.0.1:81",) * 2 + ("10.10.0.2:81", "[fd00::1]:81"),
        ),
        (NoCheck(passive=Passive()), ()),
        (None, ()),
    ],
)
def test_where_it_goes(check: Check | NoCheck | None, expected: tuple[str, ...]) -> None:
    found = of(checked(check))
    assert tuple(str(target.at) for target in found) == expected
    # Of what goes to one place one is made, for all RS there.
    assert len(set(found)) == len(set(expected))


def test_vs_that_share_a_check() -> None:
    """Unless they check in another way; what becomes of those that are down is each one's own."""
    first = of(checked(TcpCheck(port=81)))
    own = TcpCheck(port=81, down="drain", max_ejected_percent=100, passive=Passive())
    assert of(checked(own, 2)) == first
    assert not set(of(checked(TcpCheck(port=81, fall=2), 2))) & set(first)


def test_programs_are_told_of_the_vs() -> None:
    program = CommandCheck(program="look")
    assert {target.vs for target in of(checked(program, 2))} == {key(2)}
    assert not set(of(checked(program, 2))) & set(of(checked(program, 1)))
