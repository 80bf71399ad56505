# SPDX-License-Identifier: BSD-3-Clause
"""Another revision of this repository: its own checkout, its own build, its own bench.

The checkout is a worktree in a temporary folder, which goes in any case. What is built from it
stays in build/compare, by commit, so that the next comparison with it begins at once.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import child
from bench.native import ROOT

CACHE = ROOT / "build/compare"
BUILD_LIMIT_S = 1800
GIT_LIMIT_S = 120
ASK_LIMIT_S = 60
BENCH_LIMIT_S = 3600
NAMES = "from bench.measures import MEASURES; print(*MEASURES)"


@dataclass(frozen=True)
class Side:
    """A checkout that can be measured; `site`: where its packages are, if not installed."""

    name: str
    tree: Path
    site: Path | None = None

    def names(self) -> set[str]:
        """What its bench can measure; nothing when it has none that has names."""
        try:
            return set(self._python(["-c", NAMES], ASK_LIMIT_S).split())
        except RuntimeError:
            return set()

    def measure(self, names: Sequence[str], json: Path) -> None:
        """Measure once, into a file; raises RuntimeError with what it said."""
        words = ["-m", "bench", *names, "--runs", "1", "--json", str(json)]
        self._python(words, BENCH_LIMIT_S)

    def _python(self, words: Sequence[str], limit_s: float) -> str:
        path = [str(self.site)] if self.site else []
        env = {**os.environ, "PYTHONPATH": ":".join([*path, str(self.tree / "tests")])}
        return child.output([sys.executable, "-P", *words], limit_s, env=env, cwd=self.tree)


@contextmanager
def checkout(revision: str, root: Path = ROOT, cache: Path = CACHE) -> Iterator[Side]:
    """Check a revision out for as long as it is needed; raises RuntimeError when there is none."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    with TemporaryDirectory(prefix="slb-bench-") as folder:
        tree = Path(folder) / "tree"
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            # What is built there is found here again.
            kept = cache / commit
            kept.mkdir(parents=True, exist_ok=True)
            (tree / "build").symlink_to(kept.resolve())
            yield Side(f"{revision} ({commit[:12]})", tree, kept / "site")
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def build(side: Side) -> None:
    """Build its packages and its bench program, as a release; raises RuntimeError."""
    kept = (side.tree / "build").resolve()
    done = kept / "done"
    if done.exists():
        return
    print(f"building {side.name}", file=sys.stderr, flush=True)
    # What an interrupted build has left.
    shutil.rmtree(kept)
    kept.mkdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    how = ["--no-build-isolation", "--no-deps", "--no-warn-script-location"]
    where = ["--target", str(side.site), "-Cbuild-dir=build/release"]
    child.output([*pip, *how, *where, "."], BUILD_LIMIT_S, cwd=side.tree)
    # Its own idea of which programs there are.
    programs = ["bash", "-euc", ". .ci/setup.sh; install_bench"]
    child.output(programs, BUILD_LIMIT_S, cwd=side.tree)
    done.touch()


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words],
        capture_output=True,
        text=True,
        timeout=GIT_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        why = done.stderr.strip() or f"there is no revision {words[-1].removesuffix('^{commit}')}"
        raise RuntimeError(why)
    return done.stdout
