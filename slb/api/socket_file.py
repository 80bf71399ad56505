# SPDX-License-Identifier: BSD-3-Clause
"""A server's socket file: one owner at a time, whatever an earlier daemon left behind.

A lock beside the socket is held for the life of the process and vanishes with it, so two daemons
that start together cannot both take a dead one's socket.
"""

import contextlib
import errno
import fcntl
import grp
import os
import socket
import stat
from dataclasses import dataclass

from slb.errors import ConfigError


@dataclass(frozen=True)
class Owner:
    """Who serves, and what its settings of the socket are called."""

    program: str = "slbd"
    setting: str = "api.socket"
    group_setting: str = "api.group"
    # What lets it give the socket to a group that it is not in.
    group_cure: str = "it takes CAP_CHOWN, which the unit of the package has"


class SocketFile:
    """A bound Unix socket and its lock; close() removes both files."""

    def __init__(self, path: str, mode: int, group: str = "", owner: Owner | None = None) -> None:
        """Take the path; raises ConfigError when it is taken or cannot be had."""
        self.path = path
        owner = owner or Owner()
        self._lock = _lock(path, owner)
        try:
            _remove_stale(path, owner)
            self.socket = _bind(path, mode, group, owner)
        except BaseException:
            self._unlock()
            raise

    def set_mode(self, mode: int) -> None:
        """Change the file's permissions; raises OSError, when somebody has removed it for one."""
        os.chmod(self.path, mode)

    def close(self) -> None:
        """Remove the socket and give up the lock."""
        self.socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        self._unlock()

    def _unlock(self) -> None:
        # Removed before it is unlocked: whoever waits for this lock notices the lost file.
        with contextlib.suppress(OSError):
            os.unlink(f"{self.path}.lock")
        os.close(self._lock)


def _lock(path: str, owner: Owner) -> int:
    name = f"{path}.lock"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o755, exist_ok=True)
        while True:
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same_file(fd, name):
                    return fd
            except BlockingIOError:
                os.close(fd)
                raise _taken(path, owner) from None
            os.close(fd)
    except OSError as error:
        raise _refused(path, owner, f"cannot be made: {error.strerror}") from None


def _same_file(fd: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.stat(name).st_ino == os.fstat(fd).st_ino
    return False


def _remove_stale(path: str, owner: Owner) -> None:
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        text = f"exists and is not a socket; remove it or change {owner.setting}"
        raise _refused(path, owner, text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        code = probe.connect_ex(path)
    if code == errno.ECONNREFUSED:
        os.unlink(path)
    elif code != errno.ENOENT:
        raise _taken(path, owner)


def _bind(path: str, mode: int, group: str, owner: Owner) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Nobody may connect between bind and chmod.
    old = os.umask(0o177)
    try:
        bound.bind(path)
        if group:
            _give(path, group, owner)
        os.chmod(path, mode)
        bound.listen(128)
        bound.setblocking(False)
    except ConfigError:
        _drop(bound, path)
        raise
    except (OSError, KeyError) as error:
        _drop(bound, path)
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, KeyError):
            reason = f"there is no group {group}; see {owner.group_setting}"
        raise _refused(path, owner, f"cannot be made: {reason}") from None
    finally:
        os.umask(old)
    return bound


def _drop(bound: socket.socket, path: str) -> None:
    bound.close()
    with contextlib.suppress(OSError):
        os.unlink(path)


def _give(path: str, group: str, owner: Owner) -> None:
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except PermissionError as error:
        text = f"cannot be given to group {group}: {error.strerror}; {owner.group_cure}"
        raise _refused(path, owner, text) from None


def _taken(path: str, owner: Owner) -> ConfigError:
    text = f"another {owner.program} serves it; stop that one, or give this one another"
    return _refused(path, owner, f"{text} {owner.setting}")


def _refused(path: str, owner: Owner, why: str) -> ConfigError:
    return ConfigError([f"{owner.setting} {path}: {why}"])
