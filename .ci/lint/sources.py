# SPDX-License-Identifier: BSD-3-Clause
"""What every source file must look like, whatever it does."""

import re
from pathlib import Path

from lint.files import c_files, files

LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
LICENSED = (
    "*.py",
    "*.pyi",
    "*.c",
    "*.h",
    "*.sh",
    "*.toml",
    "*.yaml",
    "meson.build",
    "dev",
    ".ci/run",
)
MAX_LINES = 500
# Spelt so that this file does not contain them.
WORDS = {
    "unfinished work": r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
    "a path of one machine": r"(?<![\w.])/(home|root|work)/\w",
    "a registry's host": r"\b(pypi|registry\.npmjs|deb\.debian)\.org\b",
    "an issue's number": r"\bissue #?\d",
}
_WORDS = {why: re.compile(pattern) for why, pattern in WORDS.items()}
_BLOCK_COMMENT = re.compile(r"//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|(?P<block>/\*)")


def licence_headers(root: Path) -> list[str]:
    """Name sources that do not state their licence in the first three lines."""
    return [
        f"{file.relative_to(root)}: no '{LICENCE}' at the top"
        for file in files(root, *LICENSED)
        if file.stat().st_size and not any(LICENCE in line for line in _lines(file)[:3])
    ]


def comments(root: Path) -> list[str]:
    """Name C comments of the other kind than //."""
    problems = []
    for file in c_files(root):
        text = file.read_text()
        for match in _BLOCK_COMMENT.finditer(text):
            if match["block"]:
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{file.relative_to(root)}:{line}: comments are written with //")
    return problems


def lengths(root: Path) -> list[str]:
    """Name sources in which a reader gets lost."""
    return [
        f"{file.relative_to(root)}: {len(_lines(file))} lines, more than {MAX_LINES}"
        for file in files(root, "*.py", "*.c", "*.h")
        if len(_lines(file)) > MAX_LINES
    ]


def words(root: Path) -> list[str]:
    """Name lines with words that belong into no finished text."""
    return [
        f"{file.relative_to(root)}:{number}: {why}: {match[0]}"
        for file in files(root)
        for number, line in enumerate(_lines(file), 1)
        for why, pattern in _WORDS.items()
        if (match := pattern.search(line))
    ]


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines()
