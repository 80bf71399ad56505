# SPDX-License-Identifier: BSD-3-Clause
"""BIRD's configuration: what it says, what it refuses, and whether BIRD itself parses it."""

import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal

import pytest
from unit.bird_setup import networks, setup

from ospf.bird_conf import MARK, idle, managed, section
from ospf.model import FAMILIES, IPV4, IPV6, Family, Phase, Setup
from slb.errors import OspfError
from slb.model.config import Ospf, OspfAuth, OspfBfd, OspfKey, OspfLink

needs_bird = pytest.mark.skipif(shutil.which("bird") is None, reason="bird is not installed")


def test_section_of_the_systems_bird(tmp_path: Path) -> None:
    text = section(setup(tmp_path), [IPV4], networks("10.96.0.0/16", "198.18.0.1/32"))
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
    graceful restart aware;
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


def test_section_with_ipv6(tmp_path: Path) -> None:
    prefixes = networks("10.96.0.0/16", "2001:db8:96::/48")
    text = section(setup(tmp_path), FAMILIES, prefixes)
    expected = """\
ipv6 table slb6;
protocol static slb_announce6 {
    ipv6 { table slb6; };
    route 2001:db8:96::/48 blackhole;
}
protocol ospf v3 slb_ospf6 {
    router id 192.0.2.2;
    graceful restart aware;
    ipv6 {
        table slb6;
        import all;
        export filter {
            if proto != "slb_announce6" then reject;
            ospf_metric2 = 10000;
            accept;
        };
    };
    area 0.0.0.0 {
        interface "slb0" { type broadcast; hello 1; dead 4; retransmit 2; cost 10; };
    };
}
protocol pipe slb_learnt6 {
    table master6;
    peer table slb6;
    # The kernel has the connected prefixes already. No gateway compares equal to ::.
    import where proto = "slb_ospf6" && gw != ::;
    export none;
}
"""
    assert text == section(setup(tmp_path), [IPV4], prefixes[:1]) + expected
    assert section(setup(tmp_path), [IPV6], prefixes) == f"{MARK}\n{expected}"


def test_managed_bird_has_the_same_protocols_and_installs_routes(tmp_path: Path) -> None:
    prefixes = networks("10.96.0.0/16")
    text = managed(setup(tmp_path), FAMILIES, prefixes, tmp_path / "bird.log")
    body = section(setup(tmp_path), FAMILIES, prefixes).removeprefix(f"{MARK}\n")
    assert text.endswith(body)
    for name, channel in ("slb_kernel", "ipv4"), ("slb_kernel6", "ipv6"):
        kernel = (
            f"protocol kernel {name} {{\n    scan time 10;\n    {channel} {{ import none; export"
        )
        assert kernel in text
    assert f'log "{tmp_path}/bird.log" 1048576' in text


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_show_in_the_text(tmp_path: Path, family: Family) -> None:
    area, words = IPv4Address("0.0.0.7"), {"hello_s": 10, "dead_s": 40, "cost": 123}
    words |= {"metric": 5, "metric_type": 1}
    ospf = Ospf(mode="managed", area=area, network_type="ptp", graceful_restart="off", **words)
    text = section(setup(tmp_path, ospf, ("slb0", "slb1")), [family], [])
    assert "area 0.0.0.7 {" in text
    line = 'interface "slb0", "slb1" { type ptp; hello 10; dead 40; retransmit 5; cost 123; };'
    assert line in text
    assert "ospf_metric1 = 5;" in text and "graceful restart off;" in text


def test_graceful_restart(tmp_path: Path) -> None:
    """The kernel keeps what is learnt anew, and BIRD does not look too soon at who is there."""
    settings = setup(tmp_path, Ospf(mode="managed", graceful_restart="on", priority=0))
    assert "tick" not in managed(settings, FAMILIES, [], tmp_path / "bird.log")
    text = managed(settings, FAMILIES, [], tmp_path / "bird.log", Phase.RESTARTING)
    assert text.count("    graceful restart on;\n    tick 100;\n") == len(FAMILIES)
    assert text.count("    graceful restart on; scan time 10;\n") == len(FAMILIES)


