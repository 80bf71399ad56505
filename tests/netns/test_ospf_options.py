# SPDX-License-Identifier: BSD-3-Clause
"""What slb.yaml says under `ospf`, as a real BIRD at the other end of the link sees it."""

import re
import stat
from dataclasses import replace as replace_setup
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from msgspec.structs import replace
from netns.bird_lan import LB, UP_S, Lan

from ospf.model import FAMILIES
from rig.waiting import wait
from slb.model.config import Ospf, OspfAuth, OspfBfd, OspfKey, OspfLink

pytestmark = pytest.mark.netns

SUBNET, SUBNET6 = IPv4Network("10.96.0.0/16"), IPv6Network("2001:db8:96::/48")
NEW = OspfKey(1, "/new")
OLD = OspfKey(2, "/old")
SECRETS = {"/new": "the-new-secret", "/old": "the-old-secret"}
THEIRS = """
    authentication cryptographic;
    password "the-old-secret" { id 2; algorithm hmac sha512; };
    bfd on;
"""
OLD_KEY = 'password "the-old-secret" { id 2; algorithm hmac sha512; };'
BOTH = """
    password "the-new-secret" { id 1; algorithm hmac sha512; };
    password "the-old-secret" { id 2;
"""


BFD = 'protocol bfd { interface "lan0" { interval 100 ms; multiplier 3; }; }'


def test_keys_area_cost_metric_and_bfd(lan: Lan) -> None:
    """Only who has our key is a neighbour, of either OSPF, and our routes look as they should."""
    switch = lan.start_switch("ptp", options=THEIRS, area="0.0.0.7", more=BFD)
    ospf = Ospf(
        mode="managed",
        auth=OspfAuth("hmac-sha-512", (NEW, OLD)),
        links=(OspfLink("slb0", area=IPv4Address("0.0.0.7"), cost=5),),
        metric=20,
        metric_type=1,
        bfd=OspfBfd(),
    )
    announcer = lan.announcer(ospf, "ptp", FAMILIES, SECRETS)
    wait(lambda: "uthentication failed" in switch.text(), UP_S, "the switch's refusal")
    assert "full" not in lan.adjacency(announcer)
    lan.change_switch('password "the-old-secret" { id 2;', BOTH)
    lan.wait_full(announcer)
    lan.loop.run(announcer.set_prefixes([SUBNET, SUBNET6]))
    lan.wait_learnt(SUBNET, SUBNET6)
    for subnet in SUBNET, SUBNET6:
        # E1: the switch's own cost to us, 10, comes to the metric.
        assert "* E1 (150/30) [192.0.2.2]" in lan.birdc("switch", f"show route for {subnet}")
    router = lan.birdc("switch", "show ospf state all lb")
    assert re.search(r"router 192.0.2.2\n.*\n\s+router 192.0.2.1 metric 5\n", router), router
    sessions = lan.birdc("switch", "show bfd sessions")
    assert re.search(rf"{LB} +lan0 +Up", sessions) and len(re.findall("Up ", sessions)) == 2
    lan.change_switch(OLD_KEY, "")
    # Of the settings that are in use: another type of network would be no neighbour for long.
    only_new = replace(lan.setup.ospf, auth=OspfAuth("hmac-sha-512", (NEW,)), metric=30)
    lan.loop.run(announcer.use(replace_setup(lan.setup, ospf=only_new)))
    again = "* E1 (150/40) [192.0.2.2]"
    wait(lambda: again in lan.birdc("switch", f"show route for {SUBNET}"), UP_S, "the metric")
    assert lan.adjacency(announcer) == {"full"}
    file = lan.runtime_dir / "bird.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and "the-new-secret" in file.read_text()
    assert "secret" not in (lan.runtime_dir / "bird.log").read_text()
