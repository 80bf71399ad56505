# SPDX-License-Identifier: BSD-3-Clause
"""The file that apply takes: every mistake names the file, the line, the field and what to do."""

import io

import pytest

from slb.errors import ConfigError
from slb.model.service import Service
from slbctl import service_file

GOOD = """\
services:
  - vs: 10.96.0.10:80/tcp
    rs:
      - {rs: "10.10.0.1:8080", weight: 5}
"""
LIST = "a list of all VS that there shall be; [] deletes every VS"


def read(raw: bytes, name: str = "f") -> tuple[Service, ...]:
    """The services of a text."""
    return service_file.read(io.BytesIO(raw), name).services


def test_only_the_services_of_a_whole_slb_yaml_are_read() -> None:
    whole = b"engine: {workers: 2}\nservice_subnets: [10.96.0.0/16]\n" + GOOD.encode()
    (service,) = read(whole)
    assert str(service.vs) == "10.96.0.10:80/tcp"
    assert [(str(row.rs), row.weight) for row in service.rs] == [("10.10.0.1:8080", 5)]


def test_no_services_means_none_only_when_written() -> None:
    assert read(b"services: []") == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "f:1: nothing is not valid; write a mapping with services"),
        ("- a", "f:1: a list of 1 is not valid; write a mapping with services"),
        ("engine: {}", f"f:1: services: is missing; add `services:` with {LIST}"),
        ("services:", f"f:1: services: nothing is not valid; write {LIST}"),
        ("services: 2020-13-45", f"f:1: services: '2020-13-45' is not valid; write {LIST}"),
        (
            GOOD.replace("weight: 5", "weight: 5000"),
            "f:4: services[0].rs[0].weight: 5000 is not valid; write a whole number from 0 to 1000",
        ),
        (
            GOOD.replace("weight: 5", f"weight: {'9' * 5000}"),
            "f:4: services[0].rs[0].weight: '99999",
        ),
        (
            GOOD.replace("80/tcp", "80"),
            "f:2: services[0].vs: '10.96.0.10:80' is not ADDRESS:PORT/tcp or "
            "ADDRESS:PORT/udp; write 10.96.0.10:80/tcp",
        ),
        (
            GOOD.replace("    rs:", "    scheduler: lc\n    rs:"),
            "f:3: services[0].scheduler: 'lc' is not valid; write one of rr, sh, wrr",
        ),
        (
            GOOD.replace("weight", "wieght"),
            "f:4: services[0].rs[0].wieght: no such key; did you mean `weight`?",
        ),
        (
            GOOD + "    timeouts: {udp_replyed: 5}\n",
            "f:5: services[0].timeouts.udp_replyed: no such key; did you mean `udp_replied`?",
        ),
        (
            GOOD + "    timeouts: {udp_replied: 0}\n",
            "f:5: services[0].timeouts.udp_replied: 0 is not valid; "
            "write a whole number from 1 to 86400",
        ),
        ("servces: []\n" + GOOD, "f:1: servces: no such key; did you mean `services`?"),
        (
            GOOD + "services: []\n",
            "f:5: services: is given twice, first on line 1; remove one of them",
        ),
        ("services: [{scheduler: rr}]", "f:1: services[0].vs: is missing; add `vs:` with an"),
        ("services:\n  - &a {vs: b}\n  - *a\n", "f:3: aliases (*name) are not supported"),
        ("services: " + "[" * 100_000, "f:1: services[0][0]: nested deeper than 32 levels"),
        ("services: [\n", "f:2: did not find expected node content; correct the YAML here"),
        ("services: !!python/object:os.system []\n", "f:1: tags (!name) are not supported"),
        ("a: \0", "f:1: control characters are not allowed"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text.encode())
    (problem,) = caught.value.problems
    assert problem.startswith(line) and "\n" not in problem


def test_every_mistake_is_told() -> None:
    text = GOOD.replace("weight: 5", "weight: -1").replace("80/tcp", "80/sctp")
    with pytest.raises(ConfigError) as caught:
        read(text.encode())
    assert [line.split()[0] for line in caught.value.problems] == ["f:2:", "f:4:"]


def test_no_text_at_all() -> None:
    with pytest.raises(ConfigError, match="f:1: byte 0xff is not UTF-8; save the file as UTF-8"):
        read(b"\xff\xfe\x00")


def test_a_file_that_cannot_be_read() -> None:
    class Broken(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(ConfigError, match=r"^f: cannot be read: Input/output error$"):
        service_file.read(Broken(), "f")


@pytest.mark.parametrize(
    ("refusal", "shown"),
    [
        ("services[0].rs[0].rs: RS is gone", "f:4: services[0].rs[0].rs: RS is gone"),
        ("services[0].vs: VS: no", "f:2: services[0].vs: VS: no"),
        ("services[9].vs: no", "f:1: services[9].vs: no"),
        ("something else: no", "something else: no"),
        ("no", "no"),
    ],
)
def test_what_the_daemon_refuses_gets_its_place(refusal: str, shown: str) -> None:
    assert service_file.read(io.BytesIO(GOOD.encode()), "f").place(refusal) == shown
