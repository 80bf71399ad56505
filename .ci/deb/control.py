# SPDX-License-Identifier: BSD-3-Clause
"""What dpkg is told of the package: version, dependencies, configuration files, sums."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deb.layout import CONFIG
from deb.runtime import PRODUCT, PackageError

SCRIPTS = ("postinst", "prerm", "postrm")
MAINTAINER = "DPDK-SLB <dpdk-slb@example.org>"
DESCRIPTION = """layer-4 load balancer on DPDK
 Services get virtual addresses, which the host announces by OSPF. Each
 connection is passed on to a real server with full NAT, so replies come back
 without tunnels or agents on the servers, and for IPv4 and IPv6.
 .
 slbd forwards, slb-agent keeps the desired state, slbctl is for operators.
 Nothing is started before /etc/slb/slb.yaml says what for."""


def describe(root: Path, top: Path, version: str, libraries: Sequence[Path]) -> None:
    """Write DEBIAN/ under `top`, from what is there."""
    folder = top / "DEBIAN"
    folder.mkdir()
    for name in SCRIPTS:
        shutil.copyfile(root / "configs/debian" / name, folder / name)
        (folder / name).chmod(0o755)
    (folder / "conffiles").write_text(f"/{CONFIG}\n")
    files = [path for path in sorted(top.rglob("*")) if path.is_file() and not path.is_symlink()]
    shipped = [path for path in files if folder not in path.parents]
    (folder / "md5sums").write_text(
        "".join(
            f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {name}\n"
            for path in shipped
            if (name := str(path.relative_to(top))) != CONFIG
        )
    )
    size = sum(-(-path.stat().st_size // 1024) for path in shipped)
    (folder / "control").write_text(_control(version, size, _depends(top, libraries)))


def _control(version: str, size: int, depends: str) -> str:
    after, before = sys.version_info.minor, sys.version_info.minor + 1
    fields = {
        "Package": PRODUCT,
        "Version": version,
        "Architecture": output("dpkg", "--print-architecture").strip(),
        "Maintainer": MAINTAINER,
        "Installed-Size": str(size),
        "Depends": f"python3 (>= 3.{after}), python3 (<< 3.{before}~), {depends}",
        "Recommends": "bird2",
        "Suggests": "dpdk, pciutils",
        "Section": "net",
        "Priority": "optional",
        "Description": DESCRIPTION,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _depends(top: Path, libraries: Sequence[Path]) -> str:
    """The packages of the shared libraries, as Debian's own tool finds them."""
    folder = top.parent / "shlibs"
    (folder / "debian").mkdir(parents=True)
    (folder / "debian/control").write_text(
        f"Source: {PRODUCT}\n\nPackage: {PRODUCT}\nArchitecture: any\n"
    )
    # What a Python package brings along it finds by itself.
    own = {f"-l{library.parent}" for library in libraries}
    told = output(
        "dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0", *sorted(own),
        *(f"-e{library}" for library in libraries), cwd=folder,
    )  # fmt: skip
    (found,) = re.findall(r"^shlibs:Depends=(.+)$", told, re.MULTILINE)
    return str(found)


def check_version(version: str) -> str:
    """Return it; raises PackageError when dpkg would not take it."""
    if not re.fullmatch(r"[0-9][A-Za-z0-9.+~]*", version):
        raise PackageError(f"{version!a} is no version of a Debian package")
    return version


def output(*command: str, cwd: Path | None = None) -> str:
    """Return what a program prints; raises PackageError when it fails."""
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
