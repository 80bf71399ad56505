# SPDX-License-Identifier: BSD-3-Clause
"""The announcer's decisions, with a stand-in for BIRD that can refuse and die."""

import asyncio
from collections.abc import Coroutine, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import pytest
from unit.bird_setup import networks, recorded, setup

from ospf import announce
from ospf.announce import Announcer
from ospf.bird_reply import Reply, parse
from ospf.birdc import Birdc
from ospf.config_file import ConfigFile
from ospf.model import FAMILIES, IPV4, IPV6, Family, Network, Phase, Setup
from slb.errors import OspfError
from slb.model.config import Ospf

SUBNET, VIP = networks("10.96.0.0/16", "10.97.0.1/32")
SUBNET6, VIP6 = networks("2001:db8:96::/48", "2001:db8:97::1/128")


class FakeBirdc(Birdc):
    """BIRD as far as the announcer sees it: it takes the file at `configure`."""

    def __init__(self, file: ConfigFile) -> None:
        super().__init__(file.path.with_name("bird.ctl"))
        self._file = file
        self.protocols: list[str] = []
        self.routes: list[str] = []
        # Networks that are in the file itself, as those of route_type stub are.
        self.stubs: list[str] = []
        self.refuses = ""
        self.asked: list[str] = []
        self.lsas_stay = False
        self.neighbours = {IPV4: recorded("neighbors-full"), IPV6: recorded("neighbors6-full")}

    async def read(self, command: str) -> Reply:
        return self._answer(command)

    async def run(self, command: str) -> Reply:
        self.asked.append(command)
        return self._answer(command)

    def _answer(self, command: str) -> Reply:
        if self.refuses and command.startswith(self.refuses):
            raise OspfError(f"BIRD refuses: {command}")
        if command == "configure":
            self.load(self._file.path.read_text())
        if command == 'disable "slb_announce*"':
            self.routes = []
        if command == 'disable "slb_ospf*"':
            self.stubs = []
        elif "slb_ospf" in command and command.split()[-1] not in self.protocols:
            raise OspfError(f"BIRD refuses: {command}")
        return parse(self._text(command))

    def load(self, text: str) -> None:
        """Take a file: protocols, a bar, prefixes."""
        protocols, _, routes = text.partition("|")
        self.protocols, self.routes = protocols.split(), routes.split()
        self.stubs = self.routes

    def _text(self, command: str) -> bytes:
        words = command.split()
        for family, digit in (IPV4, ""), (IPV6, "6"):
            if words[:4] == ["show", "route", "table", family.table]:
                return self._table(family)
            if command == f"show ospf lsadb self {family.ospf}":
                left = self.lsas_stay or self._routes(family)
                return recorded(f"lsadb{digit}" if left else f"lsadb{digit}-none")
            if command == f"show ospf neighbors {family.ospf}":
                return self.neighbours[family]
            if command == f"show ospf state {family.ospf}":
                rows = [f"     stubnet {stub} metric 5" for stub in self.stubs]
                return "\n".join(["0001 BIRD", "1016-", "     router 192.0.2.2", *rows]).encode()
        return recorded("configure")

    def _routes(self, family: Family) -> list[str]:
        return [r for r in self.routes if ip_network(r).version == family.version]

    def _table(self, family: Family) -> bytes:
        mark = f"blackhole [{family.announce} 01:00] * (200)"
        rows = [f"     {route} {mark}" for route in self._routes(family)]
        count = f"     {len(rows)} of 9 routes for 9 networks in table {family.table}"
        lines = ["0001 BIRD 2.0.12 ready.", f"1007-Table {family.table}:", *rows, count]
        return "\n".join(lines).encode()


