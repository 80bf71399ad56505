# SPDX-License-Identifier: BSD-3-Clause
"""That slb_abi.h does not change under one SLB_ABI_VERSION."""

import re
from pathlib import Path

from lint.files import c_code, git

HEADER = "csrc/include/slb_abi.h"
_VERSION = re.compile(r"#define SLB_ABI_VERSION (\d+)")


def check(root: Path) -> list[str]:
    """Compare the header with the commit that set its version; no history, nothing to compare."""
    setter = git(
        root, "log", "-1", "--format=%H", "-G#define SLB_ABI_VERSION", "--", HEADER
    ).strip()
    if not setter:
        return []
    then, now = git(root, "show", f"{setter}:{HEADER}"), (root / HEADER).read_text()
    if _declarations(then) == _declarations(now) or _version(then) != _version(now):
        return []
    return [f"{HEADER}: changed since {setter[:12]} set version {_version(now)}; count it up"]


def _declarations(text: str) -> list[str]:
    """Return the tokens that matter: no comments, no spacing."""
    return re.findall(r"\w+|[^\w\s]", c_code(text))


def _version(text: str) -> str | None:
    match = _VERSION.search(text)
    return match[1] if match else None
