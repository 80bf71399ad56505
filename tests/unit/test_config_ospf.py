# SPDX-License-Identifier: BSD-3-Clause
"""Rules between the keys of `ospf`, and the files that hold its secrets."""

import os
from pathlib import Path

import pytest
from unit.test_config_loader import GOOD, good, problems

from slb.config import secret
from slb.errors import ConfigError


def ospf(*lines: str) -> str:
    """The section, its mode managed."""
    return "ospf:\n  mode: managed\n" + "".join(f"  {line}\n" for line in lines)


def auth(algorithm: str, *files: Path) -> str:
    """The section with a key for each file, all of the same id."""
    keys = ", ".join(f"{{id: 1, secret_file: {file}}}" for file in files)
    return ospf(f"auth: {{algorithm: {algorithm}, keys: [{keys}]}}")


def keep(directory: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file of that mode."""
    path = directory / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_all_of_it_is_read(tmp_path: Path) -> None:
    path = keep(tmp_path, "secret\n")
    text = auth("hmac-sha-256", path) + (
        "  links: [{interface: slb0, area: 0.0.0.7, cost: 5, network_type: ptp}]\n"
        "  bfd: {interval_ms: 50, multiplier: 4}\n"
        "  metric: 20\n  metric_type: 1\n  graceful_restart: 'off'\n"
    )
    found = good(text).ospf
    assert found.auth and found.auth.keys[0].secret_file == str(path)
    assert found.links[0].cost == 5 and found.bfd and found.bfd.multiplier == 4
    assert (found.metric, found.metric_type, found.graceful_restart) == (20, 1, "off")


def test_stub_areas() -> None:
    lines = ("area: 0.0.0.7", "stub_areas: [0.0.0.7]", "route_type: stub", "metric: 20")
    assert [str(area) for area in good(ospf(*lines)).ospf.stub_areas] == ["0.0.0.7"]
    assert problems(GOOD + ospf(*lines[:2])) == [
        "slb.yaml:9: ospf.route_type: external routes do not reach a stub area; write stub, "
        "or take it off stub_areas"
    ]
    more = ospf("stub_areas: [0.0.0.0, 0.0.0.7, 0.0.0.7]", "route_type: stub", "metric: 20")
    where = "slb.yaml:11: ospf.stub_areas"
    assert sorted(problems(GOOD + more)) == [
        f"{where}[0]: the backbone, 0.0.0.0, is never a stub area; remove it",
        f"{where}[1]: no interface is in 0.0.0.7; choose from 0.0.0.0",
        f"{where}[2]: no interface is in 0.0.0.7; choose from 0.0.0.0",
        f"{where}[2]: the area 0.0.0.7 is used twice; give each its own",
    ]


@pytest.mark.parametrize(
    "line", ["priority: 0", "network_type: ptp", "links: [{interface: slb0, network_type: ptp}]"]
)
def test_who_may_restart_gracefully(line: str) -> None:
    assert good(ospf(f"graceful_restart: 'on'\n  {line}")).ospf.graceful_restart == "on"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "links: [{interface: slb7}]",
            "11: ospf.links[0].interface: OSPF does not run on slb7; choose from slb0",
        ),
        (
            "links: [{interface: slb0}, {interface: slb0}]",
            "11: ospf.links[1].interface: the interface slb0 is used twice; give each its own",
        ),
        (
            "graceful_restart: 'on'",
            "11: ospf.graceful_restart: on needs a BIRD that is never the designated router; "
            "write priority: 0 as well, or network_type: ptp",
        ),
        (
            "metric: 70000\n  route_type: stub",
            "11: ospf.metric: 70000 is more than a stub network's metric can be; lower it to 65535",
        ),
        (
            "drain_s: 7\n  drain_metric: 9",
            "12: ospf.drain_metric: 9 is no more than metric (10000), so a drain changes nothing; "
            "lower metric, or raise this",
        ),
        (
            "drain_s: 7\n  route_type: stub\n  metric: 65535",
            "9: ospf.drain_metric: 65535 is no more than metric (65535), so a drain changes "
            "nothing; lower metric, or raise this",
        ),
        (
            "interfaces: [slb0, slb0]",
            "11: ospf.interfaces[1]: the interface slb0 is used twice; give each its own",
        ),
        (
            "bfd: {interval_ms: 1}",
            "11: ospf.bfd.interval_ms: 1 is not valid; write a whole number from 10 to 10000",
        ),
        (
            "auth: {algorithm: md5, keys: []}",
            "11: ospf.auth.keys: a list of 0 is not valid; write a list of 1 to 8",
        ),
    ],
)
def test_rules(line: str, problem: str) -> None:
    assert problems(GOOD + ospf(line)) == [f"slb.yaml:{problem}"]


def test_keys_and_what_holds_them(tmp_path: Path) -> None:
    path = keep(tmp_path, "seventeen-octets.")
    text = GOOD.replace("[10.96.0.0/16]", '[10.96.0.0/16, "2001:db8::/48"]')
    found = problems(text + auth("md5", path, path))
    where = "slb.yaml:11: ospf.auth"
    assert sorted(found) == [
        f"{where}.algorithm: OSPFv3 has no md5, and there are IPv6 addresses; write hmac-sha-256, "
        "or auth_v3 for OSPFv3 alone",
        f"{where}.keys[0].secret_file: {path} holds more than the 16 characters of an md5 key; "
        "choose a shorter secret",
        f"{where}.keys[1].id: the key id 1 is used twice; give each its own",
        f"{where}.keys[1].secret_file: {path} holds more than the 16 characters of an md5 key; "
        "choose a shorter secret",
    ]


def test_keys_of_one_family(tmp_path: Path) -> None:
    """A switch may have md5 alone for OSPFv2, and no signature for OSPFv3, or another one."""
    path = keep(tmp_path, "sixteen-octets..")
    assert good(auth("md5", path) + "  auth_v3: none\n").ospf.auth_v3 == "none"
    text = GOOD.replace("[10.96.0.0/16]", '[10.96.0.0/16, "2001:db8::/48"]') + auth("md5", path)
    own = "{{algorithm: {}, keys: [{{id: 2, secret_file: {}}}]}}"
    more = f"{text}  auth_v3: {own.format('hmac-sha-512', path)}\n  hello_s: 9\n"
    assert [row for row in problems(more) if "auth" in row] == []
    assert problems(f"{text}  auth_v3: {own.format('md5', '/none')}\n") == [
        "slb.yaml:12: ospf.auth_v3.keys[0].secret_file: /none cannot be read: "
        "No such file or directory; put the secret there",
        "slb.yaml:12: ospf.auth_v3.algorithm: OSPFv3 has no md5, and there are IPv6 addresses; "
        "write hmac-sha-256",
    ]
    assert problems(f"{text}  auth_v3: md5\n") == [
        "slb.yaml:12: ospf.auth_v3: 'md5' is not valid; "
        "write none, or a mapping with algorithm, keys"
    ]


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("hidden", 0o640, r"can be read by others \(mode 0640\); chmod 600 it"),
        ("hidden", 0o604, "can be read by others"),
        ("", 0o600, "holds no secret of 1 to 255 characters"),
        ("hidden" * 50, 0o600, "holds no secret of 1 to 255 characters"),
        ("hidden\nhidden\n", 0o600, "printable ASCII"),
        ('hid"den', 0o600, "printable ASCII"),
        ("hid den", 0o600, "printable ASCII"),
        ("hiddén", 0o600, "printable ASCII"),
    ],
)
def test_unfit_secrets(tmp_path: Path, text: str, mode: int, reason: str) -> None:
    """They are refused, and never shown."""
    path = str(keep(tmp_path, text, mode))
    with pytest.raises(ConfigError, match=reason) as error:
        secret.read(path)
    assert "hid" not in str(error.value).replace(path, "")


def test_what_is_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path, reason in (fifo, "is no file"), (tmp_path, "is no file"), (tmp_path / "x", "No such"):
        with pytest.raises(ConfigError, match=reason):
            secret.read(str(path))


@pytest.mark.parametrize("text", ["hidden", "hidden\n", "hidden\r\n"])
def test_the_end_of_the_line_is_no_part_of_a_secret(tmp_path: Path, text: str) -> None:
    assert secret.read(str(keep(tmp_path, text))) == "hidden"
