# SPDX-License-Identifier: BSD-3-Clause
"""That the boundary's headers do not change under one SLB_ABI_VERSION."""

import re
from pathlib import Path

from lint.files import c_code, git

HEADERS = (
    "include/slb_abi.h",
    "include/slb_abi_bond.h",
    "include/slb_abi_workers.h",
    "include/slb_abi_probe.h",
    "include/slb_abi_session.h",
)
# That holds the version.
HEADER = f"csrc/{HEADERS[0]}"
_VERSION = re.compile(r"#define SLB_ABI_VERSION (\d+)")


def check(root: Path) -> list[str]:
    """Compare the headers with the commit that set the version; no history, nothing to compare."""
    setter = git(
        root, "log", "-1", "--format=%H", "-G#define SLB_ABI_VERSION", "--", HEADER
    ).strip()
    if not setter:
        return []
    names = [f"csrc/{header}" for header in HEADERS]
    then = "".join(git(root, "show", f"{setter}:{name}") for name in names)
    now = "".join((root / name).read_text() for name in names if (root / name).exists())
    if _declarations(then) == _declarations(now) or _version(then) != _version(now):
        return []
    what = f"{HEADER} or its like: changed since {setter[:12]} set version {_version(now)}"
    return [f"{what}; count it up"]


def _declarations(text: str) -> list[str]:
    """Return the tokens that matter: no comments, no spacing."""
    return re.findall(r"\w+|[^\w\s]", c_code(text))


def _version(text: str) -> str | None:
    match = _VERSION.search(text)
    return match[1] if match else None
