# SPDX-License-Identifier: BSD-3-Clause
"""slbd with the configurations that we ship, in a namespace: taps in place of the NICs, all else as
it stands there but for CPUs, room and the host's BIRD."""

from asyncio.subprocess import Process
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.test_config_examples import FILES
from unit.test_native import live
from unit.threaded_client import Client

from slb.config.loader import load
from slb.tables.laddrs import configured

pytest.importorskip("slb._engine", reason="the engine is not built")
pytest_plugins = ["unit.netns_fixture"]

Ip = Callable[[str], str]
# Which this host may not have, or a namespace not.
PLACES = ("cpus", "idle", "numa")
# The other end of a memif is another program's.
WITH_NICS = [path for path in FILES if path.stem != "memif"]


@pytest.fixture(autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where EAL keeps what processes share."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path_factory.mktemp("run")))


def on_taps(path: Path, socket: Path) -> dict[str, Any]:
    """An example with taps for its NICs."""
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    engine = {k: v for k, v in content.get("engine", {}).items() if k not in PLACES}
    content["engine"] = engine | {"hugepages": False, "sessions": 4096, "mbufs": 16384}
    if "sessions6" in engine:
        content["engine"]["sessions6"] = 4096
    nics = (f"net_tap{n},iface=nic{n}" for n in range(9))
    for port in content["ports"]:
        if "members" in port:
            port["members"] = [next(nics) for _ in port["members"]]
        else:
            port["device"] = next(nics)
        port |= {"rx_descriptors": 256, "tx_descriptors": 256}
        port.setdefault("kernel_interface", {})["kind"] = "tap"
    if content.get("ospf", {}).get("mode") == "system":
        for key in ("control_socket", "include_file"):
            del content["ospf"][key]
        content["ospf"]["mode"] = "managed"
    content["api"] = {"socket": str(socket)}
    return content


@pytest.mark.parametrize("path", WITH_NICS, ids=lambda path: path.stem)
def test_an_example_starts(tmp_path: Path, ip: Ip, path: Path) -> None:
    """With the ports, addresses, routes, workers, services and OSPF that it describes."""
    content = on_taps(path, tmp_path / "slbd.sock")
    wanted = load(str(path), range(8))

    async def scenario(client: Client, _: Process) -> None:
        ports = await client.port_list()
        assert [(row.name, row.kernel_interface) for row in ports] == [
            (port.name, port.kernel_interface.name) for port in wanted.ports
        ]
        assert [len(row.members) for row in ports] == [len(port.members) for port in wanted.ports]
        kernel = ip("address")
        assert all(str(ip_interface(str(a))) in kernel for p in wanted.ports for a in p.addresses)
        routes = {row.prefix for row in await client.route_list()}
        assert {str(route.to) for port in wanted.ports for route in port.routes} <= routes
        local = {row.address for row in await client.laddr_list()}
        assert local == {str(address) for address in configured(wanted)}
        assert len(await client.worker_list()) == wanted.engine.workers
        assert {row.vs for row in await client.vs_list()} == {str(s.vs) for s in wanted.services}
        ospf = await client.ospf()
        assert ospf.running == (wanted.ospf.mode != "off") and ospf.error is None

    text = yaml.safe_dump(content, sort_keys=False).replace("{", "{{").replace("}", "}}")
    said = live(tmp_path, scenario, text)
    assert "Traceback" not in said
    assert not any(port.kernel_interface.name in ip("-o link") for port in wanted.ports)
