# SPDX-License-Identifier: BSD-3-Clause
"""Runs slbctl in a test, as its console script does, and tells what it wrote."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from slbctl.root import run


@dataclass(frozen=True)
class Result:
    """What one run left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output, read back."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The output by lines, blanks between columns reduced to one."""
        return [" ".join(line.split()) for line in self.out.splitlines()]


def slbctl(socket: Path | str | None, *words: str, stdin: str | bytes | None = None) -> Result:
    """Runs `slbctl words…` against the daemon at the socket; None: the usual one."""
    runner = CliRunner(env={"SLB_SOCKET": None if socket is None else str(socket)})
    with runner.isolation(stdin) as (out, err, _):
        status = run(list(words))
        sys.stdout.flush()
        sys.stderr.flush()
        return Result(status, out.getvalue().decode(), err.getvalue().decode())


def failure(result: Result, status: int) -> str:
    """The one line on stderr of a run that failed so, without the program's name."""
    assert (result.status, result.out) == (status, ""), result
    assert result.err.endswith("\n") and result.err.count("\n") == 1, result.err
    assert result.err.startswith("slbctl: ")
    return result.err.removeprefix("slbctl: ").rstrip("\n")