@needs_bird
@pytest.mark.parametrize("graceful_restart", ["aware", "on"])
def test_the_kernel_keeps_what_a_dead_bird_had_learnt(
    tmp_path: Path, graceful_restart: Literal["aware", "on"]
) -> None:
    ospf = Ospf(mode="managed", graceful_restart=graceful_restart, priority=0)
    texts = {
        phase: managed(setup(tmp_path, ospf), FAMILIES, [], tmp_path / "bird.log", phase)
        for phase in (Phase.USUAL, Phase.KEEPING)
    }
    assert "disabled" not in texts[Phase.USUAL]
    assert texts[Phase.KEEPING].count("disabled; scan time 10;\n") == len(FAMILIES)
    assert texts[Phase.KEEPING].replace("disabled; ", "") == texts[Phase.USUAL]
    (tmp_path / "bird.conf").write_text(texts[Phase.KEEPING])
    assert bird_parses(tmp_path / "bird.conf") == ""


@pytest.mark.parametrize("family", FAMILIES)
def test_interfaces_differ(tmp_path: Path, family: Family) -> None:
    """Each interface is in its area, with what it has of its own; BFD is on all of them."""
    links = (
        OspfLink("slb1", area=IPv4Address("0.0.0.7"), cost=5),
        OspfLink("slb2", network_type="ptp"),
    )
    ospf = Ospf(mode="managed", links=links, bfd=OspfBfd(50, 4), priority=0)
    settings = setup(tmp_path, ospf, ("slb0", "slb1", "slb2", "slb3"))
    timers = "hello 1; dead 4; retransmit 2;"
    text = f"""\
    area 0.0.0.0 {{
        interface "slb0", "slb3" {{ type broadcast; {timers} cost 10; priority 0; bfd on; }};
        interface "slb2" {{ type ptp; {timers} cost 10; priority 0; bfd on; }};
    }};
    area 0.0.0.7 {{
        interface "slb1" {{ type broadcast; {timers} cost 5; priority 0; bfd on; }};
    }};
"""
    assert text in section(settings, [family], [])
    assert '    interface "slb3" { interval 50 ms; multiplier 4; };\n' in section(settings, [], [])


@needs_bird
@pytest.mark.parametrize(("family", "prefix"), [(IPV4, "10.96.0.0/16"), (IPV6, "2001:db8::/48")])
def test_stub_networks_and_what_is_left_of_them_in_a_drain(
    tmp_path: Path, family: Family, prefix: str
) -> None:
    settings = setup(tmp_path, Ospf(mode="managed", route_type="stub", metric=20))
    for phase, cost in (Phase.USUAL, 20), (Phase.DRAINING, 65535):
        text = managed(settings, [family], networks(prefix), tmp_path / "bird.log", phase)
        assert f"        stubnet {prefix} {{ cost {cost}; }};\n" in text
        assert "export none;\n    };" in text and "ospf_metric" not in text
        (tmp_path / "bird.conf").write_text(text)
        assert bird_parses(tmp_path / "bird.conf") == ""


@needs_bird
def test_a_stub_area(tmp_path: Path) -> None:
    """BIRD takes it, but neither with external routes nor as the backbone, as the checks say."""
    area = IPv4Address("0.0.0.7")
    ospf = Ospf(mode="managed", area=area, stub_areas=(area,), route_type="stub")
    log = tmp_path / "bird.log"
    text = managed(setup(tmp_path, ospf), FAMILIES, networks("10.96.0.0/16"), log)
    config = tmp_path / "bird.conf"
    config.write_text(text)
    assert bird_parses(config) == ""
    config.write_text(text.replace("area 0.0.0.7", "area 0.0.0.0"))
    assert "Backbone area cannot be stub" in bird_parses(config)
    external = Ospf(mode="managed", area=area, stub_areas=(area,))
    config.write_text(managed(setup(tmp_path, external), FAMILIES, (), log))
    assert "ASBR must be in non-stub area" in bird_parses(config)


def test_a_drain_raises_the_metric_and_never_lowers_it(tmp_path: Path) -> None:
    for metric, expected in (20, 300), (400, 400):
        ospf = Ospf(mode="managed", metric=metric, drain_metric=300)
        assert f"metric2 = {expected};" in section(
            setup(tmp_path, ospf), [IPV4], [], Phase.DRAINING
        )


SECRETS = {"/a": "first-secret", "/b": "second"}


def signed(directory: Path, algorithm: Any) -> Setup:
    auth = OspfAuth(algorithm, (OspfKey(7, "/a"), OspfKey(8, "/b")))
    return replace(setup(directory, Ospf(mode="managed", auth=auth)), secrets=SECRETS)


