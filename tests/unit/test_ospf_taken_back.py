# SPDX-License-Identifier: BSD-3-Clause
"""What is asked of BIRD when our text goes: no file is loaded that was not checked before."""

import asyncio
from pathlib import Path

import pytest
from unit.bird_setup import REPLIES, birdc, networks, recorded, setup
from unit.test_ospf_announcer import FakeBird
from unit.test_ospf_files import CHECKING

from ospf.announce import Announcer
from ospf.bird_conf import idle
from ospf.bird_system import SystemBird
from slb.errors import OspfError
from slb.model.config import Ospf


@pytest.mark.parametrize(
    ("refused", "last"), [("", "configure"), ("configure check", 'disable "slb_ospf*"')]
)
def test_stub_networks_go_with_the_text(tmp_path: Path, refused: str, last: str) -> None:
    """Or, where the operator's own configuration is refused, all of our OSPF goes."""

    async def body() -> None:
        bird = FakeBird(tmp_path)
        announcer = Announcer(setup(tmp_path, Ospf(mode="managed", route_type="stub")), bird)
        await announcer.start()
        await announcer.set_prefixes(networks("10.96.0.0/16"))
        bird.fake.asked.clear()
        bird.fake.refuses = refused
        await announcer.withdraw("test")
        assert bird.fake.asked == ['disable "slb_announce*"', "configure check", last]
        assert bird.fake.stubs == []
        await announcer.stop()

    asyncio.run(body())


def stop(directory: Path, verdict: str) -> None:
    """Take our section out of a stand-in for the host's BIRD."""
    (directory / "verdict").write_bytes(recorded(verdict))
    include = str(directory / "slb.conf")
    bird = SystemBird(setup(directory, Ospf(mode="system", include_file=include)))
    bird.birdc = birdc(directory, CHECKING.format(dir=directory, replies=REPLIES))
    asyncio.run(bird.stop())


def asked(directory: Path) -> list[str]:
    """What the stand-in was asked; in any case our section is out of the file."""
    assert (directory / "slb.conf").read_text() == idle()
    return (directory / "asked").read_text().splitlines()


def test_the_section_goes_from_the_hosts_bird(tmp_path: Path) -> None:
    stop(tmp_path, "check-ok")
    assert asked(tmp_path) == ["configure check", "configure"]


def test_a_section_that_cannot_go_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OspfError, match="BIRD refuses"):
        stop(tmp_path, "check-error")
    assert asked(tmp_path) == ["configure check"]
