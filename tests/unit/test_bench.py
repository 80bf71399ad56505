# SPDX-License-Identifier: BSD-3-Clause
"""The bench's yardstick leaves nothing of EAL's behind."""

from pathlib import Path

import pytest
from bench import testpmd

FAKE = """#!/bin/sh
mkdir -p "$RUNTIME_DIRECTORY/dpdk/rte"
echo "$RUNTIME_DIRECTORY" > {folder}/runtime
echo "CPU cycles/packet={cycles}"
"""


@pytest.mark.parametrize(("cycles", "good"), [("170.2", True), ("none", False)])
def test_testpmds_runtime_directory_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: str, good: bool
) -> None:
    program = tmp_path / "dpdk-testpmd"
    program.write_text(FAKE.format(folder=tmp_path, cycles=cycles))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "frames.pcap").touch()
    if good:
        assert testpmd.cycles(tmp_path / "frames.pcap", 8192, 64, huge=False) == 170.2
    else:
        with pytest.raises(RuntimeError, match="gave no figure"):
            testpmd.cycles(tmp_path / "frames.pcap", 8192, 64, huge=False)
    runtime = Path((tmp_path / "runtime").read_text().strip())
    assert runtime.name.startswith("slb-bench")
    assert not runtime.exists()
