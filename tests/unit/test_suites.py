# SPDX-License-Identifier: BSD-3-Clause
"""The runner of the suites: what it counts, and what it does when a suite goes wrong."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import suites
from hugepages import given_back
from junit import Counts, read_counts, write_report

from rig.waiting import wait

REPORT = """<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="good"/>
<testcase classname="tests.unit.test_a" name="bad"><failure message="x"/></testcase>
<testcase classname="tests.unit.test_a" name="broken"><error message="x"/></testcase>
<testcase classname="tests.unit.test_a" name="not here"><skipped message="no vhost"/></testcase>
</testsuite></testsuites>"""


def test_counts_of_a_report(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT)
    counts = read_counts(tmp_path / "r.xml", 1)
    assert (counts.passed, counts.failed) == (1, 2)
    assert counts.skipped == ["tests/unit/test_a::not here: no vhost"]


@pytest.mark.parametrize(
    ("problems", "status", "failed"),
    [
        ({"a": [], "b": ["x"]}, 1, 1),
        ({"a": []}, 0, 0),
        ({"a": []}, 1, 1),
        ({"a": []}, -11, 1),
        ({"a": ["x"]}, "stopped after 9 s", 2),
        ({}, 0, 1),
        (None, 0, 1),
    ],
)
def test_unexplained_status_counts_as_failed(
    tmp_path: Path, problems: dict[str, list[str]] | None, status: int | str, failed: int
) -> None:
    report = tmp_path / "r.xml"
    if problems is not None:
        write_report(report, "lint", problems)
    assert read_counts(report, status).failed == failed


HANGING = """
import pathlib, threading, pytest

@pytest.mark.parametrize("number", [0, 1])
def test_that_hangs(number):
    here = pathlib.Path(__file__)
    try:
        here.with_name(f"{number}.begun").touch()
        threading.Event().wait()
    finally:
        here.with_name(f"{number}.cleaned").touch()
"""


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Counts:
    monkeypatch.setattr(suites, "REPORTS", tmp_path)
    return suites.execute(suites.Run("x", [sys.executable, "-c", code])).counts


def test_crashed_suite_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = run(tmp_path, monkeypatch, "import os; os.kill(os.getpid(), 11)")
    assert counts.trouble == ["ran no test (exit status -11)"]


def test_hanging_suite_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python has to be up by then, beside whatever else runs.
    monkeypatch.setattr(suites, "LIMIT_S", 2)
    mark = tmp_path / "cleaned"
    code = f"""
import os
try:
    os.read(os.pipe()[0], 1)
finally:
    open({str(mark)!r}, "w").close()
"""
    counts = run(tmp_path, monkeypatch, code)
    assert "stopped after" in counts.trouble[0]
    assert mark.exists()


def test_every_suite_is_listed() -> None:
    """Each has tests of its own, or is lint, and ./dev names them all."""
    usage = (suites.ROOT / "dev").read_text()
    assert f"run the tests: {' '.join(suites.SUITES)} (default: all)" in usage
    folders = {run.argv[2] for suite in suites.SUITES[1:] for run in suites.runs_of(suite)}
    assert folders == {f"tests/{suite}" for suite in suites.SUITES[1:]}
    assert all((suites.ROOT / folder).is_dir() for folder in folders)


def test_every_test_runs_once() -> None:
    """Beside others or after them; those of the sanitized build are run besides."""
    for suite in suites.BESIDE:
        beside, calm, *_ = suites.runs_of(suite)
        assert (beside.argv[-2:], calm.argv[-2:]) == (["-m", "not calm"], ["-m", "calm"])
    *_, sanitized = suites.runs_of("netns")
    assert sanitized.env and not beside.env and not calm.env


def test_all_processes_of_a_suite_are_interrupted(tmp_path: Path) -> None:
    """Also those in which its tests run, and they clean up before it is over."""
    (tmp_path / "test_x.py").write_text(HANGING)
    folder = str(tmp_path)
    run = suites.pytest("x", folder, "-n", "2", "--rootdir", folder, "-c", os.devnull)
    process = subprocess.Popen(run.argv, stdout=subprocess.DEVNULL, process_group=0)
    try:
        wait(lambda: len(list(tmp_path.glob("*.begun"))) == 2, 60, "both tests")
    finally:
        suites.stop(process)
    assert sorted(file.name for file in tmp_path.glob("*.cleaned")) == ["0.cleaned", "1.cleaned"]


def test_last_line_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        suites.Result("unit", Counts(3, 1, ["a: no vhost"], ["b"]), 1.0),
        suites.Result("path", Counts(2, 0, [], []), 1.0),
    ]
    assert suites.summary(results) is False
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 1 failed, 1 skipped"
    assert suites.summary(results[1:]) is True
    assert suites.summary([]) is False


def test_the_guest_is_a_vm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both names run the same suite, once."""
    begun: list[str] = []
    monkeypatch.setattr(suites, "REPORTS", tmp_path)
    monkeypatch.setattr(suites, "sweep", lambda: None)
    monkeypatch.setattr(suites, "given_back", contextlib.nullcontext)
    monkeypatch.setattr(suites.signal, "signal", lambda *_: None)
    monkeypatch.setattr(suites, "runs_of", lambda suite: begun.append(suite) or [])
    assert suites.main(["vm", "guest"]) == 1
    assert begun == ["guest"]


def test_unknown_suite_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert suites.main(["untit"]) == 2
    assert "untit" in capsys.readouterr().err


@pytest.fixture
def pools(tmp_path: Path) -> Path:
    (tmp_path / "pools/hugepages-2048kB").mkdir(parents=True)
    (tmp_path / "pools/hugepages-2048kB/nr_hugepages").write_text("7\n")
    return tmp_path / "pools"


def pages(pools: Path) -> int:
    return int((pools / "hugepages-2048kB/nr_hugepages").read_text())


def test_hugepages_are_given_back(pools: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    with given_back(pools, record):
        (pools / "hugepages-2048kB/nr_hugepages").write_text("99\n")
    assert pages(pools) == 7
    assert not record.exists()


@pytest.mark.parametrize(("pid", "left"), [(2**22 + 1, 3), (os.getpid(), 7)], ids=["gone", "ours"])
def test_hugepages_of_an_aborted_run(pools: Path, tmp_path: Path, pid: int, left: int) -> None:
    record = tmp_path / "record"
    record.write_text(json.dumps({"pid": pid, "pages": {"hugepages-2048kB": 3}}))
    with given_back(pools, record):
        pass
    assert pages(pools) == left
