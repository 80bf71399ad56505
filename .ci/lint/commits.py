# SPDX-License-Identifier: BSD-3-Clause
"""Commit subjects: `area: what`, where area is a folder or one of a few names."""

import re
from pathlib import Path

from lint.files import git

MAX_LENGTH = 60
AREAS = frozenset({"dev", ".ci", "docs", "build"})
_SUBJECT = re.compile(r"([\w./-]+): (?![A-Z][a-z])\S.*[^.\s]")


def check(root: Path) -> list[str]:
    """Name commits since origin, or all where there is none, whose subject has another form."""
    bases = ("@{upstream}", "origin/HEAD", "origin/main")
    known = (git(root, "rev-parse", "-q", "--verify", base).strip() for base in bases)
    base = next((commit for commit in known if commit), None)
    log = git(root, "log", "--no-merges", "--format=%h %s", f"{base}..HEAD" if base else "HEAD")
    return [
        f"commit {line}: {problem}"
        for line in log.splitlines()
        if (problem := _problem(root, line.partition(" ")[2]))
    ]


def _problem(root: Path, subject: str) -> str | None:
    match = _SUBJECT.fullmatch(subject)
    if not match:
        return "write 'area: what changed', in lower case and without a full stop"
    if match[1] not in AREAS and not (root / match[1]).is_dir():
        return f"'{match[1]}' is neither a folder nor one of {' '.join(sorted(AREAS))}"
    if len(subject) > MAX_LENGTH:
        return f"{len(subject)} characters, more than {MAX_LENGTH}"
    return None
