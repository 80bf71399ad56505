# SPDX-License-Identifier: BSD-3-Clause
"""Remove what aborted runs have left: `python -m rig.sweep`; every rig does it at its start too."""

from pathlib import Path

from rig.registry import ROOT, Registry


def sweep(root: Path = ROOT) -> list[str]:
    """Remove every run whose owner has ended; returns their names."""
    swept: list[str] = []
    for directory in sorted(root.glob("[!.]*")):
        registry = Registry(directory)
        if not registry.owned():
            registry.remove()
            swept.append(registry.run)
    return swept


if __name__ == "__main__":
    for run in sweep():
        print(f"swept what {run} had left")
