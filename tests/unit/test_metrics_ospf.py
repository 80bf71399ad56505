# SPDX-License-Identifier: BSD-3-Clause
"""What is announced, told apart: services, and local addresses, which are announced without any."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from unit import fake_answers

from rig.exposition import samples, value
from slb.metrics import ospf
from slb.metrics.text import written
from slb.model.views import LaddrView

LADDRS = ["198.18.0.1", "198.18.0.2", "198.18.0.3", "2001:db8:18::1"]


@pytest.mark.parametrize(
    ("announced", "services", "local"),
    [
        ([], 0, 0),
        (["198.18.0.1/32", "198.18.0.2/31", "2001:db8:18::1/128"], 0, 3),
        (["10.96.0.0/16", "2001:db8:96::/112", "198.18.0.0/30"], 2, 1),
        (["10.96.0.7/32", "2001:db8:96::7/128"], 2, 0),
    ],
)
def test_of_each_kind(announced: list[str], services: int, local: int) -> None:
    laddrs = [LaddrView(address, 0, "lan0", 0, 0, "active", True) for address in LADDRS]
    seen: Any = SimpleNamespace(ospf=replace(fake_answers.OSPF, announced=announced), laddrs=laddrs)
    found = samples(written(ospf.families(seen)).decode())
    name = "slb_ospf_announced_prefixes"
    assert value(found, name, kind="services") == services
    assert value(found, name, kind="local_addresses") == local