@needs_bird
@pytest.mark.parametrize("algorithm", ["md5", "hmac-sha-256", "hmac-sha-384", "hmac-sha-512"])
def test_bird_parses_the_keys(tmp_path: Path, algorithm: str) -> None:
    families = [IPV4] if algorithm == "md5" else FAMILIES
    text = managed(signed(tmp_path, algorithm), families, [], tmp_path / "bird.log")
    assert text.count("authentication cryptographic; ") == len(families)
    assert text.index('password "first-secret" { id 7;') < text.index('password "second" { id 8;')
    config = tmp_path / "bird.conf"
    config.write_text(text)
    assert bird_parses(config) == ""


def test_keys_of_one_family(tmp_path: Path) -> None:
    """Each family has its own, or one of them none."""
    v2, v3 = OspfAuth("md5", (OspfKey(7, "/a"),)), OspfAuth("hmac-sha-256", (OspfKey(8, "/b"),))
    ospf = Ospf(mode="managed", auth=v2, auth_v3="none")
    unsigned = replace(setup(tmp_path, ospf), secrets=SECRETS)
    assert "authentication" in section(unsigned, [IPV4], [])
    assert "authentication" not in section(unsigned, [IPV6], [])
    ospf = Ospf(mode="managed", auth=v2, auth_v3=v3)
    own = replace(setup(tmp_path, ospf), secrets=SECRETS)
    assert "first-secret" not in section(own, [IPV6], [])
    assert 'password "second" { id 8; algorithm hmac sha256; };' in section(own, [IPV6], [])
    assert "second" not in section(own, [IPV4], [])


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = signed(tmp_path, "md5")
    assert "first-secret" not in repr(settings)
    with pytest.raises(OspfError, match=r"ospf\.auth_v3: OSPFv3 has no md5"):
        section(settings, [IPV6], [])


@pytest.mark.parametrize(("dead_s", "retransmit"), [(2, 1), (3, 1), (4, 2), (10, 5), (40, 5)])
def test_retransmits_before_the_neighbour_is_given_up(
    tmp_path: Path, dead_s: int, retransmit: int
) -> None:
    text = section(setup(tmp_path, Ospf(mode="managed", dead_s=dead_s)), [IPV4], [])
    assert f"retransmit {retransmit};" in text


@pytest.mark.parametrize("name", ['x"; cost 1', "x\ny", "x\x00", "x\x1b"])
def test_names_cannot_smuggle_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(OspfError, match="cannot be written into BIRD's configuration"):
        section(setup(tmp_path, interfaces=[name]), [IPV4], [])
    with pytest.raises(OspfError, match="cannot be written into BIRD's configuration"):
        managed(setup(tmp_path), [IPV4], [], tmp_path / name)


def test_no_interface_is_an_error_that_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(OspfError, match=r"ospf\.interfaces"):
        section(setup(tmp_path, interfaces=()), [IPV4], [])


@needs_bird
@pytest.mark.parametrize("count", [0, 1, 4096])
def test_bird_parses_it(tmp_path: Path, count: int) -> None:
    vips = networks(*(f"10.96.{n >> 8}.{n & 255}/32" for n in range(count)))
    vips += networks(*(f"2001:db8::{n:x}/128" for n in range(count)))
    config = tmp_path / "bird.conf"
    config.write_text(managed(setup(tmp_path), FAMILIES, vips, tmp_path / "bird.log"))
    assert bird_parses(config) == ""


@needs_bird
@pytest.mark.parametrize("included", ["section", "idle"])
def test_bird_parses_it_included(tmp_path: Path, included: str) -> None:
    prefixes = networks("10.96.0.0/16", "2001:db8:96::/48")
    text = idle() if included == "idle" else section(setup(tmp_path), FAMILIES, prefixes)
    (tmp_path / "slb.conf").write_text(text)
    config = tmp_path / "bird.conf"
    config.write_text(f'router id 192.0.2.9;\nprotocol device {{}}\ninclude "{tmp_path}/slb*";\n')
    assert bird_parses(config) == ""


def bird_parses(config: Path) -> str:
    """What BIRD has to say against a configuration."""
    words = ["bird", "-p", "-c", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    return done.stderr if done.returncode else ""
