# SPDX-License-Identifier: BSD-3-Clause
"""The demo, to its end and broken off: whatever ends it, nothing of it is left."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.addresses import PODS
from rig.netns import environment
from rig.registry import NETNS, ROOT, Registry
from rig.sweep import sweep

pytestmark = pytest.mark.netns

DEMO = Path(__file__).resolve().parents[1] / "demo.py"
STEPS = [
    "Start",
    "VS and RS added",
    "OSPF",
    "Routes",
    "HTTP by rr",
    "UDP by wrr",
    "Counters",
    "IPv6 and NAT64",
    "RS removed",
    "RS added",
    "slbd stopped",
]
STEP = re.compile(r"(ok|FAILED) +[\d.]+ s  (.{15})  (.*)")
# Those that go on until somebody ends them, and what shows that they work.
ENDLESS = {"tcpdump": "listening on slb0", "tail": "slbd: "}

Process = subprocess.Popen[str]


@contextmanager
def started(*options: str) -> Iterator[Process]:
    words = [sys.executable, str(DEMO), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        try:
            yield process
        finally:
            process.kill()
    sweep()


def read_until(process: Process, wanted: str) -> list[str]:
    """Lines up to and with the first that has `wanted` in it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if wanted in line:
            return lines
    raise AssertionError(f"no line with {wanted!r} among {lines}")


def steps(lines: list[str]) -> list[tuple[str, str, str]]:
    """Outcome, title and text of each step."""
    found = [match.groups() for match in map(STEP.match, lines) if match]
    return [(outcome, title.strip(), text) for outcome, title, text in found]


def left(pid: int) -> list[Path]:
    """Directories and namespaces of the demo's run."""
    return [*ROOT.glob(f"slbd{pid}-*"), *NETNS.glob(f"slbd{pid}-*")]


def test_to_its_end() -> None:
    """Every step holds and is said, the tables are shown, and nothing is left."""
    with started() as demo:
        out, err = demo.communicate(timeout=180)
        assert (demo.returncode, err) == (0, "")
        assert left(demo.pid) == []
    lines = out.splitlines()
    assert [step[:2] for step in steps(lines)] == [("ok", title) for title in STEPS]
    seen = {title: text for _, title, text in steps(lines)}
    for title in ("HTTP by rr", "UDP by wrr", "IPv6 and NAT64"):
        assert " 1000: " in seen[title]
        assert all(f"{pod.name} " in seen[title] for pod in PODS)
    for verb in ("vs list", "rs list", "session list --limit 4", "drops", "stats"):
        assert any(line.strip() == f"$ slbctl {verb}" for line in lines)
    assert "10.96.0.10:80/tcp" in out
    assert lines[-1].startswith("All of it held, in ")


def test_a_step_that_fails() -> None:
    """A pod that dies shows in the step that needs it; what it expected and saw is said."""
    with started("--workers", "1") as demo:
        lines = read_until(demo, "VS and RS added")
        (directory,) = ROOT.glob(f"slbd{demo.pid}-*")
        registry = Registry(directory)
        (pod,) = (
            process
            for process, entry in zip(
                registry.processes(), [*registry.entries("process")][::-1], strict=True
            )
            if entry["name"] == PODS[1].name
        )
        pod.send(signal.SIGKILL)
        out, err = demo.communicate(timeout=120)
        assert demo.returncode == 1
        assert left(demo.pid) == []
    done = steps(lines + out.splitlines())
    assert [step[:2] for step in done[:-1]] == [("ok", title) for title in STEPS[:4]]
    assert done[-1][:2] == ("FAILED", "HTTP by rr")
    assert re.search(r"expected 1000 answered.*, saw \d+: ", done[-1][2])
    assert "All of it held" not in out
    assert "Traceback" not in err


def test_kept_running() -> None:
    """What it says can be tried works, and Ctrl-C ends it well."""
    with started("--workers", "1", "--keep") as demo:
        read_until(demo, "To try")
        commands = [line.strip() for line in read_until(demo, "slbd.log")]
        assert len(commands) == 9
        for command in commands:
            words = shlex.split(command)
            if proofs := [ENDLESS[word] for word in words if word in ENDLESS]:
                endless(words, proofs[0])
            else:
                done = subprocess.run(
                    words, capture_output=True, text=True, timeout=20, check=False
                )
                assert done.returncode == 0, (command, done.stderr)
                assert done.stdout.strip(), command
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=60)
        assert (demo.returncode, err) == (0, "")
        assert steps(out.splitlines())[-1][:2] == ("ok", "slbd stopped")
        assert left(demo.pid) == []


def endless(words: list[str], proof: str) -> None:
    """Run a command until it has said that it works."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(words, stdout=pipe, stderr=both, text=True) as process:
        try:
            read_until(process, proof)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(number: signal.Signals) -> None:
    """It takes everything down and says so by its exit status."""
    with started("--workers", "1") as demo:
        read_until(demo, "ok ")
        assert left(demo.pid)
        demo.send_signal(number)
        demo.communicate(timeout=60)
        assert demo.returncode == 130
        assert left(demo.pid) == []
