# SPDX-License-Identifier: BSD-3-Clause
"""How a VS treats its clients: scheduler, one-packet mode, timeouts, and what its RS are told."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from msgspec.structs import asdict

Scheduler = Literal["rr", "wrr", "sh"]
SCHEDULERS: tuple[str, ...] = get_args(Scheduler)
ClientAddress = Literal["none", "toa", "proxy-v2"]
CLIENT_ADDRESSES: tuple[str, ...] = get_args(ClientAddress)
TimeoutName = Literal[
    "tcp_syn_sent",
    "tcp_syn_recv",
    "tcp_established",
    "tcp_fin_wait",
    "tcp_close_wait",
    "tcp_last_ack",
    "tcp_time_wait",
    "tcp_close",
    "udp_oneway",
    "udp_replied",
]
TIMEOUTS: tuple[TimeoutName, ...] = get_args(TimeoutName)
MAX_TIMEOUT_S = 86400
Seconds = Annotated[int, Meta(ge=1, le=MAX_TIMEOUT_S)]


class VsTimeouts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Seconds that a session of one VS lives without a packet, by state; None: as for all VS."""

    tcp_syn_sent: Seconds | None = None
    tcp_syn_recv: Seconds | None = None
    tcp_established: Seconds | None = None
    tcp_fin_wait: Seconds | None = None
    tcp_close_wait: Seconds | None = None
    tcp_last_ack: Seconds | None = None
    tcp_time_wait: Seconds | None = None
    tcp_close: Seconds | None = None
    udp_oneway: Seconds | None = None
    udp_replied: Seconds | None = None

    def given(self) -> dict[str, int]:
        """Return those that are set."""
        return {name: seconds for name, seconds in asdict(self).items() if seconds is not None}


class Policy(Struct, frozen=True):
    """Everything of a VS that is neither its key nor its RS."""

    scheduler: Scheduler = "rr"
    one_packet: bool = False
    timeouts: VsTimeouts = VsTimeouts()
    client_address: ClientAddress = "none"
    syn_proxy: bool = False

    def words(self) -> dict[str, str]:
        """Return each attribute as text."""
        return {
            "scheduler": self.scheduler,
            "one_packet": "true" if self.one_packet else "false",
            "client_address": self.client_address,
            "syn_proxy": "true" if self.syn_proxy else "false",
            **dict.fromkeys(TIMEOUTS, "default"),
            **{name: str(seconds) for name, seconds in self.timeouts.given().items()},
        }
