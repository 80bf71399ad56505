# SPDX-License-Identifier: BSD-3-Clause
"""Makes a support bundle: runs the parts' commands, and packs what they say without secrets."""

import io
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from slb.errors import HostError
from slbctl.bundle_parts import BIRD_CONF, Part, parts
from slbctl.bundle_places import places
from slbctl.options import Target
from slbctl.secrets_out import clean, config, of_bird

AT_ONCE = 4
LARGEST = 8 << 20
MODE = 0o600


@dataclass(frozen=True)
class Made:
    """What came of a part; `failed`: what was wrong, empty if nothing."""

    part: Part
    text: str
    failed: str
    seconds: float


class Runner:
    """Runs commands, a few at once, each for so long."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._running: set[subprocess.Popen[bytes]] = set()

    def all(self, parts: Sequence[Part]) -> list[Made]:
        """Runs every part's; when it is interrupted, none of them goes on."""
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            return list(pool.map(self.run, parts))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(self._running):
                _kill(process)

    def run(self, part: Part) -> Made:
        """Runs one; what fails is told in the text."""
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "PATH": _path()},
                start_new_session=True,
            )
        except OSError as error:
            return Made(part, "", f"cannot be run: {error.strerror}", 0.0)
        self._running.add(process)
        out, failed = self._output(process)
        self._running.discard(process)
        text = out[-LARGEST:].decode(errors="replace")
        return Made(part, text, failed, time.monotonic() - started)

    def _output(self, process: "subprocess.Popen[bytes]") -> tuple[bytes, str]:
        try:
            out, _ = process.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            return process.communicate()[0], f"not done within {self._limit_s:g} s"
        return out, f"exit status {process.returncode}" if process.returncode else ""


def pack(
    file: BinaryIO, folder: str, target: Target, slbd: str, agent: str, limit_s: float
) -> list[Made]:
    """Writes the archive; returns what came of the parts. `slbd`, `agent`: their configurations."""
    read = [_read("slb.yaml", slbd), _read("agent.yaml", agent)]
    made = Runner(limit_s).all(parts(target, slbd, places(read[0].text)))
    secrets = frozenset().union(*(of_bird(x.text) for x in made if x.part.name == BIRD_CONF))
    for number, one in enumerate(read):
        if not one.failed:
            cleaned = config(one.text)
            read[number] = replace(one, text=cleaned.text)
            secrets |= cleaned.secrets
    made = [*read, *made]
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for one in made:
            _add(archive, f"{folder}/{one.part.name}", clean(_text(one), secrets))
        _add(archive, f"{folder}/parts.txt", clean("".join(map(_line, made)), secrets))
    return made


@contextmanager
def new_file(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file that only its owner reads, there when all is in it; raises HostError."""
    name = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    try:
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with os.fdopen(file, "wb") as writer:
                yield writer
            os.replace(name, path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise
    except FileExistsError:
        text = f"{name} exists; add --force to replace it, or give another name"
        raise HostError(text) from None
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}") from None


def _read(name: str, path: str) -> Made:
    """A configuration, with its secrets yet."""
    part, started = Part(name, ("cat", path)), time.monotonic()
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST).decode(errors="replace")
    except OSError as error:
        return Made(part, "", f"{path} cannot be read: {error.strerror}", 0.0)
    return Made(part, text, "", time.monotonic() - started)


def _path() -> str:
    # birdc and others are where a plain user's PATH does not look.
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def _text(made: Made) -> str:
    # JSON stays JSON.
    if made.part.name.endswith(".json") and made.text.startswith("{"):
        return made.text
    foot = f"\n# {made.failed}\n" if made.failed else ""
    return f"# {' '.join(made.part.command)}\n{made.text}{foot}"


def _line(made: Made) -> str:
    command = " ".join(made.part.command)
    return f"{made.part.name}  {made.seconds:.1f} s  {made.failed or 'ok'}  {command}\n"


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode(errors="replace")
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), MODE, int(time.time())
    archive.addfile(info, io.BytesIO(data))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # Its children too, which would keep the pipe open.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
