# SPDX-License-Identifier: BSD-3-Clause
"""What the log says of bonds, and when switches have to learn anew."""

from msgspec.structs import replace
from unit.fake_answers import PORT

from slb.daemon.links import Links
from slb.kernel import rarp
from slb.model.views import MemberView, PortView


def member(device: str, state: str) -> MemberView:
    return MemberView(device, "net_tap", state, state != "down", 10000, 0, 0, 0, 0, 0)


def port(**states: str) -> PortView:
    return replace(PORT, members=[member(device, state) for device, state in states.items()])


def test_a_port_of_one_device_has_no_members() -> None:
    assert Links().look([PORT]) == ([], [])


def test_what_is_there_at_first_is_told() -> None:
    links = Links()
    seen = links.look([port(a="active", b="standby")])
    assert seen.sentences == [
        (True, "port lan0: member a is active; packets go by a"),
        (True, "port lan0: member b is standby; packets go by a"),
    ]
    assert seen.moved == ["lan0"]
    assert links.look([port(a="active", b="standby")]) == ([], [])


def test_a_link_that_fails() -> None:
    links = Links()
    links.look([port(a="active", b="standby")])
    seen = links.look([port(a="down", b="active")])
    assert seen.sentences == [
        (False, "port lan0: member a is down, was active; packets go by b"),
        (False, "port lan0: member b is active, was standby; packets go by b"),
    ]
    assert seen.moved == ["lan0"]
    assert links.look([port(a="standby", b="active")]) == (
        [(True, "port lan0: member a is standby, was down; packets go by b")],
        [],
    )


def test_nothing_carries_packets() -> None:
    links = Links()
    assert links.look([port(a="waiting", b="down")]) == (
        [
            (False, "port lan0: member a is waiting; no member carries packets"),
            (False, "port lan0: member b is down; no member carries packets"),
        ],
        [],
    )


def test_ports_are_told_apart() -> None:
    links = Links()
    other = replace(port(a="active"), name="wan0")
    assert links.look([port(a="active"), other]).moved == ["lan0", "wan0"]
    assert links.look([port(a="down"), other]).moved == []


def test_a_frame_that_switches_learn_from() -> None:
    mac = bytes.fromhex("020000000010")
    frame = rarp.frame(mac)
    assert len(frame) == 60
    assert frame[:14] == b"\xff" * 6 + mac + b"\x80\x35"
    assert frame[14:22] == bytes.fromhex("0001080006040003")
    assert frame[22:42] == (mac + bytes(4)) * 2
