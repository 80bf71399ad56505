# SPDX-License-Identifier: BSD-3-Clause
"""The four ways from a client of one family to pods of the same or the other."""

from dataclasses import dataclass
from typing import Any

from rig.addresses import (
    DNS_PORT,
    ECHO_PORT,
    HTTP_PORT,
    PODS,
    V4,
    V6,
    Family,
    Pod,
    endpoint,
)
from rig.load import Target
from rig.services import service


@dataclass(frozen=True)
class Way:
    """The family of the VIP, hence of its clients, and that of the RS."""

    vip: Family
    pods: Family

    @property
    def name(self) -> str:
        """Both families, `64` for IPv6 clients of IPv4 pods."""
        return f"{self.vip.version}{self.pods.version}"

    @property
    def http(self) -> Target:
        """Where clients find HTTP."""
        return self.vip.vip, 80

    @property
    def dns(self) -> Target:
        """Where clients find DNS."""
        return self.vip.vip, 53

    @property
    def echo(self) -> Target:
        """Where clients find the UDP echo."""
        return self.vip.vip, 7

    @property
    def url(self) -> str:
        """The HTTP service's URL, without a path."""
        return f"http://{endpoint(self.vip.vip, 80)}"

    def rs(self, pod: Pod, port: int = HTTP_PORT) -> str:
        """A pod's service as an RS."""
        return endpoint(pod.at(self.pods), port)

    def vs(self, port: int, protocol: str) -> str:
        """A VS at the VIP."""
        return f"{endpoint(self.vip.vip, port)}/{protocol}"

    def serve(self, port: int, protocol: str, served: int, scheduler: str = "rr") -> dict[str, Any]:
        """One service on every pod's port `served`."""
        return service(
            self.vs(port, protocol), {self.rs(pod, served): 1 for pod in PODS}, scheduler
        )

    def services(self) -> list[dict[str, Any]]:
        """HTTP, DNS and echo on every pod, in turn."""
        return [
            self.serve(80, "tcp", HTTP_PORT),
            self.serve(53, "udp", DNS_PORT),
            self.serve(7, "udp", ECHO_PORT),
        ]


WAYS = (Way(V4, V4), Way(V6, V6), Way(V6, V4), Way(V4, V6))
