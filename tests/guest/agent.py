# SPDX-License-Identifier: BSD-3-Clause
"""What runs in the guest: it does what the host asks for over the second serial port.

After a first line that says hello, a request and its answer are one line of JSON each:

    {"run": ["ip", "link"], "timeout": 60}             -> {"status": 0, "out": "…", "err": "…"}
    {"slbd": ["--config", "…"], "name": "a"}           -> {"pid": 100}, output in the share's a.log
    {"end": "a", "signal": 15, "timeout": 30}          -> {"status": 0}, null when it runs on

What goes wrong is answered {"error": "…"}.

slbd is a fork of this process, where its modules are loaded already: an emulated CPU takes ten
seconds for them. From there on it is what the installed `slbd` is, to the end of the interpreter.
"""

import importlib
import json
import os
import select
import subprocess
import sys
import tty
from pathlib import Path
from typing import Any, BinaryIO

from slb.daemon import main as daemon

SHARE = Path("/run/share")


class Agent:
    """The processes that were started, by name, and how they ended."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._ended: dict[str, int] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request says; raises OSError, KeyError, subprocess.TimeoutExpired."""
        if "run" in request:
            return self._run(request["run"], request["timeout"])
        if "slbd" in request:
            return self._slbd(request["slbd"], request["name"])
        return self._end(request["end"], request["signal"], request["timeout"])

    def _run(self, argv: list[str], timeout: float) -> dict[str, Any]:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return {"status": done.returncode, "out": done.stdout, "err": done.stderr}

    def _slbd(self, argv: list[str], name: str) -> dict[str, Any]:
        log = os.open(SHARE / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        pid = os.fork()
        if pid == 0:
            for number in (1, 2):
                os.dup2(log, number)
            sys.exit(daemon.main(argv))
        os.close(log)
        self._pids[name] = pid
        return {"pid": pid}

    def _end(self, name: str, number: int, timeout: float) -> dict[str, Any]:
        if name not in self._ended:
            if number:
                os.kill(self._pids[name], number)
            self._await(name, timeout)
        return {"status": self._ended.get(name)}

    def _await(self, name: str, timeout: float) -> None:
        handle = os.pidfd_open(self._pids[name])
        try:
            if select.select([handle], [], [], timeout)[0]:
                _, status = os.waitpid(self._pids[name], 0)
                self._ended[name] = os.waitstatus_to_exitcode(status)
        finally:
            os.close(handle)


def main(device: str) -> None:
    """Answer until the machine ends."""
    for name in ("command", "daemon"):
        importlib.import_module(f"slb.daemon.{name}")
    agent = Agent()
    with open(device, "r+b", buffering=0) as line:
        tty.setraw(line.fileno())
        say(line, {"hello": os.uname().release})
        # One buffer over the raw file, since a line arrives in many small reads.
        for request in os.fdopen(os.dup(line.fileno()), "rb"):
            try:
                say(line, agent.answer(json.loads(request)))
            except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
                say(line, {"error": f"{type(error).__name__}: {error}"})


def say(line: BinaryIO, answer: dict[str, Any]) -> None:
    """Send one answer whole."""
    left = memoryview(json.dumps(answer).encode() + b"\n")
    while left:
        left = left[os.write(line.fileno(), left) :]


if __name__ == "__main__":
    main(sys.argv[1])
