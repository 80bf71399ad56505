# SPDX-License-Identifier: BSD-3-Clause
"""A connection through a VS with SYN proxy, from both of its ends.

Sequence numbers and time stamps that the engine chooses are learnt where they are first seen; from
then on every byte is compared with a frame put together from the headers' definitions.
"""

from dataclasses import dataclass

import pytest
from cases_tcp_numbers import NOP, WAYS, Way, dressed, stamp
from driver import Result
from lab import Lab
from packets.frames import GATEWAY_MAC, answer
from packets.nat import endpoints, l4_at, right_checksums, tcp_options, with_right_checksum
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from structs import port_mac
from values import Op

SCALE = 7  # that the engine announces
MSS_OPTION, SCALE_OPTION, SACK_OK, TIMESTAMP = 2, 3, 4, 8
MODULO = 2**32
each_way = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


def proxied(lab: Lab, *ways: Way) -> Lab:
    """Let the VS of these ways have SYN proxy."""
    keys = [vs_of(way) for way in ways]
    lab.harness.commit([Op("VS_EDIT", key, syn_proxy=True) for key in keys])
    return lab


def vs_of(way: Way) -> str:
    """The VS's key."""
    (_, (host, port)) = endpoints(bytes(way.segment("S")))
    return f"[{host}]:{port}/tcp" if ":" in host else f"{host}:{port}/tcp"


def options_of(frame: bytes) -> dict[int, bytes]:
    """The values of the options by kind."""
    return {kind: frame[at + 2 : at + length] for at, kind, length in tcp_options(frame)}


def number(frame: bytes, place: int, length: int = 4) -> int:
    """A number of the TCP header."""
    at = l4_at(frame) + place
    return int.from_bytes(frame[at : at + length], "big")


def made(
    src: tuple[str, int],
    dst: tuple[str, int],
    flags: str,
    *,
    seq: int,
    ack: int = 0,
    window: int = 0,
    options: bytes = b"",
    payload: bytes = b"",
    ttl: int = 64,
    mac: str = GATEWAY_MAC,
) -> bytes:
    """A frame that the engine has made from scratch."""
    net = (
        IPv6(src=src[0], dst=dst[0], hlim=ttl)
        if ":" in src[0]
        else IP(src=src[0], dst=dst[0], id=0, flags="DF", ttl=ttl)
    )
    segment = TCP(sport=src[1], dport=dst[1], flags=flags, seq=1, window=window)
    frame = Ether(src=port_mac(0), dst=mac) / net / segment / payload
    return dressed(frame, options, seq=seq % MODULO, ack=ack % MODULO)


