# SPDX-License-Identifier: BSD-3-Clause
"""Running the fuzzer: processes over one corpus, until there are enough packets or time is up."""

import os
import signal
import struct
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fuzz.program import drop_reasons
from fuzz.seeds import seeds
from rig.waiting import wait

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/fuzz"
BINARY = BUILD / "meson/csrc/fuzz/slb-fuzz"
CORPUS = BUILD / "corpus"
SEEDS = BUILD / "seeds"
FINDINGS = BUILD / "findings"

MAX_INPUT = 16384
HANG_S = 20
LEAVE_S = 60
OPTIONS = (
    f"-max_len={MAX_INPUT}",
    f"-timeout={HANG_S}",
    "-rss_limit_mb=2048",
    # Its statistics of rare features cost more than they bring here.
    "-entropic=0",
    "-reload=10",
)


DROPS = drop_reasons()


@dataclass(frozen=True)
class Totals:
    """struct totals of csrc/fuzz/totals.h, in its order."""

    inputs: int = 0
    packets: int = 0
    sent: int = 0
    punted: int = 0
    handed_off: int = 0
    held: int = 0
    dropped: tuple[int, ...] = (0,) * len(DROPS)

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Totals":
        """The sum over several processes' files; one not there yet counts nothing."""
        layout = struct.Struct(f"={6 + len(DROPS)}Q")
        found = [path.read_bytes() for path in files if path.exists()]
        rows = [layout.unpack(data) for data in found if len(data) == layout.size]
        sums = [sum(column) for column in zip(*rows, strict=True)] or [0] * (6 + len(DROPS))
        inputs, packets, sent, punted, handed_off, held, *dropped = sums
        return cls(inputs, packets, sent, punted, handed_off, held, tuple(dropped))

    def reasons(self) -> str:
        """What was dropped for which reason, most first, and which reasons were never seen."""
        counts = sorted(zip(self.dropped, DROPS, strict=True), reverse=True)
        seen = ", ".join(f"{name} {count:,}" for count, name in counts if count)
        return f"{seen}; never: {' '.join(name for count, name in counts if not count)}"


@dataclass(frozen=True)
class Finding:
    """An input that broke something, and what was said about it."""

    file: Path
    said: str

    def __str__(self) -> str:
        return f"{self.said}\nsee it again: ./dev fuzz --replay {self.file.relative_to(ROOT)}"


@dataclass(frozen=True)
class Outcome:
    """What a campaign came to."""

    totals: Totals
    seconds: float
    findings: list[Finding]

    def __str__(self) -> str:
        t = self.totals
        rate = t.packets / self.seconds if self.seconds else 0
        return (
            f"{t.packets:,} packets came in {t.inputs:,} inputs, {self.seconds:.0f} s, "
            f"{rate:,.0f}/s; verdicts: "
            f"{t.sent:,} sent, {t.punted:,} punted, {t.handed_off:,} handed over, "
            f"{t.held:,} held, {sum(t.dropped):,} dropped; {len(self.findings)} findings"
        )


def write_seeds() -> list[Path]:
    """Write the seeds as files; returns them."""
    SEEDS.mkdir(parents=True, exist_ok=True)
    made = {SEEDS / name: data for name, data in seeds().items()}
    for old in set(SEEDS.iterdir()) - set(made):
        old.unlink()
    for path, data in made.items():
        path.write_bytes(data)
    return sorted(made)


def replay(files: Iterable[Path], **env: str) -> subprocess.CompletedProcess[str]:
    """Run inputs once each, in one process, with SLB_FUZZ_ variables."""
    return subprocess.run(
        # Looking for leaks, libFuzzer would run some a second time.
        [BINARY, f"-timeout={HANG_S}", "-detect_leaks=0", *files],
        env=os.environ | {f"SLB_FUZZ_{name}": value for name, value in env.items()},
        check=False,
        capture_output=True,
        text=True,
        timeout=LEAVE_S,
    )


class Campaign:
    """Some processes that fuzz together."""

    def __init__(self, jobs: int, seconds: float) -> None:
        """Start them; they end by themselves after so many seconds."""
        for folder in (CORPUS, FINDINGS):
            folder.mkdir(parents=True, exist_ok=True)
        write_seeds()
        self.known = set(FINDINGS.iterdir())
        self.began = time.monotonic()
        self.totals_files = [BUILD / f"totals-{job}" for job in range(jobs)]
        self.logs = [BUILD / f"log-{job}.txt" for job in range(jobs)]
        self.processes: list[subprocess.Popen[bytes]] = []
        for totals, log in zip(self.totals_files, self.logs, strict=True):
            totals.unlink(missing_ok=True)
            self.processes.append(self._start(totals, log, seconds))

    def _start(self, totals: Path, log: Path, seconds: float) -> subprocess.Popen[bytes]:
        argv = [str(BINARY), f"-max_total_time={max(1, int(seconds))}", *OPTIONS]
        argv += [f"-artifact_prefix={FINDINGS}/", str(CORPUS), str(SEEDS)]
        with log.open("wb") as out:
            return subprocess.Popen(
                argv, env=os.environ | {"SLB_FUZZ_TOTALS": str(totals)}, stdout=out, stderr=out
            )

    @property
    def totals(self) -> Totals:
        """What they did so far."""
        return Totals.read(self.totals_files)

    def over(self, packets: int) -> bool:
        """Whether one has ended or there are enough packets; 0: never enough."""
        ended = any(process.poll() is not None for process in self.processes)
        return ended or 0 < packets <= self.totals.packets

    def stop(self) -> Outcome:
        """Let them leave, kill who does not, and tell what came of it."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGUSR1)
        for process in self.processes:
            try:
                process.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return Outcome(self.totals, time.monotonic() - self.began, self._findings())

    def _findings(self) -> list[Finding]:
        said = [
            _last_words(log)
            for log, process in zip(self.logs, self.processes, strict=True)
            if process.returncode != 0
        ]
        files = sorted(set(FINDINGS.iterdir()) - self.known)
        found = [Finding(file, "\n".join(said)) for file in files]
        # A process that ended badly without leaving an input is a finding of its own.
        return found or [Finding(self.logs[0], words) for words in said]


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    telling = ("fuzz: broken", "ERROR:", "runtime error", "SUMMARY:")
    told = [line for line in lines if any(word in line for word in telling)]
    return "\n".join(told or lines[-5:])


def fuzz(minutes: float, packets: int, jobs: int) -> Outcome:
    """Fuzz until there are enough packets, time is up or something is found."""
    campaign = Campaign(jobs, minutes * 60)
    try:
        wait(lambda: campaign.over(packets), minutes * 60 + LEAVE_S, "the fuzzer to end")
    finally:
        outcome = campaign.stop()
    return outcome
