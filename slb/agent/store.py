# SPDX-License-Identifier: BSD-3-Clause
"""The versions of the desired state on disk: a file each, the newest good one counts.

A file has the version whole, or, after a small change of a large set, how it differs from one that
has: its base, which stays as long as it is needed.

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
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from slb.agent import difference as differences
from slb.agent.difference import Difference
from slb.agent.state import State
from slb.errors import ConfigError, NotStored
from slb.model import codec
from slb.model.desired import OPERATOR

log = logging.getLogger(__name__)

T = TypeVar("T")

KEEP = 20
_NAME = re.compile(r"state-(\d{1,19})\.json", re.ASCII)
# 1: whole. 2: the difference from the generation that follows.
_HEAD = re.compile(rb"slb-agent (?:1|2 (\d{1,19})) (\d{1,12}) ([0-9a-f]{64})\n")
# Also of what may be written one day.
_ANY_HEAD = re.compile(rb"slb-agent \d{1,3}(?: \w{1,19}){0,9} (\d{1,12}) ([0-9a-f]{64})\n")
# Both kinds have it before anything that somebody else has written.
_BY = re.compile(rb'"by":"([^"]*)"')
_HEAD_LEN = 256
# So many changes at most need the same file to be good.
_WHOLE_EVERY = 64


class Damaged(Exception):
    """A file is not what was written."""


class Foreign(Damaged):
    """A file is what was written, by an slb-agent of another version."""


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
        # The newest version, if it was damaged, until the operator has made another.
        self.damaged = 0
        self._spare = directory / "new"
        # What is written there, and the version that is whole on disk once it has its name.
        self._prepared: tuple[State, State | None] | None = None
        # The last version that is whole on disk, as it is in memory.
        self._base: State | None = None
        # Of versions on disk, as far as it was asked: which one they need to be read, itself or its
        # base, and who made them.
        self._heads: dict[int, tuple[int, str]] = {}

    def close(self) -> None:
        """Give the directory up."""
        os.close(self._lock)

    def next_generation(self) -> int:
        """Return a number that no version has had since the start, damaged ones neither."""
        return self._last + 1

    def newest(self) -> State | None:
        """Return the newest good version, None when there has never been one.

        Raises ConfigError when there are some and all are damaged; and when one that is newer is
        whole, but of another slb-agent: to go back behind it would undo what was wanted.
        """
        generations = self._generations()
        for generation in generations:
            try:
                state, self._base = self._read(generation, {})
            except Foreign as foreign:
                text = f"{self._path(generation)}: {foreign}; start that version again, or remove"
                raise ConfigError([f"{text} the file, and the one before it counts"]) from None
            except Damaged as damage:
                log.error("%s: %s; taking the one before", self._path(generation), damage)
                self.damaged = self.damaged or generation
            else:
                return state
        if not generations:
            return None
        text = f"{self._directory}: every version is damaged; bring one back from a backup, or"
        raise ConfigError([f"{text} remove all, and what slbd has at the start is taken over"])

    def versions(self) -> list[State]:
        """Return every good version that is kept, the newest first."""
        found = []
        whole: dict[int, State] = {}
        for generation in self._kept():
            with contextlib.suppress(Damaged):
                found.append(self._read(generation, whole)[0])
        return found

    def save(self, state: State) -> None:
        """Make this the newest version; raises NotStored, and all is as it was."""
        self.prepare(state)
        self.keep_prepared()

    def prepare(self, state: State) -> None:
        """Write a version that may become the newest, without its name yet; raises NotStored."""
        difference, kind = self._difference(state), "1"
        if difference and self._base:
            kind = f"2 {self._base.generation}"
        body = codec.encode(difference or state)
        head = f"slb-agent {kind} {len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
        try:
            with _created(self._spare) as file:
                _write(file, head + body)
                os.fsync(file)
        except OSError as error:
            self.forget_prepared()
            raise self._not_stored(error) from None
        self._prepared = (state, state if difference is None else self._base)

    def keep_prepared(self) -> None:
        """Make what was prepared the newest version; raises NotStored, and all is as it was."""
        assert self._prepared is not None, "nothing is prepared"
        state, base = self._prepared
        self._prepared = None
        self._last = max(self._last, state.generation)
        try:
            os.rename(self._spare, self._path(state.generation))
            self._sync()
        except OSError as error:
            self.forget_prepared()
            with contextlib.suppress(OSError):
                os.unlink(self._path(state.generation))
            raise self._not_stored(error) from None
        self._base = base
        if state.by == OPERATOR:
            self.damaged = 0
        self._heads[state.generation] = (base or state).generation, state.by
        self._prune()

    def forget_prepared(self) -> None:
        """Remove what was prepared."""
        self._prepared = None
        with contextlib.suppress(OSError):
            os.unlink(self._spare)

    def drop(self, generation: int) -> None:
        """Take the newest version back; one that cannot be removed is logged."""
        self._heads.pop(generation, None)
        if self._base and self._base.generation == generation:
            self._base = None
        try:
            os.unlink(self._path(generation))
            self._sync()
        except OSError as error:
            text = "%s: cannot be removed (%s), though it was refused"
            log.error(text, self._path(generation), error.strerror)

    def exchange(self, name: str, text: bytes) -> None:
        """Exchange what a file beside the versions has, on disk when this returns.

        Raises NotStored: then it has what it had, or after a loss of power the new text.
        """
        spare = self._directory / f"{name}.new"
        try:
            with _created(spare) as file:
                _write(file, text)
                os.fsync(file)
            os.rename(spare, self._directory / name)
            self._sync()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(spare)
            raise self._not_stored(error) from None

    def beside(self, name: str) -> bytes | None:
        """Return what such a file has, None if there is none; raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            return (self._directory / name).read_bytes()
        return None

    def note_applied(self, generation: int) -> None:
        """Note that slbd has had this version. Losing the note does no harm, so nothing waits."""
        # Within one page, so whoever is killed here has left the old number or the new one.
        with contextlib.suppress(OSError), _opened(self._directory / "applied") as file:
            os.pwrite(file, b"%-19d\n" % generation, 0)

    def applied(self) -> int | None:
        """Return the version that slbd has had last, by the notes; None: there are none."""
        try:
            text = (self._directory / "applied").read_bytes()[:20]
        except OSError:
            return None
        return int(text) if text.strip().isdigit() else None

    def never_applied(self, generation: int) -> bool:
        """Tell whether, by the notes, slbd has had an earlier version, and this one not."""
        applied = self.applied()
        return applied is not None and applied < generation

    def _generations(self) -> list[int]:
        """The numbers of all versions, the newest first."""
        try:
            names = os.listdir(self._directory)
        except OSError as error:
            raise _unusable(self._directory, error) from None
        return sorted((int(m[1]) for m in map(_NAME.fullmatch, names) if m), reverse=True)

    def _path(self, generation: int) -> Path:
        return self._directory / f"state-{generation:012d}.json"

    def _difference(self, state: State) -> Difference | None:
        if self._base is None or state.generation - self._base.generation > _WHOLE_EVERY:
            return None
        return None if self._needs_another() else differences.between(self._base, state)

    def _needs_another(self) -> bool:
        """Tell whether, with one more, all the last versions would need the same file.

        Its damage would be the end of all of them.
        """
        with contextlib.suppress(ConfigError):
            last = self._generations()[: self._keep - 1]
            return len({self._head(generation)[0] for generation in last}) < 2
        return True

    def _kept(self) -> list[int]:
        """The numbers of the versions that are kept, the newest first.

        These are the last, and the last of the operator's: a controller that changes its set all
        the time must not push out what somebody may want to go back to.
        """
        generations = self._generations()
        last = generations[: self._keep]
        if len(generations) > self._keep:
            his = (one for one in generations if self._head(one)[1] == OPERATOR)
            last += [one for one in islice(his, self._keep) if one < last[-1]]
        return last

    def _prune(self) -> None:
        """Remove what is neither kept nor the base of what is."""
        with contextlib.suppress(OSError, ConfigError):
            kept = set(self._kept())
            needed = kept | {self._head(generation)[0] for generation in kept}
            for old in self._generations():
                if old not in needed:
                    os.unlink(self._path(old))
                    self._heads.pop(old, None)

    def _head(self, generation: int) -> tuple[int, str]:
        """The generation that is needed to read this one, itself or its base, and who made it."""
        if generation not in self._heads:
            text = b""
            with contextlib.suppress(OSError), self._path(generation).open("rb") as file:
                text = file.read(_HEAD_LEN)
            head, by = _HEAD.match(text), _BY.search(text)
            base = int(head[1]) if head and head[1] else generation
            self._heads[generation] = base, by[1].decode(errors="replace") if by else ""
        return self._heads[generation]

    def _read(self, generation: int, whole: dict[int, State]) -> tuple[State, State]:
        """Read a version, and the whole one that it is made from; `whole` has those read before."""
        base, body = self._body(generation)
        if base is None:
            if generation not in whole:
                whole[generation] = _decoded(body, State)
            found = earlier = whole[generation]
        else:
            if base not in whole:
                text = self._body(base)
                if text[0] is not None:
                    raise Damaged(f"it differs from generation {base}, which is not whole")
                whole[base] = _decoded(text[1], State)
            earlier = whole[base]
            try:
                found = differences.after(earlier, _decoded(body, Difference))
            except ValueError as error:
                raise Damaged(f"it is not of generation {base}: {error}") from None
        if found.generation != generation:
            raise Damaged(f"generation {found.generation} is in it")
        return found, earlier

    def _body(self, generation: int) -> tuple[int | None, bytes]:
        """What is in a file, behind its first line, and the base that the line names."""
        try:
            text = self._path(generation).read_bytes()
        except OSError as error:
            raise Damaged(f"it cannot be read: {error.strerror}") from None
        head = _ANY_HEAD.match(text)
        if head is None:
            raise Damaged("its first line is not that of a state")
        body = text[head.end() :]
        if len(body) != int(head[1]):
            raise Damaged(f"it has {len(body)} octets of {int(head[1])}")
        if hashlib.sha256(body).hexdigest().encode() != head[2]:
            raise Damaged("its checksum is wrong")
        known = _HEAD.match(text)
        if known is None:
            raise Foreign("another version of slb-agent wrote it, in another form")
        return (int(known[1]) if known[1] else None), body

    def _not_stored(self, error: OSError) -> NotStored:
        text = f"{self._directory}: the new state cannot be stored: {error.strerror}"
        return NotStored(f"{text}; nothing has changed")

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


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _write(file: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return codec.decode(body, kind)
    except msgspec.MsgspecError as error:
        raise Foreign(f"another version of slb-agent wrote it: {error}") from None


def _unusable(directory: Path, error: OSError) -> ConfigError:
    return ConfigError([f"{directory}: cannot be used for the state: {error.strerror}"])
