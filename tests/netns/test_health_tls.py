# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the pods by HTTPS and gRPC over TLS, their certificates verified, and DNS over TCP.

client ==> switch ==> lb: slbd ==> pod1a, pod1b, pod2a, pod2b
                       ^  slb0 --- checks by the kernel's routes ---^
            slb-agent -+
"""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig import secure_server
from rig.addresses import DNS_PORT, GRPC_PORT, HTTPS_PORT, PODS, VIP, Pod
from rig.agent import Agent
from rig.certificates import Authority, Pair
from rig.lb import LbSettings
from rig.process import Process
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait

pytestmark = pytest.mark.netns

FAST = {"interval_s": 0.3, "timeout_s": 0.3, "rise": 2, "fall": 2}
NAME = "rs.example.org"
SECURE = {"host": NAME, "verify": True, "reuse_s": 5}
PATIENCE_S = 15
POD = PODS[0]
KINDS: dict[int, tuple[int, dict[str, Any]]] = {
    443: (HTTPS_PORT, {"type": "https", "body": "pod", **SECURE}),
    50051: (GRPC_PORT, {"type": "grpcs", **SECURE}),
    53: (DNS_PORT, {"type": "dns", "protocol": "tcp", "name": "x.example.org"}),
}


def test_servers_that_end_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose certificate is nobody's: that one's name is not what was asked for."""
    authority = Authority(tmp_path / "ca")
    pair, wrong = (authority.issue(n, f"DNS:{n}.example.org") for n in ("rs", "other"))
    # The agent's host trusts it.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with Rig(LbSettings(workers=2, ospf=False)) as rig:
        servers = {pod.name: secure(rig, pod, pair) for pod in PODS}
        agent = Agent(rig)
        apply(rig, agent, tmp_path)
        wait(lambda: states(agent) == {"up": 12}, PATIENCE_S, "all up")
        servers[POD.name].send(signal.SIGKILL)
        servers[POD.name].wait(5)
        wait(lambda: states(agent) == {"up": 9, "down": 3}, PATIENCE_S, "the pod down, by all")
        assert {(row.rs.partition(":")[0], row.reason) for row in down(agent)} == {
            (POD.address, "connection refused")
        }
        wait(lambda: weights(rig, POD) == [0, 0, 0], PATIENCE_S, "no weight for it")
        bad = secure(rig, POD, wrong)
        wait(lambda: states(agent) == {"up": 10, "down": 2}, PATIENCE_S, "DNS up")
        wait(
            lambda: all("CERTIFICATE_VERIFY_FAILED" in row.reason for row in down(agent)),
            PATIENCE_S,
            "the wrong name noticed",
        )
        bad.send(signal.SIGKILL)
        bad.wait(5)
        secure(rig, POD, pair)
        wait(lambda: states(agent) == {"up": 12}, PATIENCE_S, "all up again")
        wait(lambda: weights(rig, POD) == [1, 1, 1], PATIENCE_S, "its weights again")


def secure(rig: Rig, pod: Pod, pair: Pair) -> Process:
    """Start the pod's further servers."""
    words = [sys.executable, str(secure_server.__file__), pod.name, pod.address]
    words += [str(pair.certificate), str(pair.key)]
    process = Process(rig.registry, rig.node(pod.node), f"{pod.name}-secure", words)
    rig.adopt(process)
    return process


def apply(rig: Rig, agent: Agent, folder: Path) -> None:
    """Have a VS for each kind of server."""
    services = [
        service(f"{VIP}:{port}/tcp", {f"{pod.address}:{at}": 1 for pod in PODS})
        | {"health": {**check, **FAST}}
        for port, (at, check) in KINDS.items()
    ]
    file = folder / "services.yaml"
    file.write_text(yaml.safe_dump({"services": services}))
    rig.lb.ctl("--socket", str(agent.socket), "apply", str(file))


def states(agent: Agent) -> dict[str, int]:
    """How many RS are in each state."""
    found = [row.state for row in agent.client.health()]
    return {state: found.count(state) for state in found}


def down(agent: Agent) -> list[Any]:
    """What is said of those that are down."""
    return [row for row in agent.client.health() if row.state == "down"]


def weights(rig: Rig, pod: Pod) -> list[int]:
    """The weights that slbd has of a pod's servers."""
    rows = rig.lb.items("/v1/rs")
    return [row["weight"] for row in rows if row["rs"].startswith(f"{pod.address}:")]
