# SPDX-License-Identifier: BSD-3-Clause
"""The members of bonds: what is worth a line in the log, and which switches have to learn anew."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slb.model.views import MemberView, PortView


class Seen(NamedTuple):
    """What a look has brought: sentences, each with whether all is well; and ports that moved."""

    sentences: list[tuple[bool, str]]
    moved: list[str]


class Links:
    """Compares each look with the one before; the engine follows the links by itself."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], str] = {}

    def look(self, ports: Sequence[PortView]) -> Seen:
        """Take a reading of all ports.

        A port has moved when a member carries packets that did not before: until the switch sees
        the port's MAC there, it sends to the old one.
        """
        sentences: list[tuple[bool, str]] = []
        moved: list[str] = []
        for port in ports:
            fresh = [m for m in port.members if self._changes(port, m)]
            sentences += [(_carries(port), s) for s in self._sentences(port, fresh)]
            if any(member.state == "active" for member in fresh):
                moved.append(port.name)
            for member in fresh:
                self._states[port.name, member.device] = member.state
        return Seen(sentences, moved)

    def _changes(self, port: PortView, member: MemberView) -> bool:
        return self._states.get((port.name, member.device)) != member.state

    def _sentences(self, port: PortView, fresh: Sequence[MemberView]) -> Iterator[str]:
        for member in fresh:
            before = self._states.get((port.name, member.device))
            was = f", was {before}" if before else ""
            yield f"port {port.name}: member {member.device} is {member.state}{was}; {by(port)}"


def by(port: PortView) -> str:
    """Say which members carry a bond's packets."""
    names = [member.device for member in port.members if member.state == "active"]
    return f"packets go by {', '.join(names)}" if names else "no member carries packets"


def _carries(port: PortView) -> bool:
    return all(member.state in ("active", "standby") for member in port.members)
