# SPDX-License-Identifier: BSD-3-Clause
"""Every configuration that we ship is good, and every key is explained."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from msgspec import inspect

from slb.config import check_services, describe
from slb.config.loader import load
from slb.model.agent_config import AgentConfig
from slb.model.config import Config
from slb.model.endpoint import VsKey
from slb.model.health import Health
from slb.model.service import Service
from slbctl import service_file

TOP = Path(__file__).parents[2]
FILES = [TOP / "configs/slb.yaml", *sorted((TOP / "configs/examples").glob("*.yaml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_is_good(path: Path) -> None:
    assert load(str(path), cpus=range(8)).ports


def test_all_kinds_of_examples_are_there() -> None:
    configs = {path.stem: load(str(path), range(8)) for path in FILES}
    assert {"laptop-tap", "two-arm-pci", "one-arm-pci", "memif"} <= configs.keys()
    assert len(configs["two-arm-pci"].ports) == 2
    assert all(port.local_addresses for port in configs["two-ports-pci"].ports)
    (bonded,) = configs["bond-pci"].ports
    assert bonded.bond is not None
    assert (bonded.bond.mode, len(bonded.members)) == ("lacp", 2)
    assert configs["one-arm-pci"].engine.workers == 4
    assert str(configs["dual-stack-pci"].services[0].vs) == "[2001:db8:96::10]:80/tcp"
    assert configs["shared-cpu-pci"].engine.idle.workers == ("busy", "busy", "adaptive")


def test_the_services_for_the_agent_have_every_check() -> None:
    with (TOP / "configs/services/checks.yaml").open("rb") as file:
        services = service_file.read(file, "checks.yaml").services
    kinds = {kind.__struct_config__.tag for kind in get_args(Health)}
    assert {service.health.kind for service in services if service.health} == kinds


def test_the_readme_adds_a_vs_that_slb_yaml_has_room_for() -> None:
    config = load(str(TOP / "configs/slb.yaml"), cpus=range(8))
    (added,) = re.findall(
        r"^    slbctl vs add (\S+)", (TOP / "README.md").read_text(), re.MULTILINE
    )
    wanted = [*config.services, Service(VsKey.parse(added))]
    assert list(check_services.services(wanted, config.service_subnets)) == []


def test_every_key_is_explained_and_no_other() -> None:
    of_slbd, _, of_agent = (TOP / "docs/configuration.md").read_text().partition("\n# agent.yaml")
    for text, kind in ((of_slbd, Config), (of_agent, AgentConfig)):
        explained = set(re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", text, re.MULTILINE))
        assert explained == set(_keys(inspect.type_info(kind), ""))


def _keys(found: inspect.Type, path: str) -> Iterator[str]:
    inner = describe.bare(found)
    if kinds := describe.tagged(found):
        yield f"{path}.{kinds[0].tag_field}".removeprefix(".")
        for kind in kinds:
            for field in kind.fields:
                yield from _keys(field.type, f"{path}.{field.encode_name}")
        return
    if isinstance(inner, inspect.VarTupleType) and isinstance(
        describe.bare(inner.item_type), inspect.StructType
    ):
        yield from _keys(inner.item_type, f"{path}[]")
    elif isinstance(inner, inspect.StructType):
        for field in inner.fields:
            yield from _keys(field.type, f"{path}.{field.encode_name}")
    else:
        yield path.removeprefix(".")
