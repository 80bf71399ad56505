# SPDX-License-Identifier: BSD-3-Clause
"""Small trees for the tests of lint."""

import subprocess
from pathlib import Path


def tree(root: Path, **files: str) -> Path:
    """Write files below root, `csrc__path__a_c` standing for csrc/path/a.c."""
    for key, text in files.items():
        name, _, suffix = key.replace("__", "/").rpartition("_")
        write(root, f"{name}.{suffix}", text)
    return root


def write(root: Path, name: str, text: str) -> None:
    """Write one file and the folders above it."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def commit(root: Path, subject: str) -> None:
    """Commit everything in root, making it a repository if it is none."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    quiet = ["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", subject, "--allow-empty"]):
        subprocess.run(["git", "-C", str(root), *who, *quiet, *command], check=True)
