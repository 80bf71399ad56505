# SPDX-License-Identifier: BSD-3-Clause
"""What a check found."""

from typing import Literal

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One line of `slbctl doctor`; `fix` is a command, or what to do, when it is not ok."""

    check: str
    status: Literal["ok", "warning", "error"]
    found: str
    fix: str | None = None


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, fix: str) -> Finding:
    """slbd works, but not as well as it could, or not with everything."""
    return Finding(check, "warning", found, fix)


def error(check: str, found: str, fix: str) -> Finding:
    """slbd will not start, or not work."""
    return Finding(check, "error", found, fix)
