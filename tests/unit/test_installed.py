# SPDX-License-Identifier: BSD-3-Clause
import sys
from pathlib import Path

import ospf
import slb
import slbctl

ROOT = Path(__file__).resolve().parents[2]


def test_the_tests_see_the_installed_product_and_not_the_sources() -> None:
    assert str(ROOT) not in sys.path
    for package in (slb, slbctl, ospf):
        assert Path(package.__path__[0]).parent.name == "site-packages"
