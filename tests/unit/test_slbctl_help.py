# SPDX-License-Identifier: BSD-3-Clause
"""The help texts and the man page."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import slbctl

from slbctl.failures import STATUSES
from slbctl.root import CONTENTS, cli

pytest_plugins = ["unit.daemon_fixture"]

ROOT = Path(__file__).parents[2]
PAGES = ["slbctl.1", "slbd.8", "slb-agent.8"]


def words_of(name: str, command: click.Command) -> list[tuple[str, ...]]:
    """The commands that begin with one word."""
    if isinstance(command, click.Group):
        return [(name, verb) for verb in command.commands]
    return [(name,)]


COMMANDS = [words for item in cli.commands.items() for words in words_of(*item)]


def help_of(*words: str) -> str:
    result = slbctl("/nowhere", *words, "--help")
    assert (result.status, result.err) == (0, "")
    return result.out


def test_the_root_is_a_table_of_contents() -> None:
    text = help_of()
    sections = [line.rstrip(":") for line in text.splitlines() if line.endswith(":")]
    assert sections == [*CONTENTS, "Options", "Exit status", "Examples"]
    for words in COMMANDS:
        (line,) = (row for row in text.splitlines() if row.startswith(f"  {' '.join(words)}  "))
        assert line.endswith(".") and len(line) <= 100, line
    for status, meaning in STATUSES.items():
        assert f"  {status:<3}  {meaning}\n" in text


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...]) -> None:
    text = help_of(*words)
    assert f"slbctl {' '.join(words)}" in text.partition("\nExamples:\n")[2]
    assert "Usage: slbctl" in text and max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_reading_verbs_take_json(words: tuple[str, ...]) -> None:
    without = {"add", "del", "edit", "set", "drain", "bind", "unbind", "confirm", "completion"}
    without |= {"top", "support-bundle", "restart"}
    assert ("--json" in help_of(*words)) != (words[-1] in without)


@pytest.fixture
def gen_man() -> ModuleType:
    """docs/gen_man.py, which is no package."""
    spec = importlib.util.spec_from_file_location("gen_man", ROOT / "docs/gen_man.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_a_man_page_is_the_one_the_commands_give(gen_man: ModuleType, name: str) -> None:
    assert (gen_man.MAN / name).read_text() == gen_man.pages()[name], "run python docs/gen_man.py"


def test_no_page_is_left_over(gen_man: ModuleType) -> None:
    assert sorted(path.name for path in gen_man.MAN.iterdir()) == sorted(gen_man.pages())


def test_the_man_page_knows_every_command_and_status(gen_man: ModuleType) -> None:
    page = gen_man.pages()["slbctl.1"].replace("\\-", "-")
    for words in COMMANDS:
        assert f'.SS "slbctl {" ".join(words)} ' in page
    for status, meaning in STATUSES.items():
        assert f"\\fB{status}\\fR\n{meaning}\n" in page
    assert "SLB_SOCKET" in page


@pytest.mark.parametrize("program", ["slbd", "slb-agent"])
def test_a_daemons_page_knows_every_option(gen_man: ModuleType, program: str) -> None:
    page = gen_man.pages()[f"{program}.8"].replace("\\-", "-")
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"--[a-z]+", told))
    assert options and options <= set(re.findall(r"--[a-z]+", page))
    assert "%(default)s" not in page and "/run/slb" in page


@pytest.mark.parametrize("name", PAGES)
def test_groff_has_nothing_to_say_about_a_man_page(gen_man: ModuleType, name: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    command = ["groff", "-ww", "-man", "-Tascii", "-z"]
    done = subprocess.run(command, input=gen_man.pages()[name], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["vs", "list"], ["rs", "del", "--help"]])
def test_nothing_slow_is_loaded(daemon: FakeDaemon, words: list[str]) -> None:
    """An operator and a shell that completes wait for every import; these cost most."""
    script = (
        "import sys, slbctl.main\n"
        f"sys.argv[1:] = {words!r}\n"
        "try: slbctl.main.main()\n"
        "except SystemExit as end: assert not end.code, end\n"
        "slow = {'aiohttp', 'asyncio', 'curses', 'elftools', 'yaml', 'pyroute2', 'slb._engine'}\n"
        "slow |= {'slbctl.facts', 'slbctl.top_view', 'tarfile'}\n"
        "print(*sorted(slow & set(sys.modules)), file=sys.stderr)\n"
    )
    env = {**os.environ, "SLB_SOCKET": str(daemon.socket)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "\n")