@dataclass
class Ends:
    """The client and the RS of one connection, and what they know."""

    lab: Lab
    way: Way
    options: bytes = b"\2\4\5\xb4\4\2" + stamp() + NOP + b"\3\3\x05"
    rs_options: bytes = b"\2\4\5\xb4\4\2" + stamp(9000) + NOP + b"\3\3\x09"
    port: int = 40000
    isn: int = 1000
    rs_isn: int = 5
    window: int = 500  # as it stands in the client's segments
    cookie: int = 0  # learnt from the SYN-ACK
    stamp: int = 0
    rs_seq: int = 0  # the client's first sequence number as the RS has it
    rs_stamp: int = 0  # what is added to its time stamps
    syn_seen: bytes = b""
    local: tuple[str, int] = ("", 0)
    server: tuple[str, int] = ("", 0)

    # ---- frames of either end ----

    def client(
        self,
        flags: str,
        payload: bytes = b"",
        *,
        seq: int = 1,
        ack: int = 1,
        options: bytes | None = None,
        window: int | None = None,
    ) -> bytes:
        """A segment of the client; numbers count from its own and the LB's first ones."""
        packet = self.way.segment(flags, payload)
        packet.sport = self.port
        packet[TCP].window = self.window if window is None else window
        if options is None:
            options = self.options if flags == "S" else self.client_stamp()
        acked = (self.cookie + ack) % MODULO if "A" in flags else 0
        return dressed(packet, options, seq=(self.isn + seq) % MODULO, ack=acked)

    def client_stamp(self, value: int = 0x01020400) -> bytes:
        """The time stamp option of the client's later segments."""
        return NOP + NOP + stamp(value, self.stamp) if self.stamps else b""

    def rs(
        self,
        flags: str,
        payload: bytes = b"",
        *,
        seq: int = 1,
        ack: int = 1,
        options: bytes = b"",
        window: int = 8192,
        acks: bool = True,
    ) -> bytes:
        """A segment of the RS; numbers count from its own and the client's first ones."""
        packet = answer(self.syn_seen, flags, payload)
        packet[TCP].window = window
        acked = (self.rs_seq + ack) % MODULO if acks else 0
        return dressed(packet, options, seq=(self.rs_isn + seq) % MODULO, ack=acked)

    @property
    def stamps(self) -> bool:
        """Whether the client has time stamps."""
        return stamp()[:2] in self.options

    @property
    def scaled(self) -> bool:
        """Whether the client scales windows, and could be granted it."""
        return self.stamps and b"\3\3" in self.options

    def run(self, frame: bytes) -> Result:
        """Feed a frame."""
        (result,) = self.lab.harness.run(0, [frame])
        return result

    def dropped(self, frame: bytes, reason: str) -> None:
        """Feed a frame that is dropped, unchanged."""
        result = self.run(frame)
        assert (result.what, result.data) == (f"DROP {reason}", frame)

    def sent(self) -> list[bytes]:
        """What the engine has sent by itself."""
        results = self.lab.harness.take(0)
        assert {result.what for result in results} <= {"TX 0"}
        return [result.data for result in results]

    # ---- the handshake ----

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The client's and the VS's address and port."""
        client, service = endpoints(bytes(self.way.segment("S")))
        return (client[0], self.port), service

    def syn(self, mss: int | None = None) -> "Ends":
        """The client's SYN is answered."""
        client, service = self.ends
        result = self.run(self.client("S", seq=0))
        assert result.what == "TX 0"
        self.cookie = number(result.data, 4)
        if mss is None:
            mss = 1440 if ":" in client[0] or ":" in self.way.rs else 1460
        options = b"\2\4" + mss.to_bytes(2, "big")
        if self.stamps:
            self.stamp = int.from_bytes(options_of(result.data)[TIMESTAMP][:4], "big")
            echo = int.from_bytes(options_of(self.client("S", seq=0))[TIMESTAMP][:4], "big")
            options += b"\4\2" if b"\4\2" in self.options else NOP + NOP
            options += stamp(self.stamp, echo)
            options += NOP + b"\3\3" + bytes([SCALE]) if self.scaled else b""
        assert result.data == made(
            service, client, "SA", seq=self.cookie, ack=self.isn + 1, options=options
        )
        return self

    def syn_options(self, mss: int, value: int) -> bytes:
        """Those of the SYN to the RS."""
        found = b"\2\4" + mss.to_bytes(2, "big")
        if self.stamps:
            found += b"\4\2" if b"\4\2" in self.options else NOP + NOP
            found += stamp(value)
            if self.scaled:
                found += NOP + b"\3\3" + options_of(self.client("S", seq=0))[SCALE_OPTION]
        return found

    @property
    def true_window(self) -> int:
        """The client's window as a SYN states it."""
        scale = options_of(self.client("S", seq=0)).get(SCALE_OPTION, b"\0")[0]
        return min(self.window << scale, 65535) if self.scaled else self.window

    def acked(self, frame: bytes | None = None, mss: int = 1460) -> "Ends":
        """The client's ACK becomes the SYN to an RS."""
        frame = self.client("A") if frame is None else frame
        result = self.run(frame)
        assert result.what == "TX 0", result.what
        seen = result.data
        self.local, self.server = endpoints(seen)
        assert self.server[0] == self.way.rs and self.local[1] >= 1024
        self.syn_seen, self.rs_seq = seen, number(seen, 4)
        value = 0
        if self.stamps:
            value = int.from_bytes(options_of(seen)[TIMESTAMP][:4], "big")
            said = int.from_bytes(options_of(frame)[TIMESTAMP][:4], "big")
            self.rs_stamp = (value - said) % MODULO
        assert self.tcp_part(seen) == self.tcp_part(self.expected_syn(mss, value))
        assert right_checksums(seen)
        return self

    def expected_syn(self, mss: int, value: int, ttl: int = 64) -> bytes:
        """The SYN as the RS must see it."""
        options = self.syn_options(mss, value)
        return made(
            self.local,
            self.server,
            "S",
            seq=self.rs_seq,
            window=self.true_window,
            options=options,
            ttl=ttl,
        )

    @staticmethod
    def tcp_part(frame: bytes) -> bytes:
        """From the TCP header on."""
        return frame[l4_at(frame) :]

    def to_rs_seen(self, frame: bytes) -> bytes:
        """What the RS must see of a segment of the client."""
        scale = options_of(self.client("S", seq=0)).get(SCALE_OPTION, b"\0")[0]
        at = l4_at(frame)
        length = (frame[at + 12] >> 4) * 4
        window = number(frame, 14, 2)
        if self.scaled and SCALE_OPTION not in self.rs_granted:
            window = min(window << scale, 65535)
        changed = bytearray(frame)
        for place, kind, size in tcp_options(frame):
            if kind == TIMESTAMP:
                self._add(changed, place + 2, self.rs_stamp)
                if frame[at + 13] & 16:
                    self._add(changed, place + 6, -self.stamp_delta)
            elif kind == 5:
                for edge in range(place + 2, place + size, 4):
                    self._add(changed, edge, -self.delta)
        options = changed[at + 20 : at + length]
        header = bytearray(frame[at : at + 20])
        header[0:4] = self.local[1].to_bytes(2, "big") + self.server[1].to_bytes(2, "big")
        header[4:8] = ((number(frame, 4) - self.isn + self.rs_seq) % MODULO).to_bytes(4, "big")
        if frame[at + 13] & 16:
            header[8:12] = ((number(frame, 8) - self.delta) % MODULO).to_bytes(4, "big")
        header[14:16] = window.to_bytes(2, "big")
        return self._summed(self.local, self.server, bytes(header + options) + frame[at + length :])

    def to_client_seen(self, frame: bytes) -> bytes:
        """What the client must see of a segment of the RS."""
        client, service = self.ends
        at = l4_at(frame)
        length = (frame[at + 12] >> 4) * 4
        changed = bytearray(frame)
        for place, kind, size in tcp_options(frame):
            if kind == TIMESTAMP:
                self._add(changed, place + 2, self.stamp_delta)
                if frame[at + 13] & 16:
                    self._add(changed, place + 6, -self.rs_stamp)
            elif kind == 5:
                for edge in range(place + 2, place + size, 4):
                    self._add(changed, edge, self.isn - self.rs_seq)
        header = changed[at : at + 20]
        header[0:4] = service[1].to_bytes(2, "big") + client[1].to_bytes(2, "big")
        header[4:8] = ((number(frame, 4) + self.delta) % MODULO).to_bytes(4, "big")
        if frame[at + 13] & 16:
            header[8:12] = ((number(frame, 8) + self.isn - self.rs_seq) % MODULO).to_bytes(4, "big")
        window = number(frame, 14, 2)
        if self.scaled:
            scale = self.rs_granted.get(SCALE_OPTION, b"\0")[0]
            window = min(window << scale >> SCALE, 65535)
        header[14:16] = window.to_bytes(2, "big")
        rest = changed[at + 20 : at + length]
        return self._summed(service, client, bytes(header + rest) + frame[at + length :])

    @staticmethod
    def _summed(src: tuple[str, int], dst: tuple[str, int], segment: bytes) -> bytes:
        frame = made(src, dst, "A", seq=0)
        start = l4_at(frame)
        whole = bytearray(frame[:start] + segment)
        if ":" in src[0]:
            whole[18:20] = len(segment).to_bytes(2, "big")
        else:
            whole[16:18] = (20 + len(segment)).to_bytes(2, "big")
        return with_right_checksum(bytes(whole))[start:]

    @staticmethod
    def _add(frame: bytearray, place: int, value: int) -> None:
        was = int.from_bytes(frame[place : place + 4], "big")
        frame[place : place + 4] = ((was + value) % MODULO).to_bytes(4, "big")

    @property
    def rs_granted(self) -> dict[int, bytes]:
        """The options of the RS's SYN-ACK that count."""
        return options_of(self.rs("SA", seq=0, options=self.rs_options))

    @property
    def delta(self) -> int:
        """What is added to the RS's sequence numbers."""
        return self.cookie - self.rs_isn

    @property
    def stamp_delta(self) -> int:
        """And to its time stamps."""
        if not self.stamps:
            return 0
        return self.stamp - int.from_bytes(self.rs_granted[TIMESTAMP][:4], "big")

    def established(self, window: int = 8192) -> "Ends":
        """The RS answers; both ends are told."""
        frame = self.rs("SA", seq=0, options=self.rs_options, window=window)
        self.answered(frame, window)
        return self

    def answered(self, frame: bytes, window: int) -> None:
        """A SYN-ACK of the RS, the first one or not, becomes an ACK to either end."""
        client, service = self.ends
        result = self.run(frame)
        assert result.what == "TX 0"
        options = b""
        if self.stamps:
            echo = int.from_bytes(self.rs_granted[TIMESTAMP][4:], "big") - self.rs_stamp
            options = NOP + NOP + stamp(self.stamp, echo % MODULO)
        opened = made(
            service,
            client,
            "A",
            seq=self.cookie + 1,
            ack=self.isn + 1,
            window=window >> SCALE if self.scaled else window,
            options=options,
        )
        assert self.tcp_part(result.data) == self.tcp_part(opened)
        assert right_checksums(result.data)
        seen = self.to_rs_seen(self.client("A"))
        (ack,) = self.sent()
        assert endpoints(ack) == (self.local, self.server)
        assert self.tcp_part(ack) == seen and right_checksums(ack)

    def shaken(self) -> "Ends":
        """The whole of it."""
        return self.syn().acked().established()

    def forth(self, frame: bytes) -> None:
        """A segment of the client arrives."""
        result = self.run(frame)
        assert result.what == "TX 0"
        assert self.tcp_part(result.data) == self.to_rs_seen(frame)
        assert right_checksums(result.data)

    def back(self, frame: bytes) -> None:
        """One of the RS arrives."""
        result = self.run(frame)
        assert result.what == "TX 0"
        assert self.tcp_part(result.data) == self.to_client_seen(frame)
        assert right_checksums(result.data)
