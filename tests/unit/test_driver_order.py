# SPDX-License-Identifier: BSD-3-Clause
"""Where DPDK's tools have a kind of pool in their list."""

import os
from pathlib import Path

import pytest

from slb.engine import driver_order

pytest.importorskip("slb._engine", reason="the engine is not built")


def drivers() -> tuple[str, str, int]:
    """What the engine knows of them."""
    from slb.engine.binding import ffi, lib, text

    found = ffi.new("struct slb_drivers *")
    lib.slb_drivers_of_tools(found)
    return text(found.folder), text(found.pool_kind), found.kind_bytes


def test_order_of_the_folder(tmp_path: Path) -> None:
    """The place is the number of kinds that earlier drivers have brought."""
    folder, kind, size = drivers()
    if not os.path.isdir(folder):
        pytest.skip("no drivers of DPDK's tools")
    here = driver_order.place(folder, kind, size)
    assert here is not None
    assert driver_order.place(folder, "ring_sp_sc", size) == here + 1
    alone = tmp_path / Path(folder).name
    alone.mkdir()
    version = Path(folder).name.partition("-")[2]
    ring = f"librte_mempool_ring.so.{version}"
    (alone / ring).symlink_to(Path(folder) / ring)
    assert driver_order.place(str(alone), kind, size) == 0


def test_no_tools(tmp_path: Path) -> None:
    """Neither a folder nor drivers in it: nothing to go by."""
    _, kind, size = drivers()
    assert driver_order.place(str(tmp_path / "none"), kind, size) is None
    assert driver_order.place(str(tmp_path), kind, size) is None
    assert driver_order.place(str(tmp_path), "no_such_kind", size) is None
