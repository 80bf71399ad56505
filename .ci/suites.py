# SPDX-License-Identifier: BSD-3-Clause
"""Run test suites, each in a process of its own, and sum them up: `suites.py [SUITE...]`.

The last line is `N passed, N failed, N skipped`. A suite that crashes, hangs or runs no test counts
as failed. Some spread their tests over processes with pytest-xdist; what must not run beside others
is marked `calm` and comes after them. What aborted earlier runs left behind is swept before and
after.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from hugepages import given_back
from junit import Counts, read_counts

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build/test"
# The suite in a virtual machine is called by either name.
ALIASES = {"vm": "guest"}
SUITES = ("lint", "unit", "path", "oracle", "pcap", "fuzz", "netns", "guest")
LIMIT_S = 2100
SANITIZED_FRAMES = "20000"  # that the oracle compares there
# Each test makes its own harness, one a process at a time.
IN_TWO = ("-n", "2", "--dist", "worksteal")
# They wait more than they compute. tests/netns/conftest.py tells what each of the three has there.
BESIDE = {
    "unit": ("-n", "3", "-m", "not calm"),
    "netns": ("-n", "3", "--no-loadscope-reorder", "-m", "not calm"),
}
CLEANUP_S = 60


@dataclass(frozen=True)
class Run:
    """One process that writes a junit report."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def report(self) -> Path:
        return REPORTS / f"{self.name.replace(' ', '-')}.xml"


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    name: str
    counts: Counts
    seconds: float


def pytest(name: str, folder: str, *options: str, env: dict[str, str] | None = None) -> Run:
    """The pytest script, because `python -m pytest` would put the source folder onto sys.path."""
    return Run(name, [str(ROOT / ".venv/bin/pytest"), "-q", folder, *options], env or {})


def sanitized_env() -> dict[str, str]:
    """The environment in which the sanitized product is found before the installed one."""
    where = ["gcc", "-print-file-name=libasan.so"]
    libasan = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    return {
        "PYTHONPATH": str(ROOT / "build/asan/site"),
        "LD_PRELOAD": libasan,
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:disable_coredump=0",
        "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    }


def runs_of(suite: str) -> list[Run]:
    """The processes a suite consists of."""
    folder = f"tests/{suite}"
    if suite == "lint":
        return [Run("lint", [sys.executable, "-P", "-m", "lint"], {"PYTHONPATH": ".ci"})]
    if suite in ("fuzz", "guest"):
        return [pytest(suite, folder)]
    if suite == "oracle":
        fewer = sanitized_env() | {"ORACLE_FRAMES": SANITIZED_FRAMES}
        return [pytest(suite, folder), pytest("oracle (sanitized)", folder, env=fewer)]
    sanitized = f"{suite} (sanitized)"
    if suite in BESIDE:
        runs = [
            pytest(suite, folder, *BESIDE[suite]),
            pytest(f"{suite} (calm)", folder, "-m", "calm"),
        ]
        if suite == "netns":
            runs.append(pytest(sanitized, folder, "-n", "2", "-m", "asan", env=sanitized_env()))
        return runs
    how = IN_TWO if suite == "path" else ()
    return [pytest(suite, folder, *how), pytest(sanitized, folder, *how, env=sanitized_env())]


def execute(run: Run) -> Result:
    """Run one process to its end, or to the limit; never raises for what goes wrong in it."""
    print(f"\n==> {run.name}", flush=True)
    run.report.unlink(missing_ok=True)
    began = time.monotonic()
    # In a group of its own it is interrupted once, by us; should we be killed, the kernel ends it.
    argv = ["setpriv", "--pdeathsig", "KILL", *run.argv, f"--junit-xml={run.report}"]
    process = subprocess.Popen(
        argv, env=os.environ | run.env, stdin=subprocess.DEVNULL, process_group=0
    )
    status: int | str
    try:
        status = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        status = f"stopped after {LIMIT_S} s"
    finally:
        stop(process)
    return Result(run.name, read_counts(run.report, status), time.monotonic() - began)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process and those it runs tests in, so that they clean up, then kill them;
    nothing when it has ended."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(CLEANUP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def sweep() -> None:
    """Remove namespaces, processes and sockets of runs whose owner is gone."""
    if (ROOT / "tests/rig/sweep.py").exists():
        env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
        subprocess.run([sys.executable, "-P", "-m", "rig.sweep"], env=env, check=False)


def summary(results: list[Result]) -> bool:
    """Print one line a suite, the skips and the sum; tells whether nothing failed."""
    print(f"\n{'suite':<20}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for r in results:
        c = r.counts
        print(f"{r.name:<20}{c.passed:>8}{c.failed:>8}{len(c.skipped):>9}{r.seconds:>9.1f}")
    for r in results:
        for line in r.counts.skipped:
            print(f"skipped, {r.name}: {line}")
    for r in results:
        for line in r.counts.trouble:
            print(f"failed, {r.name}: {line}")
    passed = sum(r.counts.passed for r in results)
    failed = sum(r.counts.failed for r in results)
    skipped = sum(len(r.counts.skipped) for r in results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return failed == 0 and passed > 0


def main(names: list[str]) -> int:
    """Run the suites named, or all; returns the exit status."""
    names = [ALIASES.get(name, name) for name in names]
    unknown = sorted(set(names) - {*SUITES, "all"})
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are {' '.join(SUITES)}", file=sys.stderr)
        return 2
    # CI may start us with the interrupt ignored, and then nothing would be cleaned up on it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    os.chdir(ROOT)
    REPORTS.mkdir(parents=True, exist_ok=True)
    wanted = [s for s in SUITES if not names or s in names or "all" in names]
    with given_back():
        sweep()
        try:
            results = [execute(run) for suite in wanted for run in runs_of(suite)]
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        finally:
            sweep()
    return 0 if summary(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
