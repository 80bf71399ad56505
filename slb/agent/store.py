# SPDX-License-Identifier: BSD-3-Clause
"""The versions of the desired state on disk: a file each, the newest good one counts.

A file is complete on disk before it gets its name, and its name is on disk before save() returns:
a crash at any moment leaves the version before, or the new one, whole. A first line with length and
SHA-256 tells a damaged file; the version before it is taken then, and an error logged. That none is
good is no reason to begin with nothing: open() raises.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from slb.agent.state import State
from slb.errors import ConfigError, NotStored
from slb.model import codec

log = logging.getLogger(__name__)

KEEP = 20
_NAME = re.compile(r"state-(\d{1,19})\.json", re.ASCII)
_HEAD = re.compile(rb"slb-agent 1 (\d{1,12}) ([0-9a-f]{64})\n")


class Damaged(Exception):
    """A file is not what was written."""


class Store:
    """A directory of versions, which one process has; close() gives it up."""

    def __init__(self, directory: Path, keep: int = KEEP) -> None:
        """Take the directory; raises ConfigError when it cannot be had or another has it."""
        self._directory = directory
        self._keep = keep
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(directory, error) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            text = f"{directory}: another slb-agent has it; stop that one, or give another --state"
            raise ConfigError([text]) from None
        self._last = max(self._generations(), default=0)

    def close(self) -> None:
        """Give the directory up."""
        os.close(self._lock)

    def next_generation(self) -> int:
        """Return a number that no version has had since the start, damaged ones neither."""
        return self._last + 1

    def newest(self) -> State | None:
        """Return the newest good version, None when there has never been one.

        Raises ConfigError when there are some and all are damaged.
        """
        generations = self._generations()
        for generation in generations:
            try:
                return self._read(generation)
            except Damaged as damage:
                log.error("%s: %s; taking the one before", self._path(generation), damage)
        if not generations:
            return None
        text = f"{self._directory}: every version is damaged; bring one back from a backup, or"
        raise ConfigError([f"{text} remove all, and what slbd has at the start is taken over"])

    def versions(self) -> list[State]:
        """Return every good version, the newest first."""
        found = []
        for generation in self._generations():
            with contextlib.suppress(Damaged):
                found.append(self._read(generation))
        return found

    def save(self, state: State) -> None:
        """Make this the newest version; raises NotStored, and all is as it was."""
        self._last = max(self._last, state.generation)
        body = codec.encode(state)
        head = f"slb-agent 1 {len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
        spare = self._directory / "new"
        try:
            with _created(spare) as file:
                _write(file, head + body)
                os.fsync(file)
            os.rename(spare, self._path(state.generation))
            self._sync()
        except OSError as error:
            for path in (spare, self._path(state.generation)):
                with contextlib.suppress(OSError):
                    os.unlink(path)
            text = f"{self._directory}: the new state cannot be stored: {error.strerror}"
            raise NotStored(f"{text}; nothing has changed") from None
        with contextlib.suppress(OSError, ConfigError):
            for old in self._generations()[self._keep :]:
                os.unlink(self._path(old))

    def drop(self, generation: int) -> None:
        """Take the newest version back; one that cannot be removed is logged."""
        try:
            os.unlink(self._path(generation))
            self._sync()
        except OSError as error:
            text = "%s: cannot be removed (%s), though it was refused"
            log.error(text, self._path(generation), error.strerror)

    def note_applied(self, generation: int) -> None:
        """Note that slbd has had this version. Losing the note does no harm, so nothing waits."""
        with contextlib.suppress(OSError):
            with _created(self._directory / "note") as file:
                _write(file, b"%d\n" % generation)
            os.rename(self._directory / "note", self._directory / "applied")

    def never_applied(self, generation: int) -> bool:
        """Tell whether, by the notes, slbd has had an earlier version, and this one not."""
        try:
            text = (self._directory / "applied").read_bytes()[:20]
        except OSError:
            return False
        return text.strip().isdigit() and int(text) < generation

    def _generations(self) -> list[int]:
        """The numbers of all versions, the newest first."""
        try:
            names = os.listdir(self._directory)
        except OSError as error:
            raise _unusable(self._directory, error) from None
        return sorted((int(m[1]) for m in map(_NAME.fullmatch, names) if m), reverse=True)

    def _path(self, generation: int) -> Path:
        return self._directory / f"state-{generation:012d}.json"

    def _read(self, generation: int) -> State:
        try:
            text = self._path(generation).read_bytes()
        except OSError as error:
            raise Damaged(f"it cannot be read: {error.strerror}") from None
        head = _HEAD.match(text)
        if head is None:
            raise Damaged("its first line is not that of a state")
        body = text[head.end() :]
        if len(body) != int(head[1]):
            raise Damaged(f"it has {len(body)} octets of {int(head[1])}")
        if hashlib.sha256(body).hexdigest().encode() != head[2]:
            raise Damaged("its checksum is wrong")
        try:
            state = codec.decode(body, State)
        except msgspec.MsgspecError as error:
            raise Damaged(f"another version of slb-agent wrote it: {error}") from None
        if state.generation != generation:
            raise Damaged(f"generation {state.generation} is in it")
        return state

    def _sync(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextlib.contextmanager
def _created(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _write(file: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]


def _unusable(directory: Path, error: OSError) -> ConfigError:
    return ConfigError([f"{directory}: cannot be used for the state: {error.strerror}"])
