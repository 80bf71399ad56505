# SPDX-License-Identifier: BSD-3-Clause
"""What docs/operations.md has an operator type when an alert fires works as it stands there."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.agent import Agent
from rig.lb import program
from rig.rig import Rig
from rig.services import all_services

pytestmark = pytest.mark.netns

DOC = Path(__file__).parents[2] / "docs/operations.md"
# What they want beside stands where a run-book leads to; tests/unit knows that there are such.
NOT_AS_THEY_STAND = {"slbctl", "slbctl laddr add", "slbctl rs drain", "slbctl rollback"}
# Its exit status says whether all is well.
JUDGES = "slbctl status"


def typed() -> list[str]:
    """The commands of all run-books, but for those of systemd."""
    text = DOC.read_text()
    books = text[text.index("\n## When an alert fires") :]
    found = re.findall(r"`((?:slbctl|curl|birdc|ps) ?[^`]*)`", books)
    return sorted(set(found) - NOT_AS_THEY_STAND)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Rig, Agent]]:
    """Both programs, with services."""
    with Rig() as rig:
        rig.wait_ospf()
        rig.lb.apply(all_services())
        yield rig, Agent(rig)


@pytest.mark.parametrize("line", typed())
def test_it_works(running: tuple[Rig, Agent], line: str, tmp_path: Path) -> None:
    rig, agent = running
    words = line.replace("VS", all_services()[0]["vs"]).split()
    if words[0] == "slbctl":
        words[:1] = [program("slbctl"), "--socket", str(agent.socket)]
    if line == "slbctl top":
        words += ["-n", "1", "--plain"]
    moved = {
        "/run/slb/slbd.sock": str(rig.lb.socket),
        "/run/slb-agent/agent.sock": str(agent.socket),
        "/run/slb/slbd.bird/bird.ctl": str(rig.lb.socket.with_suffix(".bird") / "bird.ctl"),
    }
    words = [moved.get(word, word) for word in words]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 or (line == JUDGES and done.returncode == 1), done.stderr
    assert done.stdout.strip()
    print(done.stdout)