class FakeBird:
    """A BIRD that dies and comes back when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.file = ConfigFile(directory / "bird.conf")
        self.fake = FakeBirdc(self.file)
        self.birdc: Birdc = self.fake
        self.running = True
        self.phases: list[Phase] = []
        self.paused = asyncio.Event()
        self.go_on = asyncio.Event()
        self.stopped = False

    def text(
        self,
        families: Iterable[Family],
        prefixes: Iterable[Network],
        phase: Phase = Phase.USUAL,
    ) -> str:
        self.phases.append(phase)
        return text(families, prefixes)

    def use(self, setup: Setup) -> None:
        self.used = setup

    async def start(self, families: Iterable[Family]) -> None:
        self.file.write(text(families, ()))
        self.fake.load(self.file.path.read_text())

    async def pause(self, seconds: float) -> None:
        self.paused.set()
        await self.go_on.wait()
        self.go_on.clear()

    async def revive(self, text: str, restarting: bool = False) -> None:
        self.file.write(text)
        self.fake.load(text)
        self.running = True

    async def stop(self) -> None:
        self.stopped = True


class Bench:
    """An announcer over a FakeBird."""

    def __init__(self, directory: Path, families: tuple[Family, ...] = (IPV4,)) -> None:
        self.bird = FakeBird(directory)
        self.fake = self.bird.fake
        self.announcer = Announcer(setup(directory, families=families), self.bird)

    async def let_it_watch(self) -> None:
        """Let the watcher go round once."""
        await asyncio.wait_for(self.bird.paused.wait(), 5)
        self.bird.paused.clear()
        self.bird.go_on.set()
        await asyncio.wait_for(self.bird.paused.wait(), 5)


def text(families: Iterable[Family], prefixes: Iterable[Network]) -> str:
    """What FakeBird takes for a configuration: protocols, a bar, prefixes."""
    protocols = " ".join(family.ospf for family in families)
    return f"{protocols}|{' '.join(str(prefix) for prefix in prefixes)}"


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_unchanged_prefixes_do_not_bother_bird(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET, VIP])
        asked = list(bench.fake.asked)
        await bench.announcer.set_prefixes([VIP, SUBNET, SUBNET])
        assert bench.fake.asked == asked == ["configure check", "configure"]
        await bench.announcer.stop()

    run(body())


def test_many_ipv6_stub_networks_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once: 65 of /128 fit into a packet. Those of IPv4 come in fragments."""

    async def body() -> None:
        stub = setup(tmp_path, Ospf(mode="managed", route_type="stub"), families=FAMILIES)
        announcer = Announcer(stub, FakeBird(tmp_path))
        await announcer.start()
        four = list(IPv4Network("10.96.0.0/24").subnets(new_prefix=32))
        six = list(IPv6Network("2001:db8:97::/121").subnets(new_prefix=128))
        await announcer.set_prefixes([*four, *six[:65]])
        assert "no packet" not in caplog.text
        for count in (66, 67):
            await announcer.set_prefixes([*four, *six[:count]])
        assert caplog.text.count("no packet") == 1
        await announcer.stop()

    run(body())


def test_an_interface_that_is_not_there_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        announcer = Announcer(setup(tmp_path, interfaces=["lo", "slb9"]), FakeBird(tmp_path))
        await announcer.start()
        assert "ospf.interfaces: there is no slb9 yet" in caplog.text
        assert "there is no lo " not in caplog.text
        await announcer.stop()

    run(body())


