# SPDX-License-Identifier: BSD-3-Clause
"""The segment size that a SYN announces is lowered to what fits, or to what is configured."""

from collections.abc import Sequence
from dataclasses import dataclass

from case import Back, Case, Run, Send, ToClient, ToRs
from driver import Result
from packets.frames import RS6, SYN, SYN_ACK, VIP46, VIP64, patched, tcp, tcp6
from packets.nat import right_checksums
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

Options = Sequence[tuple[str, object]]
TCP_CSUM_AT = 50


@dataclass(frozen=True)
class Announces:
    """Sent with these options, whole, and but for them as a packet that had them from the start."""

    options: Options
    wrong: bool = False

    def check(self, run: Run, send: Send, frame: bytes, result: Result) -> None:
        """Compare the options, then the rest with what the outcome of old expects."""
        assert result.what == "TX 0"
        # Time stamps are not what this is about.
        assert _names_and_sizes(Ether(result.data)[TCP].options) == _names_and_sizes(self.options)
        assert right_checksums(result.data) is not self.wrong
        before = Ether(frame)
        before[TCP].options = list(self.options)
        if not self.wrong:
            del before[TCP].chksum
            outcome = ToClient() if isinstance(send.packet, Back) else ToRs(self._rs(result))
            outcome.check(run, send, bytes(before), result)
        else:
            run.touch("in", frame)

    def _rs(self, result: Result) -> str:
        return RS6 if result.data[12:14] == b"\x86\xdd" else ToRs().rs


def _names_and_sizes(options: Options) -> Options:
    return [(name, value if name == "MSS" else None) for name, value in options]


def mss(size: int) -> Options:
    """A segment size and nothing else."""
    return [("MSS", size)]


def with_tcp_options(packet: Packet, options: object) -> Packet:
    """The packet with other TCP options and a right checksum."""
    changed = packet.copy()
    changed[TCP].options = options
    del changed[TCP].chksum, changed[TCP].dataofs
    return Ether(bytes(changed))


def answered(size: int) -> Back:
    """A SYN-ACK that announces a segment size."""
    return Back(SYN_ACK, change=lambda packet: with_tcp_options(packet, mss(size)))


OTHERS = [("SAckOK", b""), ("Timestamp", (1, 0)), ("WScale", 7), ("NOP", None)]
ODD = [("NOP", None), ("MSS", 9000), ("NOP", None), ("NOP", None), ("NOP", None)]
ODD_LOW = [("NOP", None), ("MSS", 1460), ("NOP", None), ("NOP", None), ("NOP", None)]

AUTO = [
    Case("what fits is left", Send(tcp(options=mss(1460)), Announces(mss(1460)))),
    Case("what is less is not raised", Send(tcp(options=mss(500)), Announces(mss(500)))),
    Case("more than fits is lowered", Send(tcp(options=mss(1461)), Announces(mss(1460)))),
    Case(
        "the answer's is lowered too",
        Send(tcp(), ToRs()),
        Send(answered(8960), Announces(mss(1460))),
    ),
    Case("without one there is none", Send(tcp(), ToRs())),
    Case("at an odd place", Send(tcp(options=ODD), Announces(ODD_LOW))),
    Case(
        "each of two",
        Send(tcp(options=[*mss(9000), *mss(8000)]), Announces([*mss(1460), *mss(1460)])),
    ),
    Case(
        "behind others",
        Send(tcp(options=[*OTHERS, *mss(9000)]), Announces([*OTHERS, *mss(1460)])),
    ),
    Case("not behind the end", Send(patched(tcp(options=ODD), 54, b"\0"), ToRs())),
    Case("not behind a length of 0", Send(patched(tcp(options=ODD), 54, b"\x1e\0"), ToRs())),
    Case("not behind one too long", Send(patched(tcp(options=ODD), 54, b"\x1e\x09"), ToRs())),
    Case("not with a length of 3", Send(patched(tcp(options=mss(9000)), 55, b"\x03"), ToRs())),
    Case(
        "a packet of an open connection is left",
        Send(tcp(), ToRs()),
        Send(tcp("A", options=mss(9000)), ToRs()),
    ),
    Case(
        "a wrong checksum stays wrong",
        Send(
            patched(tcp(options=mss(9000)), TCP_CSUM_AT, b"\x12\x34"),
            Announces(mss(1460), wrong=True),
        ),
    ),
    Case(
        "IPv6: 20 bytes less",
        Send(with_tcp_options(tcp6(), mss(9000)), Announces(mss(1440))),
        Send(answered(9000), Announces(mss(1440))),
    ),
    Case(
        "IPv6 in front of IPv4: as for IPv6",
        Send(tcp6(dst=VIP64), ToRs()),
        Send(answered(1460), Announces(mss(1440))),
    ),
    Case(
        "IPv4 in front of IPv6: too", Send(tcp(dst=VIP46, options=mss(1460)), Announces(mss(1440)))
    ),
]
FIXED = [
    Case(
        "more than the limit is lowered to it", Send(tcp(options=mss(1460)), Announces(mss(1200)))
    ),
    Case("less than the limit is left", Send(tcp(options=mss(1199)), Announces(mss(1199)))),
]
OFF = [Case("the ends agree alone", Send(tcp(SYN, options=mss(9000)), ToRs()))]
