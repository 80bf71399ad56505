# SPDX-License-Identifier: BSD-3-Clause
"""Which files there are to check, and C text without what a compiler ignores."""

import re
import subprocess
from pathlib import Path

_IGNORED = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def git(root: Path, *args: str) -> str:
    """Return what a git command prints; the empty string when it fails."""
    command = ["git", "-C", str(root), *args]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def files(root: Path, *patterns: str, under: str = ".") -> list[Path]:
    """List the files git tracks or would track, or all files where git does not say."""
    listed = ""
    if (root / ".git").exists():
        # Empty as well where git refuses a checkout that belongs to another user.
        listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    found = [root / name for name in listed.split("\0") if name]
    if not found:
        made = {".git", ".venv", "build"}
        found = [path for path in root.rglob("*") if path.relative_to(root).parts[0] not in made]
    return sorted(
        path
        for path in found
        if path.is_file()
        and path.is_relative_to(root / under)
        and (not patterns or any(path.match(pattern) for pattern in patterns))
    )


def c_files(root: Path, under: str = "csrc") -> list[Path]:
    """List the C sources and headers."""
    return files(root, "*.c", "*.h", under=under)


def c_code(text: str) -> str:
    """Blank comments and literals, keeping every line where it was."""
    return _IGNORED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
