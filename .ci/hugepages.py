# SPDX-License-Identifier: BSD-3-Clause
"""Giving back the hugepages that tests reserve, also those of a run that was killed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POOLS = Path("/sys/kernel/mm/hugepages")
RECORD = Path("/run/slb-test-hugepages.json")


@contextmanager
def given_back(pools: Path = POOLS, record: Path = RECORD) -> Iterator[None]:
    """Leave the pools as they were before, or as they were before an aborted run.

    A run beside another one that still lives leaves the pools to it.
    """
    earlier = _read(record)
    if earlier is not None and Path(f"/proc/{earlier['pid']}").exists():
        yield
        return
    before: dict[str, int] = earlier["pages"] if earlier else _reserved(pools)
    record.write_text(json.dumps({"pid": os.getpid(), "pages": before}))
    try:
        yield
    finally:
        for name, pages in before.items():
            file = pools / name / "nr_hugepages"
            if int(file.read_text()) != pages:
                file.write_text(str(pages))
        record.unlink(missing_ok=True)


def _reserved(pools: Path) -> dict[str, int]:
    files = sorted(pools.glob("*/nr_hugepages"))
    return {file.parent.name: int(file.read_text()) for file in files}


def _read(record: Path) -> Any:
    try:
        return json.loads(record.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
