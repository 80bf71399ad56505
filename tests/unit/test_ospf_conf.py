# SPDX-License-Identifier: BSD-3-Clause
"""BIRD's configuration: what it says, what it refuses, and whether BIRD itself parses it."""

import shutil
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from unit.bird_setup import networks, setup

from ospf.bird_conf import MARK, idle, managed, section
from slb.errors import OspfError
from slb.model.config import Ospf

needs_bird = pytest.mark.skipif(shutil.which("bird") is None, reason="bird is not installed")


def test_section_of_the_systems_bird(tmp_path: Path) -> None:
    text = section(setup(tmp_path), networks("10.96.0.0/16", "198.18.0.1/32"))
    expected = """\
# Written by slbd, which overwrites it.
ipv4 table slb4;
protocol static slb_announce {
    ipv4 { table slb4; };
    route 10.96.0.0/16 blackhole;
    route 198.18.0.1/32 blackhole;
}
protocol ospf v2 slb_ospf {
    router id 192.0.2.2;
    ipv4 {
        table slb4;
        import all;
        export filter {
            if proto != "slb_announce" then reject;
            ospf_metric2 = 10000;
            accept;
        };
    };
    area 0.0.0.0 {
        interface "slb0" { type broadcast; hello 1; dead 4; retransmit 2; cost 10; };
    };
}
protocol pipe slb_learnt {
    table master4;
    peer table slb4;
    # The kernel has the connected prefixes already. No gateway compares equal to ::.
    import where proto = "slb_ospf" && gw != ::;
    export none;
}
"""
    assert text == expected


def test_managed_bird_has_the_same_protocols_and_installs_routes(tmp_path: Path) -> None:
    prefixes = networks("10.96.0.0/16")
    text = managed(setup(tmp_path), prefixes, tmp_path / "bird.log")
    body = section(setup(tmp_path), prefixes).removeprefix(f"{MARK}\n")
    assert text.endswith(body)
    assert "protocol kernel slb_kernel" in text and "export all" in text
    assert f'log "{tmp_path}/bird.log" 1048576' in text


def test_settings_show_in_the_text(tmp_path: Path) -> None:
    ospf = Ospf(mode="managed", area=IPv4Address("0.0.0.7"), hello_s=10, dead_s=40, cost=123)
    text = section(setup(tmp_path, ospf, ("slb0", "slb1"), "ptp"), [])
    assert "area 0.0.0.7 {" in text
    line = 'interface "slb0", "slb1" { type ptp; hello 10; dead 40; retransmit 5; cost 123; };'
    assert line in text


@pytest.mark.parametrize(("dead_s", "retransmit"), [(2, 1), (3, 1), (4, 2), (10, 5), (40, 5)])
def test_retransmits_before_the_neighbour_is_given_up(
    tmp_path: Path, dead_s: int, retransmit: int
) -> None:
    text = section(setup(tmp_path, Ospf(mode="managed", dead_s=dead_s)), [])
    assert f"retransmit {retransmit};" in text


@pytest.mark.parametrize("name", ['x"; cost 1', "x\ny", "x\x00", "x\x1b"])
def test_names_cannot_smuggle_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(OspfError, match="cannot be written into BIRD's configuration"):
        section(setup(tmp_path, interfaces=[name]), [])
    with pytest.raises(OspfError, match="cannot be written into BIRD's configuration"):
        managed(setup(tmp_path), [], tmp_path / name)


def test_no_interface_is_an_error_that_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(OspfError, match=r"ospf\.interfaces"):
        section(setup(tmp_path, interfaces=()), [])


@needs_bird
@pytest.mark.parametrize("count", [0, 1, 4096])
def test_bird_parses_it(tmp_path: Path, count: int) -> None:
    vips = networks(*(f"10.96.{n >> 8}.{n & 255}/32" for n in range(count)))
    config = tmp_path / "bird.conf"
    config.write_text(managed(setup(tmp_path), vips, tmp_path / "bird.log"))
    assert bird_parses(config) == ""


@needs_bird
@pytest.mark.parametrize("included", ["section", "idle"])
def test_bird_parses_it_included(tmp_path: Path, included: str) -> None:
    text = idle() if included == "idle" else section(setup(tmp_path), networks("10.96.0.0/16"))
    (tmp_path / "slb.conf").write_text(text)
    config = tmp_path / "bird.conf"
    config.write_text(f'router id 192.0.2.9;\nprotocol device {{}}\ninclude "{tmp_path}/slb*";\n')
    assert bird_parses(config) == ""


def bird_parses(config: Path) -> str:
    """What BIRD has to say against a configuration."""
    words = ["bird", "-p", "-c", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    return done.stderr if done.returncode else ""
