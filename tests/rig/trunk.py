# SPDX-License-Identifier: BSD-3-Clause
"""The access port of a VLAN switch, for a kernel that has no VLAN devices.

`trunk.py TRUNK ACCESS VLAN` passes frames between the interface TRUNK, where they bear an 802.1Q
tag, and a tap ACCESS that it makes, where they bear none. What comes from the trunk without the tag
of this VLAN is not passed on but said, a line each.
"""

import fcntl
import os
import selectors
import socket
import struct
import sys

_TUNSETIFF = 0x400454CA
_TAP, _NO_PI = 0x0002, 0x1000
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_OUTGOING = 4
# struct tpacket_auxdata (linux/if_packet.h): the kernel takes the tag off and tells it apart.
_AUXDATA = struct.Struct("IIIHHHH")
_TAG_VALID = 1 << 4
_TAG = struct.Struct("!HH")
_MACS = 12
_LONGEST = 65536
_BURST = 64


def _access(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_PI))
    return fd


def _trunk(name: str) -> socket.socket:
    trunk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    trunk.bind((name, _ETH_P_ALL))
    trunk.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    trunk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    trunk.setblocking(False)
    return trunk


def _vlan(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The VLAN of a received frame, None without a tag."""
    for level, kind, content in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, *_, tci, _ = _AUXDATA.unpack(content[: _AUXDATA.size])
            return tci & 0xFFF if status & _TAG_VALID else None
    return None


def _down(trunk: socket.socket, access: int, vlan: int) -> None:
    """What the trunk has, to the access side."""
    frame, ancillary, _, source = trunk.recvmsg(_LONGEST, socket.CMSG_SPACE(_AUXDATA.size))
    if source[2] == _OUTGOING:
        return
    found = _vlan(ancillary)
    if found == vlan:
        os.write(access, frame)
    else:
        print(f"VLAN {found}: {frame[:14].hex()}", flush=True)


def _up(trunk: socket.socket, access: int, vlan: int) -> None:
    """What the access side has, to the trunk."""
    frame = os.read(access, _LONGEST)
    trunk.send(frame[:_MACS] + _TAG.pack(0x8100, vlan) + frame[_MACS:])


def main() -> None:
    """Pass frames until killed."""
    trunk_name, access_name, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
    trunk, access = _trunk(trunk_name), _access(access_name)
    ways = selectors.DefaultSelector()
    ways.register(trunk, selectors.EVENT_READ, _down)
    ways.register(access, selectors.EVENT_READ, _up)
    while True:
        for key, _ in ways.select():
            try:
                for _ in range(_BURST):
                    key.data(trunk, access, vlan)
            except BlockingIOError:
                pass
            except OSError as error:
                # The other side is down for now, or its queue full: the frame is lost.
                print(f"lost: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
