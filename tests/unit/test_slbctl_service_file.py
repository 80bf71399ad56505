# SPDX-License-Identifier: BSD-3-Clause
"""The file that apply takes: every mistake names the file, the line, the field."""

import pytest

from slb.errors import ConfigError
from slbctl import service_file

GOOD = """\
services:
  - vs: 10.96.0.10:80/tcp
    rs:
      - {rs: "10.10.0.1:8080", weight: 5}
"""


def test_only_the_services_of_a_whole_slb_yaml_are_read() -> None:
    whole = b"engine: {workers: 2}\nservice_subnets: [10.96.0.0/16]\n" + GOOD.encode()
    (service,) = service_file.read(whole, "slb.yaml")
    assert str(service.vs) == "10.96.0.10:80/tcp"
    assert [(str(row.rs), row.weight) for row in service.rs] == [("10.10.0.1:8080", 5)]


def test_no_services_means_none_only_when_written() -> None:
    assert service_file.read(b"services: []", "f") == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "f:1: no 'services:' here; 'services: []' would delete every VS"),
        ("- a", "f:1: no 'services:' here; 'services: []' would delete every VS"),
        (
            GOOD.replace("weight: 5", "weight: 5000"),
            "f:4: services[0].rs[0].weight: Expected `int` <= 1000",
        ),
        (
            GOOD.replace("80/tcp", "80"),
            "f:2: services[0].vs: '10.96.0.10:80' is not ADDRESS:PORT/tcp or "
            "ADDRESS:PORT/udp; write 10.96.0.10:80/tcp",
        ),
        (
            GOOD.replace("weight", "wieght"),
            "f:4: services[0].rs[0]: Object contains unknown field `wieght`",
        ),
        (
            "servces: []\n" + GOOD,
            "f:1: the file: Object contains unknown field `servces`",
        ),
        (
            "services: [{scheduler: rr}]",
            "f:1: services[0]: Object missing required field `vs`",
        ),
        ("services:\n  - &a {vs: b}\n  - *a\n", "f:3: aliases are not taken; write the value out"),
        ("services: " + "[" * 100_000, "f:1: nested too deeply for a list of services"),
        ("services: [\n", "f:2: not YAML: did not find expected node content"),
        ("services: !!python/object:os.system []\n", "f:1: not YAML: "),
        ("a: \0", "f:1: not YAML: "),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        service_file.read(text.encode(), "f")
    (problem,) = caught.value.problems
    assert problem.startswith(line) and "\n" not in problem


def test_no_text_at_all() -> None:
    with pytest.raises(ConfigError, match="f: not a text in UTF-8"):
        service_file.read(b"\xff\xfe\x00", "f")
