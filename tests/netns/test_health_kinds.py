# SPDX-License-Identifier: BSD-3-Clause
"""Each kind of health check without TLS, by either family, of a pod whose servers end.

client ==> switch ==> lb: slbd ==> pod1a, pod1b, pod2a, pod2b
                       ^  slb0 --- checks by the kernel's routes ---^
            slb-agent -+
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.addresses import DNS_PORT, ECHO_PORT, HTTP_PORT, PODS
from rig.agent import Agent
from rig.grpc_health import GrpcHealth
from rig.lb import LbSettings
from rig.rig import Rig
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

PINGS = Path(__file__).parents[2] / "configs/sysctl.d/50-slb-ping.conf"
FAST = {"interval_s": 0.4, "timeout_s": 0.4, "rise": 2, "fall": 2}
PATIENCE_S = 10
GRPC_PORT = 50051
POD = PODS[0]
PROGRAM = """#!/bin/bash
exec 3<> "/dev/tcp/$SLB_RS_ADDRESS/$SLB_RS_PORT"
"""
# By the VS's port: what the pods serve there, and how that is checked.
KINDS: dict[int, tuple[str, int, dict[str, Any]]] = {
    80: ("tcp", HTTP_PORT, {"type": "tcp"}),
    81: ("tcp", HTTP_PORT, {"type": "http"}),
    82: ("tcp", HTTP_PORT, {"type": "command", "program": "knock"}),
    83: ("tcp", HTTP_PORT, {"type": "icmp"}),
    84: ("tcp", GRPC_PORT, {"type": "grpc"}),
    53: ("udp", DNS_PORT, {"type": "dns", "name": "x.example.org"}),
    7: ("udp", ECHO_PORT, {"type": "udp", "send": "hi", "expect": "hi"}),
}
ALIVE_ANYWAY = 83  # pings are answered by the pod's kernel


@pytest.fixture(scope="module")
def own_rig() -> Iterator[Rig]:
    """A rig of two workers whose slbd knows no service of its own."""
    with Rig(LbSettings(workers=2, ospf=False)) as rig:
        rig.lb.namespace.run("sysctl", "-qp", str(PINGS))
        yield rig


@pytest.fixture(scope="module")
def agent(own_rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """Its agent, which may run a program."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "knock").write_text(PROGRAM)
    (programs / "knock").chmod(0o755)
    return Agent(own_rig, programs=programs)


@contextmanager
def grpc_at(rig: Rig, way: Way) -> Iterator[socket.socket]:
    """A gRPC server with the health service at the pod's address."""
    family = socket.AF_INET6 if way.pods.version == 6 else socket.AF_INET
    at = (POD.at(way.pods), GRPC_PORT)
    server = rig.node(POD.node).call(lambda: socket.create_server(at, family=family))

    def serve() -> None:
        # Closed: the pod's servers have ended.
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    health = GrpcHealth()
                    connection.sendall(health.begin())
                    while text := connection.recv(4096):
                        connection.sendall(health.answer(text))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        shut(server)
        thread.join(5)


def shut(server: socket.socket) -> None:
    """Close it, though somebody waits for connections."""
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()


def states(agent: Agent) -> set[str]:
    """The states of all RS."""
    return {row.state for row in agent.client.health()}


def down(agent: Agent) -> set[str]:
    """The VS in which an RS is down."""
    return {row.vs for row in agent.client.health() if row.state == "down"}


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.name)
def test_every_kind(own_rig: Rig, agent: Agent, tmp_path: Path, way: Way) -> None:
    services = [
        way.serve(port, protocol, served) | {"health": {**how, **FAST, "max_ejected_percent": 100}}
        for port, (protocol, served, how) in KINDS.items()
    ]
    (grpc,) = (one for one in services if one["health"]["type"] == "grpc")
    grpc["rs"] = [{"rs": way.rs(POD, GRPC_PORT)}]
    file = tmp_path / "services.yaml"
    file.write_text(yaml.safe_dump({"services": services}))
    with grpc_at(own_rig, way) as server:
        own_rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))
        wait(lambda: states(agent) == {"up"}, PATIENCE_S, "all up")
        own_rig.pods[POD.name].send(signal.SIGKILL)
        own_rig.pods[POD.name].wait(5)
        shut(server)
    wanted = {
        way.vs(port, protocol) for port, (protocol, _, _) in KINDS.items() if port != ALIVE_ANYWAY
    }
    wait(lambda: down(agent) == wanted, PATIENCE_S, "what every kind finds")
    own_rig.restart_pod(POD)
    with grpc_at(own_rig, way):
        wait(lambda: states(agent) == {"up"}, PATIENCE_S, "all up again")
