# SPDX-License-Identifier: BSD-3-Clause
"""The switch's end of the links of a bond, for a kernel that has no bonding driver.

`lag.py MODE UPLINK MEMBER...` passes frames between the interface UPLINK and the members that are
up. With the mode `learning` they are ports like any other: what goes down goes where its address
was seen, and elsewhere by all. With `static` and `lacp` they are one link: what goes down goes by
one member, chosen by addresses and ports, and with `lacp` only by those whose partner says that it
is in sync (IEEE 802.1AX, 6.4). The partner's state is said, a line a change.
"""

import contextlib
import selectors
import socket
import struct
import sys
import time
import zlib
from dataclasses import dataclass

_ETH_P_ALL, _OUTGOING = 3, 4
_LONGEST, _BURST = 65536, 64
_SLOW, _LACP = 0x8809, 1
_SLOW_MAC = bytes.fromhex("0180c2000002")
_MAC = bytes.fromhex("02005e005302")
_PERIOD_S = 1.0
_ACTIVE, _AGGREGATION, _SYNC, _COLLECTING, _DISTRIBUTING = 0x01, 0x04, 0x08, 0x10, 0x20
# Kind, length, system priority, system, key, port priority, port, state, reserved.
_PEER = struct.Struct("!BBH6sHHHB3x")
_TAIL = struct.pack("!BBH12xBB50x", 3, 16, 0, 0, 0)


@dataclass
class Member:
    """A member and what its partner has said last."""

    name: str
    number: int
    link: socket.socket
    partner: bytes = bytes(_PEER.size)
    state: int = 0
    said_at: float = 0.0

    def is_up(self) -> bool:
        """Whether its link is."""
        with open(f"/sys/class/net/{self.name}/flags") as file:
            return bool(int(file.read(), 16) & 1)


class Ports:
    """The members, and which of them a frame goes down by."""

    def __init__(self, mode: str, members: list[Member]) -> None:
        """Nothing is learnt yet."""
        self.mode = mode
        self.members = members
        self._learnt: dict[bytes, Member] = {}

    def able(self) -> list[Member]:
        """Those that frames may go by."""
        lacp = self.mode == "lacp"
        return [m for m in self.members if m.is_up() and (not lacp or m.state & _SYNC)]

    def down(self, frame: bytes) -> None:
        """From the uplink."""
        able = self.able()
        if self.mode == "learning":
            place = self._learnt.get(frame[:6])
            self._send(frame, [place] if place in able else able)
        elif able:
            self._send(frame, [able[zlib.crc32(_flow(frame)) % len(able)]])

    def up(self, member: Member, frame: bytes, uplink: socket.socket) -> None:
        """From a member; a switch has what is for all go by the other members, too."""
        able = self.able()
        if member not in able:
            return
        if self.mode == "learning":
            self._learnt[frame[6:12]] = member
            if frame[0] & 1:
                self._send(frame, [other for other in able if other is not member])
        uplink.send(frame)

    def _send(self, frame: bytes, members: list[Member]) -> None:
        for member in members:
            with contextlib.suppress(OSError):
                member.link.send(frame)


def _open(name: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    link.bind((name, _ETH_P_ALL))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    link.setblocking(False)
    return link


def _frame(member: Member) -> bytes:
    state = _ACTIVE | _AGGREGATION | _SYNC
    if member.state & _SYNC:
        state |= _COLLECTING | _DISTRIBUTING
    actor = _PEER.pack(1, 20, 0x8000, _MAC, 1, 0x8000, member.number, state)
    partner = b"\x02\x14" + member.partner[2:]
    head = _SLOW_MAC + _MAC + struct.pack("!HBB", _SLOW, _LACP, 1)
    return head + actor + partner + _TAIL


def _hear(member: Member, frame: bytes) -> None:
    """The partner's own part of a LACPDU."""
    member.partner = frame[16 : 16 + _PEER.size]
    state = _PEER.unpack(member.partner)[-1]
    if state != member.state:
        print(f"{member.name}: partner {state:#04x}", flush=True)
    member.state = state


def _flow(frame: bytes) -> bytes:
    """Addresses and ports, the same for every packet of a flow; MACs of what is neither."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        fragment = frame[20] & 0x3F or frame[21]
        ports = b"" if fragment else frame[34:38]
        return frame[26:34] + (ports if frame[23] in (6, 17) else b"")
    if kind == b"\x86\xdd":
        return frame[22:54] + (frame[54:58] if frame[20] in (6, 17) else b"")
    return frame[:12]


def _serve(uplink: socket.socket, ports: Ports, link: socket.socket) -> None:
    frame, source = link.recvfrom(_LONGEST)
    if source[2] == _OUTGOING:
        return
    if link is uplink:
        ports.down(frame)
        return
    member = next(member for member in ports.members if member.link is link)
    if frame[12:14] == struct.pack("!H", _SLOW):
        _hear(member, frame)
    else:
        ports.up(member, frame, uplink)


def main() -> None:
    """Pass frames until killed."""
    mode, name, *names = sys.argv[1:]
    uplink = _open(name)
    ports = Ports(mode, [Member(name, n, _open(name)) for n, name in enumerate(names, 1)])
    ways = selectors.DefaultSelector()
    for link in [uplink, *(member.link for member in ports.members)]:
        ways.register(link, selectors.EVENT_READ)
    while True:
        for key, _ in ways.select(_PERIOD_S):
            # A link that is down, or a queue that is full: the frame is lost.
            with contextlib.suppress(OSError):
                for _ in range(_BURST):
                    _serve(uplink, ports, key.fileobj)  # type: ignore[arg-type]
        now = time.monotonic()
        for member in ports.members:
            if mode == "lacp" and now - member.said_at >= _PERIOD_S:
                member.said_at = now
                with contextlib.suppress(OSError):
                    member.link.send(_frame(member))


if __name__ == "__main__":
    main()
