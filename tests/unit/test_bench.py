# SPDX-License-Identifier: BSD-3-Clause
"""What the bench borrows of the host, it leaves as it was."""

from pathlib import Path

import pytest
from bench import memory, testpmd

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


def test_pages_that_others_use_are_not_ours(tmp_path: Path) -> None:
    pages = tmp_path / "nr_hugepages"
    pages.write_text("100")
    (tmp_path / "free_hugepages").write_text("20")
    with memory.hugepages(100, tmp_path) as enough:
        assert (enough, pages.read_text()) == (True, "130")
    assert pages.read_text() == "100"


def test_how_much_the_host_holds(tmp_path: Path) -> None:
    host = tmp_path / "meminfo"
    host.write_text("MemTotal:  9216 kB\nMemAvailable:    4096 kB\n")
    assert memory.holds(1024, host) == 2048
    host.write_text("MemTotal:  9216 kB\n")
    with pytest.raises(RuntimeError, match="does not say what is available"):
        memory.holds(1, host)
