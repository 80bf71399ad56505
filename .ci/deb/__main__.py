# SPDX-License-Identifier: BSD-3-Clause
"""`./dev package`: the product in .venv as a Debian package."""

import argparse
import os
import shutil
import sys
import time
from importlib.metadata import version as version_of
from pathlib import Path

from deb.control import MAINTAINER, check_version, describe, output
from deb.layout import HOME, lay_out
from deb.runtime import PRODUCT, PackageError, environment

ROOT = Path(__file__).parents[2]


def build(to: Path, version: str, compression: str) -> Path:
    """Build the package into the folder `to`, and return its path; raises PackageError."""
    when, commit = _commit()
    made = f"{version_of(PRODUCT)}+{time.strftime('%Y%m%d%H%M%S', when)}{commit}"
    version = check_version(version or made)
    work = to / "package"
    shutil.rmtree(work, ignore_errors=True)
    top = work / "root"
    top.mkdir(parents=True)
    top.chmod(0o755)
    os.umask(0o022)
    libraries = environment(top, HOME)
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", when)
    changes = f"{PRODUCT} ({version}) unstable; urgency=medium\n\n  * As of this date.\n\n"
    lay_out(ROOT, top, f"{changes} -- {MAINTAINER}  {date}\n")
    describe(ROOT, top, version, libraries)
    # What is made of the same commit is the same file.
    os.environ["SOURCE_DATE_EPOCH"] = str(round(time.mktime(when) - time.timezone))
    made = output(
        "dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(top), str(to)
    )
    shutil.rmtree(work)
    return Path(made.split("'")[3])


def _commit() -> tuple[time.struct_time, str]:
    """When the sources were committed, and which commit that was; now, outside of git."""
    try:
        seconds, commit = output("git", "-C", str(ROOT), "show", "-s", "--format=%ct %h").split()
    except (PackageError, OSError):
        return time.gmtime(), ""
    return time.gmtime(int(seconds)), f".g{commit}"


def main() -> int:
    """Build as the command line says, and print the path."""
    parser = argparse.ArgumentParser(prog="./dev package")
    parser.add_argument("--to", type=Path, default=ROOT / "build", metavar="DIR")
    parser.add_argument("--version", default="", help="instead of one made of the commit")
    parser.add_argument("--compression", default="xz", choices=("xz", "zstd", "gzip", "none"))
    options = parser.parse_args()
    try:
        print(build(options.to.absolute(), options.version, options.compression))
    except (PackageError, OSError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
