# SPDX-License-Identifier: BSD-3-Clause
"""The drop-ins of our units under systemd: what they allow works with them."""

import json
from pathlib import Path

import pytest
import yaml
from unit.debian_host import DebianHost
from unit.test_package import PATIENCE_S, desired, host, install, journal, package, units

from rig.certificates import Authority
from rig.waiting import wait

__all__ = ["host", "package"]

CONFIGS = Path(__file__).parents[2] / "configs"
NAME = "ops.example.net"
WHERE = "127.0.0.1:8443"

pytestmark = pytest.mark.parametrize("host", ["systemd"], indirect=True)


def drop_in(host: DebianHost, name: str, unit: str) -> None:
    """Put one where its first lines say."""
    text = (CONFIGS / "systemd" / name).read_text()
    place = f"etc/systemd/system/{unit}.d/{name}"
    assert f"/{place}" in text
    host.file(place).parent.mkdir(exist_ok=True)
    host.file(place).write_text(text)
    host.run("systemctl", "daemon-reload")


def ospf(host: DebianHost) -> dict[str, object]:
    """What slbd says of OSPF."""
    found: dict[str, object] = json.loads(host.run("slbctl", "ospf", "status", "--json"))
    return found


def test_the_hosts_bird(host: DebianHost, package: Path) -> None:
    """Of a user and in a folder of its own, neither of which slbd may touch without this."""
    install(host, package)
    if not host.file("lib/systemd/system/bird.service").exists():
        pytest.skip("this host has no BIRD as a service")
    config = yaml.safe_load((CONFIGS / "slb.yaml").read_text())
    config["ospf"] = {"mode": "system", "router_id": "192.0.2.2"}
    host.file("etc/slb/slb.yaml").write_text(yaml.safe_dump(config))
    host.file("etc/bird/slb.conf").touch()
    host.file("etc/bird/bird.conf").write_text(
        'router id 192.0.2.9;\nprotocol device {}\ninclude "slb.conf";\n'
    )
    host.run("systemctl", "start", "bird")
    host.run("systemctl", "start", "slbd", status=1)
    assert "/etc/bird/slb.conf" in str(journal(host, "slbd", "PRIORITY=3"))
    host.run("systemctl", "stop", "slbd")

    drop_in(host, "system-bird.conf", "slbd.service")
    host.run("systemctl", "start", "slbd")
    wait(lambda: ospf(host)["announced"], PATIENCE_S, "what it announces")
    assert ospf(host)["announced"] == ["10.96.0.0/16", "198.18.0.1/32"]
    assert ospf(host)["error"] is None
    host.run("systemctl", "stop", "slbd")
    assert "slb" not in host.run("birdc", "show", "protocols")


def test_the_agents_socket_for_a_group(host: DebianHost, package: Path) -> None:
    """Which its members may use, and nobody else; what is missing without the drop-in is said."""
    install(host, package)
    host.run("groupadd", "--system", "slb")
    host.run("systemctl", "start", "slbd")
    start = "ExecStart=\nExecStart=/opt/slb/bin/slb-agent --group slb\n"
    alone = host.file("etc/systemd/system/slb-agent.service.d/alone.conf")
    alone.parent.mkdir()
    alone.write_text(f"[Service]\n{start}")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "slb-agent", status=1)
    told = "cannot be given to group slb: Operation not permitted; see agent-group.conf"
    assert told in str(journal(host, "slb-agent", "PRIORITY=3"))
    alone.unlink()
    drop_in(host, "agent-group.conf", "slb-agent.service")
    host.run("systemctl", "restart", "slb-agent")
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    for group, status in (("slb", 0), ("nogroup", 3)):
        words = ("setpriv", "--reuid=nobody", f"--regid={group}", "--clear-groups")
        told = host.try_run(*words, "slbctl", "--socket", "/run/slb-agent/agent.sock", "vs", "list")
        assert told[0] == status, (group, told)


