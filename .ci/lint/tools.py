# SPDX-License-Identifier: BSD-3-Clause
"""Checks made by other programs, all from .venv in the versions of .ci/lock.txt."""

import json
import subprocess
from pathlib import Path

from lint.files import c_files, files

COMMANDS = {
    "ruff check": ["ruff", "check", "-q", "--output-format=concise", "."],
    "ruff format": ["ruff", "format", "-q", "--check", "."],
    "lock fits pyproject": ["python", "-m", "pip", "--disable-pip-version-check", "check"],
}
TYPED = (
    *("slb", "slbctl", "ospf", "docs", ".ci"),
    *("tests/rig", "tests/bench", "tests/fuzz", "tests/oracle"),
)


def run(command: list[str], root: Path) -> list[str]:
    """Return what a program printed if it failed."""
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    printed = (done.stdout + done.stderr).splitlines()
    return (printed or [f"exit status {done.returncode}"]) if done.returncode else []


def types(root: Path) -> list[str]:
    """Check types strictly in everything but the tests themselves."""
    typed = [str(f.relative_to(root)) for top in TYPED for f in files(root, "*.py", under=top)]
    return run(["mypy", "--no-error-summary", *typed], root)


def clang_format(root: Path) -> list[str]:
    """Name files that clang-format would change."""
    names = [str(file.relative_to(root)) for file in c_files(root)]
    printed = run(["clang-format", "--dry-run", "-Werror", *names], root)
    changed = [line.split(":")[0] for line in printed if "[-Wclang-format-violations]" in line]
    return [f"{name}: not laid out; run ./dev format" for name in dict.fromkeys(changed)] or printed


def warnings_are_errors(root: Path) -> list[str]:
    """Make sure the installed build was made with -Werror and is that of the sources."""
    build = root / "build/release"
    introspect = ["meson", "introspect", "--buildoptions", str(build)]
    done = subprocess.run(introspect, check=False, capture_output=True, text=True)
    if done.returncode:
        return ["build/release: not built; run ./dev build"]
    values = {option["name"]: option["value"] for option in json.loads(done.stdout)}
    if not values["werror"] or int(values["warning_level"]) < 2:
        return ["build/release: built without werror=true and warning_level>=2"]
    return run(["ninja", "-C", str(build), "--quiet"], root)
