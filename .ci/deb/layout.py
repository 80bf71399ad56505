# SPDX-License-Identifier: BSD-3-Clause
"""The package's files beside the programs: units, configuration, man pages, completions, docs."""

import gzip
import shutil
import subprocess
from pathlib import Path

from deb.runtime import PRODUCT, PackageError

HOME = Path("/opt/slb")
CONFIG = "etc/slb/slb.yaml"
UNITS = "lib/systemd/system"
PINGS = "50-slb-ping.conf"
DOC = f"usr/share/doc/{PRODUCT}"
OTHERS = """
The Python packages in /opt/slb have licenses of their own, beside them in *.dist-info. libslb.so
holds the libraries and drivers of DPDK as Debian builds them: copyright of the package libdpdk-dev.
"""
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/slbctl",
    "zsh": "usr/share/zsh/vendor-completions/_slbctl",
    "fish": "usr/share/fish/vendor_completions.d/slbctl.fish",
}
ON_PATH = {"slbctl": "usr/bin", "slbd": "usr/sbin", "slb-agent": "usr/sbin"}


def lay_out(root: Path, top: Path, changelog: str) -> None:
    """Put everything from the checkout `root` under `top`."""
    _copy(root / "configs/slb.yaml", top / CONFIG, 0o640)
    for unit in (root / "configs/systemd").glob("*.service"):
        _copy(unit, top / UNITS / unit.name)
    _copy(root / f"configs/sysctl.d/{PINGS}", top / "usr/lib/sysctl.d" / PINGS)
    for page in (root / "docs/man").iterdir():
        section = page.suffix[1:]
        _packed(page.read_text(), top / f"usr/share/man/man{section}/{page.name}.gz")
    for shell, path in COMPLETIONS.items():
        _write(_completion(shell), top / path)
    for program, folder in ON_PATH.items():
        (top / folder).mkdir(parents=True, exist_ok=True)
        # Absolute, as Debian wants it from one top folder to another.
        (top / folder / program).symlink_to(HOME / "bin" / program)
    _documents(root, top / DOC)
    _packed(changelog, top / DOC / "changelog.gz")
    _write((root / "LICENSE").read_text() + OTHERS, top / DOC / "copyright")


def _documents(root: Path, doc: Path) -> None:
    _copy(root / "README.md", doc / "README.md")
    for path in (root / "docs").glob("*.md"):
        _copy(path, doc / "docs" / path.name)
    examples = [("examples", "*.yaml"), ("systemd", "*.conf"), ("sysctl.d", "*.conf")]
    examples += [("services", "*.yaml"), ("prometheus", "*.y*ml"), ("grafana", "*.json")]
    for folder, pattern in examples:
        for path in (root / "configs" / folder).glob(pattern):
            to = doc / "examples" / ("" if folder == "examples" else folder) / path.name
            _copy(path, to)


def _completion(shell: str) -> str:
    done = subprocess.run(["slbctl", "completion", shell], capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"slbctl completion {shell}: {done.stderr.strip()}")
    return done.stdout


def _copy(path: Path, to: Path, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
    to.chmod(mode)


def _write(text: str, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)
    to.chmod(0o644)


def _packed(text: str, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    # No time and no name in it: the same text gives the same file.
    to.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    to.chmod(0o644)