def test_other_settings_are_loaded_once(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.asked.clear()
        await bench.announcer.use(setup(tmp_path))
        assert bench.fake.asked == []
        other = setup(tmp_path, Ospf(mode="managed", cost=77))
        for _ in range(2):
            await bench.announcer.use(other)
        assert bench.fake.asked == ["configure check", "configure"]
        assert bench.bird.used is other and bench.fake.routes == [str(SUBNET)]
        await bench.announcer.stop()

    run(body())


def test_what_was_refused_is_tried_again(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        bench.fake.refuses = "configure"
        with pytest.raises(OspfError, match="BIRD refuses: configure check"):
            await bench.announcer.set_prefixes([SUBNET])
        await bench.let_it_watch()
        status = await bench.announcer.status()
        assert status.announced == () and status.error == "BIRD refuses: configure check"
        bench.fake.refuses = ""
        await bench.let_it_watch()
        status = await bench.announcer.status()
        assert status.announced == (SUBNET,) and status.error is None
        await bench.announcer.stop()

    run(body())


def test_what_goes_wrong_is_logged_once_and_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.neighbours[IPV4] = b"0001 BIRD\n1013-slb_ospf:\n     Router ID\n     garbage\n"
        for _ in range(3):
            await bench.let_it_watch()
        assert caplog.text.count("OSPF: birdc: cannot read the line 'garbage'") == 1
        view = (await bench.announcer.status()).view()
        assert view.adjacency == {"OSPFv2": "unknown"}
        assert view.error == "birdc: cannot read the line 'garbage'"
        bench.fake.neighbours[IPV4] = recorded("neighbors-full")
        await bench.let_it_watch()
        view = (await bench.announcer.status()).view()
        assert (view.adjacency, view.error) == ({"OSPFv2": "full"}, None)
        await bench.announcer.stop()

    run(body())


def test_death_is_healed_with_what_is_wanted_now(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.bird.running = False
        await bench.announcer.set_prefixes([VIP])
        assert bench.bird.file.path.read_text() == text([IPV4], [VIP])
        await bench.let_it_watch()
        assert bench.bird.running and bench.fake.routes == [str(VIP)]
        bench.bird.running = False
        await bench.announcer.withdraw("test")
        await bench.let_it_watch()
        assert bench.bird.running and bench.fake.routes == []
        await bench.announcer.stop()

    run(body())


def test_withdraw_disables_though_configure_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.refuses = "configure"
        await bench.announcer.withdraw("test")
        assert bench.fake.routes == []
        assert bench.bird.file.path.read_text() == text([IPV4], [])
        await bench.announcer.stop()

    run(body())


def test_failed_withdrawal_is_tried_again(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.refuses = "disable"
        with pytest.raises(OspfError, match="disable"):
            await bench.announcer.withdraw("test")
        assert bench.fake.routes == [str(SUBNET)]
        await bench.let_it_watch()
        assert bench.fake.routes == []
        await bench.announcer.stop()

    run(body())


def test_withdrawal_waits_for_the_lsas_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "WITHDRAW_S", 0.3)
    monkeypatch.setattr(announce, "WITHDRAW_LSA_S", 0.1)

    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.lsas_stay = True
        with pytest.raises(OspfError, match=r"after 0.5 s: 0 routes and 2 LSAs are still there"):
            await bench.announcer.withdraw("test")
        status = await bench.announcer.status()
        assert (status.announced, status.withheld) == ((), "test")
        await bench.announcer.stop()
        assert bench.bird.stopped

    run(body())


def test_changes_at_the_same_time_end_with_the_last(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        wanted = networks(*(f"10.96.0.{n}/32" for n in range(20)))
        await asyncio.gather(*(bench.announcer.set_prefixes(wanted[:n]) for n in range(21)))
        assert bench.fake.routes == [str(prefix) for prefix in wanted]
        await bench.announcer.stop()

    run(body())


def test_strange_reply_is_unknown_and_one_line(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        assert (await bench.announcer.status()).adjacency == {4: "full"}
        bench.fake.neighbours[IPV4] = b"0001 BIRD\n1013-slb_ospf:\n     Router ID\n     garbage\n"
        status = await bench.announcer.status()
        assert (status.adjacency, status.neighbours, status.running) == ({4: "unknown"}, (), False)
        assert status.error == "birdc: cannot read the line 'garbage'"
        bench.fake.neighbours[IPV4] = recorded("neighbors-none")
        assert (await bench.announcer.status()).adjacency == {4: "down"}
        await bench.announcer.stop()

    run(body())


def test_both_families_are_announced_asked_for_and_withdrawn(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path, FAMILIES)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([VIP6, SUBNET, SUBNET6])
        status = await bench.announcer.status()
        assert status.announced == (SUBNET, SUBNET6, VIP6)
        assert [n.address for n in status.neighbours] == ["192.0.2.1", "fe80::1"]
        await bench.announcer.withdraw("test")
        assert bench.fake.routes == [] and (await bench.announcer.status()).announced == ()
        await bench.announcer.stop()

    run(body())


def test_withdrawal_waits_for_the_lsas_of_either_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce, "WITHDRAW_S", 0.3)

    async def body() -> None:
        bench = Bench(tmp_path, FAMILIES)
        await bench.announcer.start()
        bench.fake.lsas_stay = True
        with pytest.raises(OspfError, match="0 routes and 4 LSAs are still there"):
            await bench.announcer.withdraw("test")
        await bench.announcer.stop()

    run(body())


def test_adjacencies_are_told_apart(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path, FAMILIES)
        await bench.announcer.start()
        bench.fake.neighbours[IPV6] = recorded("neighbors6-init")
        assert (await bench.announcer.status()).adjacency == {4: "full", 6: "forming"}
        bench.fake.neighbours[IPV6] = recorded("neighbors6-full")
        assert (await bench.announcer.status()).adjacency == {4: "full", 6: "full"}
        bench.fake.neighbours[IPV4] = recorded("neighbors-none")
        assert (await bench.announcer.status()).adjacency == {4: "lost", 6: "full"}
        await bench.announcer.stop()

    run(body())


def test_first_prefix_of_another_family_has_it_spoken_from_then_on(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        assert bench.fake.protocols == ["slb_ospf"]
        await bench.announcer.set_prefixes([SUBNET6, SUBNET])
        assert bench.fake.protocols == ["slb_ospf", "slb_ospf6"]
        assert (await bench.announcer.status()).announced == (SUBNET, SUBNET6)
        await bench.announcer.set_prefixes([SUBNET])
        assert bench.fake.protocols == ["slb_ospf", "slb_ospf6"]
        assert (await bench.announcer.status()).adjacency == {4: "full", 6: "full"}
        await bench.announcer.stop()

    run(body())


def test_refused_family_leaves_the_other_answering(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])
        bench.fake.refuses = "configure"
        with pytest.raises(OspfError, match="configure check"):
            await bench.announcer.set_prefixes([SUBNET, SUBNET6])
        status = await bench.announcer.status()
        assert (status.announced, status.adjacency) == ((SUBNET,), {4: "full"})
        await bench.announcer.withdraw("test")
        assert bench.bird.file.path.read_text() == text([IPV4], [])
        bench.fake.refuses = ""
        await bench.announcer.resume()
        assert (await bench.announcer.status()).announced == (SUBNET, SUBNET6)
        await bench.announcer.stop()

    run(body())


def test_stop_withdraws_though_the_watcher_has_failed(tmp_path: Path) -> None:
    async def body() -> None:
        bench = Bench(tmp_path)
        await bench.announcer.start()
        await bench.announcer.set_prefixes([SUBNET])

        async def broken(_: float) -> None:
            raise ZeroDivisionError

        await asyncio.wait_for(bench.bird.paused.wait(), 5)
        bench.bird.pause = broken  # type: ignore[method-assign]
        bench.bird.go_on.set()
        assert bench.announcer._watcher is not None
        await asyncio.wait([bench.announcer._watcher], timeout=5)
        await bench.announcer.stop()
        assert bench.fake.routes == [] and bench.bird.stopped

    run(body())


def test_stop_without_start_touches_nothing(tmp_path: Path) -> None:
    run(Announcer(setup(tmp_path / "none")).stop())
    assert not (tmp_path / "none").exists()


def test_mode_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OspfError, match=r"ospf\.mode is off"):
        Announcer(setup(tmp_path, Ospf()))
