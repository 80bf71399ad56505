# SPDX-License-Identifier: BSD-3-Clause
"""The Python packages that run: those of .venv, of which the tests have seen each file."""

import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

PRODUCT = "dpdk-slb"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Where a host has what: what is here only tells how .venv came to it, or tests the product.
LEFT_OUT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


class PackageError(Exception):
    """The package cannot be built, in a sentence."""


def closure(name: str) -> list[Distribution]:
    """Return a distribution and all that it needs, by name; raises PackageNotFoundError."""
    found: dict[str, Distribution] = {}
    wanted = [name]
    while wanted:
        one = distribution(wanted.pop())
        if one.name.lower() in found:
            continue
        found[one.name.lower()] = one
        needs = [Requirement(text) for text in one.requires or ()]
        wanted += [n.name for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
    return [found[key] for key in sorted(found)]


def environment(top: Path, home: Path) -> list[Path]:
    """Lay out a virtual environment under `top` that works in `home`; returns its libraries."""
    _same_python()
    root = top / home.relative_to("/")
    (root / "bin").mkdir(parents=True)
    (root / "pyvenv.cfg").write_text(
        "home = /usr/bin\ninclude-system-site-packages = false\n"
        f"version = {sys.version_info.major}.{sys.version_info.minor}\n"
    )
    for name, to in ((PYTHON, f"/usr/bin/{PYTHON}"), ("python3", PYTHON), ("python", PYTHON)):
        (root / "bin" / name).symlink_to(to)
    site = root / "lib" / PYTHON / "site-packages"
    for one in closure(PRODUCT):
        for file in one.files or ():
            if _runs(PurePosixPath(file)):
                copy = site / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(one.locate_file(file)), copy)
    _programs(root / "bin", home)
    compiled = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    paths = ["-s", str(top), "-p", "/", str(site)]
    subprocess.run([sys.executable, *compiled, *paths], check=True)
    libraries = sorted(site.rglob("*.so*"))
    for library in libraries:
        library.chmod(0o644)
    subprocess.run(["strip", "--strip-debug", *map(str, libraries)], check=True)
    return libraries


def _runs(file: PurePosixPath) -> bool:
    return not (
        ".." in file.parts
        or "__pycache__" in file.parts
        or file.name in LEFT_OUT
        or file.name.startswith("_harness")
    )


def _programs(folder: Path, home: Path) -> None:
    for entry in distribution(PRODUCT).entry_points.select(group="console_scripts"):
        program = folder / entry.name
        # Isolated: who runs it as root gets no module from where he stands or from his environment.
        program.write_text(
            f"#!{home}/bin/python3 -I\nimport sys\n\nfrom {entry.module} import {entry.attr}\n\n"
            f"sys.exit({entry.attr}())\n"
        )
        program.chmod(0o755)


def _same_python() -> None:
    """The extension modules were built for the Python of .venv, and are to run in Debian's."""
    ask = ["-c", "import sysconfig; print(sysconfig.get_config_var('SOABI'))"]
    try:
        done = subprocess.run([f"/usr/bin/{PYTHON}", *ask], capture_output=True, text=True)
        theirs = done.stdout.strip()
    except OSError:
        theirs = "none"
    if theirs != (ours := sysconfig.get_config_var("SOABI")):
        raise PackageError(f".venv is of {ours} and /usr/bin/{PYTHON} of {theirs}: not the same")
