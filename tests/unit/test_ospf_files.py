# SPDX-License-Identifier: BSD-3-Clause
"""The configuration file, before and after a failure; what an aborted run has left."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.bird_setup import REPLIES, birdc

from ospf.bird_conf import MARK
from ospf.config_file import ConfigFile
from ospf.leftover import end_leftover
from rig.waiting import wait
from slb.errors import OspfError

# Answers by its last word: whether the configuration is good is for the file `verdict` to say.
CHECKING = """
for last; do :; done
echo "$last" >> {dir}/asked
case $last in
"configure check") cat {dir}/verdict ;;
*) cat {replies}/configure.txt ;;
esac
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    return ConfigFile(tmp_path / "slb.conf")


def load(file: ConfigFile, text: str, verdict: str) -> list[str]:
    """Load a text into a stand-in for BIRD; returns what was asked of it."""
    directory = file.path.parent
    (directory / "verdict").write_bytes((REPLIES / f"{verdict}.txt").read_bytes())
    client = birdc(directory, CHECKING.format(dir=directory, replies=REPLIES))
    try:
        asyncio.run(file.load(client, text))
    finally:
        asked = (directory / "asked").read_text().splitlines()
    return asked


def test_checks_before_it_configures(file: ConfigFile) -> None:
    assert load(file, f"{MARK}\nnew\n", "check-ok") == ["configure check", "configure"]
    assert file.path.read_text() == f"{MARK}\nnew\n"


def test_refused_text_gives_way_to_the_old_one(file: ConfigFile) -> None:
    file.write(f"{MARK}\nold\n")
    with pytest.raises(OspfError, match="BIRD refuses"):
        load(file, f"{MARK}\nnew\n", "check-error")
    assert file.path.read_text() == f"{MARK}\nold\n"
    assert (file.path.parent / "asked").read_text() == "configure check\n"


def test_refused_first_text_leaves_a_file_that_bird_can_include(file: ConfigFile) -> None:
    with pytest.raises(OspfError):
        load(file, f"{MARK}\nnew\n", "check-error")
    assert file.path.read_text() == f"{MARK}\n"


@pytest.mark.parametrize("text", [None, "", "\n", f"{MARK}\nprotocol static x {{}}\n"])
def test_claims_what_is_ours(file: ConfigFile, text: str | None) -> None:
    if text is not None:
        file.path.write_text(text)
    file.claim()


def test_does_not_claim_the_file_of_another(file: ConfigFile) -> None:
    file.path.write_text("router id 192.0.2.9;\n")
    with pytest.raises(OspfError, match=r"slb\.conf was not written by slbd"):
        file.claim()


def test_write_leaves_no_other_file(file: ConfigFile) -> None:
    file.write("one")
    file.write("two")
    assert [path.name for path in file.path.parent.iterdir()] == ["slb.conf"]


@pytest.mark.parametrize(
    ("secret", "shared", "mode"),
    [(False, False, 0o644), (False, True, 0o644), (True, False, 0o600), (True, True, 0o640)],
)
def test_who_may_read_it(tmp_path: Path, secret: bool, shared: bool, mode: int) -> None:
    """A file with keys is its owner's, or one for the group of its folder, from the start."""
    file = ConfigFile(tmp_path / "slb.conf", secret, shared)
    (tmp_path / ".slb.conf.new").write_text("left by an aborted run, for all to read")
    file.write("text")
    found = file.path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (mode, tmp_path.stat().st_gid)


def test_directory_that_does_not_exist(tmp_path: Path) -> None:
    missing = ConfigFile(tmp_path / "none" / "slb.conf")
    with pytest.raises(OspfError, match=r"cannot write .*/none/slb\.conf: No such file"):
        missing.write("text")


def test_path_that_is_a_directory(tmp_path: Path) -> None:
    with pytest.raises(OspfError, match=r"cannot read .*: Is a directory"):
        ConfigFile(tmp_path).claim()


SLEEPER = "import sys; sys.stdin.read()"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a configuration file among its arguments."""
    words = [sys.executable, "-c", SLEEPER, "-c", str(tmp_path / "bird.conf")]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        # The kernel shows the arguments a moment after the program is said to have started.
        arguments = Path(f"/proc/{process.pid}/cmdline")
        wait(lambda: str(tmp_path) in arguments.read_text(), 10, "the sleeper's arguments")
        yield process
        process.kill()


def test_leftover_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    (tmp_path / "bird.pid").write_text(f"{sleeper.pid}\n")
    end_leftover(tmp_path / "bird.pid", tmp_path / "bird.conf", 5)
    assert sleeper.wait(5) != 0


def test_process_of_another_with_that_pid_lives(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    (tmp_path / "bird.pid").write_text(f"{sleeper.pid}\n")
    end_leftover(tmp_path / "bird.pid", tmp_path / "other.conf", 5)
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "99999999999999999999", "4194304", "\0"])
def test_pid_file_with_anything_in_it(tmp_path: Path, text: str) -> None:
    """It raises nothing, and no process that this test belongs to is ended."""
    (tmp_path / "bird.pid").write_text(text)
    end_leftover(tmp_path / "bird.pid", tmp_path / "bird.conf", 5)


def test_no_pid_file(tmp_path: Path) -> None:
    end_leftover(tmp_path / "bird.pid", tmp_path / "bird.conf", 5)
