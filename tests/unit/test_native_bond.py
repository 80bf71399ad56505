# SPDX-License-Identifier: BSD-3-Clause
"""slbd with the real engine over bonds, in a namespace: what the port is like, what is refused."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.test_native import FILE, live, slbd
from unit.threaded_client import Client

pytest.importorskip("slb._engine", reason="the engine is not built")
pytest_plugins = ["unit.netns_fixture"]

Ip = Callable[[str], str]
NULLS = '["net_null0,no-rx=1", "net_null1,no-rx=1"]'
TAPS = '["net_tap0,iface=m0", "net_tap1,iface=m1"]'
MAC = "02:00:00:00:00:77"


@pytest.fixture(autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where EAL keeps what processes share."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path_factory.mktemp("run")))


def bonded(members: str, bond: str, workers: int = 2, more: str = "vlan: 0") -> str:
    """FILE with a bond for its port, in braces doubled for str.format."""
    few = "rx_descriptors: 256\n    tx_descriptors: 256"
    port = f"members: {members}\n    bond: {{{{{bond}}}}}\n    {more}\n    {few}"
    content = FILE.replace('device: "net_tap0,iface=lan0"', port)
    return content.replace("workers: 2", f"workers: {workers}")


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "lacp"])
def test_rss_of_both_members(tmp_path: Path, ip: Ip, mode: str) -> None:
    """Started with a queue for the KNI core, and anew without: neither takes rules."""

    async def scenario(client: Client, _: Process) -> None:
        (port,) = await client.port_list()
        assert (port.driver, port.mac) == ("net_bonding", MAC)
        assert [member.device for member in port.members] == ["net_null0", "net_null1"]
        assert (port.rx_queues, port.tx_queues) == (2, 2)
        (row,) = await client.steering()
        assert (row.method, row.spread) == ("rss-port", "queues")
        assert "the device takes no rule by destination: " in row.reason
        assert "local ports by 128 entries of RSS" in row.reason

    live(tmp_path, scenario, bonded(NULLS, f"mode: {mode}", more=f'mac: "{MAC}"'))


def test_members_of_different_drivers(tmp_path: Path, ip: Ip) -> None:
    async def scenario(client: Client, _: Process) -> None:
        (row,) = await client.steering()
        assert (row.method, row.spread) == ("soft", "hash")
        assert "rule by destination: the bond's members have different drivers" in row.reason
        assert "the device has no RSS with a redirection table" in row.reason

    mixed = '["net_null0,no-rx=1", "net_tap1,iface=m1"]'
    live(tmp_path, scenario, bonded(mixed, "mode: balance-xor"))


def test_the_primary_carries_packets_with_the_first_ones_mac(tmp_path: Path, ip: Ip) -> None:
    async def scenario(client: Client, _: Process) -> None:
        (port,) = await client.port_list()
        assert [member.state for member in port.members] == ["standby", "active"]
        assert port.mac in ip("link show m1") and port.mac in ip("link show slb0")

    live(tmp_path, scenario, bonded(TAPS, "mode: active-backup, primary: net_tap1", workers=1))
    assert not any(name in ip("link") for name in ("m0", "m1", "slb0"))


@pytest.mark.parametrize(
    ("members", "bond", "said"),
    [
        (
            '["net_tap0,iface=m0", net_nosuch0]',
            "mode: lacp",
            "ports[0].members[1] net_nosuch0: ",
        ),
        (
            '["net_tap0,iface=m0", "0000:ff:1f.7"]',
            "mode: lacp",
            "ports[0].members[1] 0000:ff:1f.7: no such PCI device",
        ),
        (
            TAPS,
            "mode: lacp, dedicated_queues: true",
            "port lan0: a member's device has no queue and rule for LACP's frames alone; "
            "set bond.dedicated_queues: false: ",
        ),
    ],
)
def test_a_start_that_fails_is_one_line(
    tmp_path: Path, ip: Ip, members: str, bond: str, said: str
) -> None:
    async def run() -> str:
        file = tmp_path / "slb.yaml"
        file.write_text(bonded(members, bond).format(folder=tmp_path))
        process = await slbd(file)
        async with asyncio.timeout(20):
            text = (await process.communicate())[1].decode()
        assert process.returncode == 1
        return text

    text = asyncio.run(run())
    assert text.startswith(f"slbd: {said}"), text
    assert text.count("\n") == 1, text
    assert not any(name in ip("link") for name in ("m0", "m1", "slb0"))
