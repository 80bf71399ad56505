# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench --compare REV`: what is made of two revisions' figures, and what is left behind."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bench import child, compare, native
from bench.compare import Row, rows
from bench.revision import Side, build, checkout

pytest_plugins = ["unit.bench_fixture"]


def figure(value: float, sides: dict[str, float] | None = None, more: bool = False) -> Any:
    made = {side: {"runs": [cycles]} for side, cycles in (sides or {}).items()}
    return {"value": value, "sides": made, "more": more, "target": None if sides else 1.0}


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("first")
    git(folder, "add", "file")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def worktrees(repository: Path) -> int:
    return len(git(repository, "worktree", "list").splitlines())


def test_each_side_of_each_figure_is_a_row() -> None:
    rev = [{"a.ratio": figure(2, {"ours": n, "5tswap": 10}), "b": figure(7)} for n in (30, 20)]
    here = [
        {
            "machine": {},
            "a.ratio": figure(2, {"ours": n, "5tswap": 11}),
            "b": figure(7),
            "c": figure(1),
        }
        for n in (44, 22)
    ]
    ours, yardstick, value = rows(rev, here)
    assert (ours.name, ours.rev, ours.here) == ("a.ratio ours", (30, 20), (44, 22))
    assert ours.ratio() == 1.1
    assert "22.00 (33.00)" in ours.line()
    assert (yardstick.name, yardstick.yardstick) == ("a.ratio 5tswap", True)
    assert (value.name, value.ratio()) == ("b", 1.0)


def test_what_the_machine_takes_is_a_yardstick() -> None:
    """Though its sides have the names of the changes, which are ours."""
    for key, expected in (("m5.us", False), ("m5.hole", True)):
        (row,) = rows([{key: figure(8, {"commit": 8})}], [{key: figure(99, {"commit": 99})}])
        assert row.yardstick is expected


def test_what_has_no_target_is_not_judged() -> None:
    rate = {"m3.rate": {"value": 900_000, "sides": {}, "more": False, "target": None}}
    (row,) = rows([rate], [rate])
    assert not row.judged


@pytest.mark.parametrize(
    ("row", "slower"),
    [
        (Row("cost", (100.0,), (104.0,)), False),
        (Row("cost", (100.0,), (106.0,)), True),
        (Row("cost", (100.0,), (10.0,)), False),
        (Row("cost", (0.0,), (1.0,)), True),
        (Row("cost", (0.0,), (0.0,)), False),
        (Row("gain", (2.0,), (1.0,), more=True), True),
        (Row("gain", (2.0,), (3.0,), more=True), False),
        (Row("5tswap", (100.0,), (200.0,), yardstick=True), False),
        (Row("rate", (100.0,), (200.0,), judged=False), False),
    ],
)
def test_what_is_slower_than_the_bound(row: Row, slower: bool) -> None:
    assert row.slower(1.05) is slower


def test_the_checkout_goes_also_upon_failure(repository: Path, tmp_path: Path) -> None:
    (repository / "file").write_text("second")
    with (
        pytest.raises(ZeroDivisionError),
        checkout("HEAD", repository, tmp_path / "cache") as side,
    ):
        assert (side.tree / "file").read_text() == "first"
        assert worktrees(repository) == 2
        (side.tree / "build/kept").touch()
        _ = 1 / 0
    assert worktrees(repository) == 1
    assert not side.tree.exists()
    assert (tmp_path / "cache" / git(repository, "rev-parse", "HEAD") / "kept").exists()


def test_a_revision_that_is_not_there(repository: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="there is no revision v9"),
        checkout("v9", repository, tmp_path),
    ):
        pass


def test_a_revision_without_bench_has_no_names(repository: Path) -> None:
    assert Side("rev", repository).names() == set()
    assert "m1b" in Side("here", native.ROOT).names()


def test_a_revision_without_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^HEAD \(\w{12}\) has no measurement m0, m00$"):
        compare.run("HEAD", ["m7", "m0", "m00"], 1, None, None, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.usefixtures("bench_programs")
@pytest.mark.parametrize("bound", [None, 1.05])
def test_a_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bound: float | None
) -> None:
    # As if what is installed had been built from the last commit.
    kept = tmp_path / git(native.ROOT, "rev-parse", "HEAD")
    kept.mkdir()
    (kept / "release").symlink_to(native.ROOT / "build/release")
    (kept / "done").touch()
    file = tmp_path / "rows.json"
    assert compare.run("HEAD", ["m7"], 2, bound, file, tmp_path) == 0
    assert "m7.locks" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert set(written["machines"]) == {"rev", "here"}
    assert written["rows"]["m7.locks"]["ratio"] == 1.0
    assert len(written["rows"]["m7.locks"]["rev"]) == 2


def test_another_revision_is_built_by_its_own_rules(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: its packages, then its programs, in its own tree; what was left half done goes."""
    ran: list[tuple[Path, str]] = []

    def output(command: list[str], _limit_s: float, *, cwd: Path) -> str:
        ran.append((cwd, " ".join(command)))
        return ""

    monkeypatch.setattr(child, "output", output)
    with checkout("HEAD", repository, tmp_path / "cache") as side:
        (side.tree / "build/half").touch()
        for _ in range(2):
            build(side)
        assert [tree for tree, _ in ran] == [side.tree] * 2
        (_, packages), (_, programs) = ran
        assert "pip --disable-pip-version-check -q install" in packages
        assert f"--target {side.site} -Cbuild-dir=build/release ." in packages
        assert programs == "bash -euc . .ci/setup.sh; install_bench"
        assert side.site == tmp_path / "cache" / git(repository, "rev-parse", "HEAD") / "site"
        assert not (side.tree / "build/half").exists()


def test_the_sides_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other revision is built before anything is measured, and each writes its own figures."""
    turns: list[str] = []

    def measure(side: Side, names: list[str], file: Path) -> None:
        turns.append(side.name)
        figures = {"machine": {}, names[0]: figure(1.0 if side.name == "here" else 2.0)}
        file.write_text(json.dumps(figures))

    monkeypatch.setattr(Side, "measure", measure)
    monkeypatch.setattr(compare, "build", lambda side: turns.append(f"build {side.name}"))
    monkeypatch.setattr(Side, "names", lambda _: {"m1b"})
    file = tmp_path / "rows.json"
    assert compare.run("HEAD", ["m1b"], 2, None, file, tmp_path / "cache") == 0
    head = f"HEAD ({git(native.ROOT, 'rev-parse', 'HEAD')[:12]})"
    assert turns == [f"build {head}", *[head, "here"] * 2]
    row = json.loads(file.read_text())["rows"]["m1b"]
    assert (row["rev"], row["here"], row["ratio"]) == ([2.0, 2.0], [1.0, 1.0], 0.5)


def test_what_takes_too_long() -> None:
    with pytest.raises(RuntimeError, match=r"^sleep took more than 0.1 s$"):
        child.output(["/usr/bin/sleep", "9"], 0.1)