def test_the_agent_over_tcp(host: DebianHost, package: Path, tmp_path: Path) -> None:
    install(host, package)
    authority = Authority(tmp_path / "tls")
    server = authority.issue("server", "IP:127.0.0.1")
    client = authority.issue("client", f"DNS:{NAME}")
    names = {"ca": authority.certificate, "key": server.key, "certificate": server.certificate}
    names |= {"client-key": client.key, "client": client.certificate}
    for name, path in names.items():
        to = host.file(f"etc/slb/{name}.pem")
        to.write_bytes(path.read_bytes())
        to.chmod(0o600)
    config = {
        "listen": [WHERE],
        "tls": {name: f"/etc/slb/{name}.pem" for name in ("certificate", "key")},
        "clients": [{"identity": f"DNS:{NAME}", "role": "write", "owners": ["operator"]}],
    }
    config["tls"]["client_ca"] = "/etc/slb/ca.pem"  # type: ignore[call-overload, index]
    host.file("etc/slb/agent.yaml").write_text(yaml.safe_dump(config))
    host.run("systemctl", "start", "slbd")
    bound = ("systemctl", "show", "-P", "SocketBindDeny", "slb-agent")
    assert host.run(*bound).strip() == "any"
    drop_in(host, "agent-tcp.conf", "slb-agent.service")
    assert host.run(*bound).strip() == ""
    host.run("systemctl", "start", "slb-agent")
    assert units(host) == ["active", "active"]
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    words = ("--url", f"https://{WHERE}", "--ca", "/etc/slb/ca.pem")
    words += ("--cert", "/etc/slb/client.pem", "--key", "/etc/slb/client-key.pem")
    host.run("slbctl", *words, "vs", "add", "10.96.0.30:80/tcp")
    assert "10.96.0.30:80/tcp" in host.run("slbctl", "vs", "list")


PROGRAM = """#!/bin/sh
# As far as such programs go: another program, a file of the host's, and what the agent says.
[ "$(cat /etc/hostname)" ] && [ "$SLB_RS_PORT" = 80 ]
"""


def test_programs_and_pings_in_the_sandbox(host: DebianHost, package: Path) -> None:
    """The agent has no capability, and its programs have no more."""
    install(host, package)
    programs = host.file("etc/slb/checks")
    programs.mkdir()
    (programs / "knock").write_text(PROGRAM)
    (programs / "knock").chmod(0o755)
    start = "ExecStart=\nExecStart=/opt/slb/bin/slb-agent --check-programs /etc/slb/checks\n"
    alone = host.file("etc/systemd/system/slb-agent.service.d/programs.conf")
    alone.parent.mkdir(exist_ok=True)
    alone.write_text(f"[Service]\n{start}")
    host.run("systemctl", "daemon-reload")
    host.run("ip", "link", "set", "lo", "up")
    host.run("ip", "address", "add", "10.10.0.8/32", "dev", "lo")
    host.run("systemctl", "start", "slbd", "slb-agent")
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    fast = "interval_s=0.5,timeout_s=0.4,rise=1,fall=1"
    for vs, kind, real in (
        ("10.96.0.20:80/tcp", "command,program=knock", ("10.10.0.8:80", "10.10.0.8:81")),
        ("10.96.0.21:80/tcp", "icmp", ("10.10.0.8:80", "10.10.0.9:80")),
    ):
        rs = [word for one in real for word in ("--rs", one)]
        host.run("slbctl", "vs", "add", vs, *rs, "--health", f"{kind},{fast}")

    def states() -> list[str]:
        rows = json.loads(host.run("slbctl", "health", "--json"))["items"]
        return [row["state"] for row in rows if row["vs"].startswith("10.96.0.2")]

    wait(lambda: states() == ["up", "down"] * 2, PATIENCE_S, "what both kinds of checks find")
    assert "knock ended with status 1" in host.run("slbctl", "health", "10.96.0.20:80/tcp")
