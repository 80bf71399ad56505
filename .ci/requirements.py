# SPDX-License-Identifier: BSD-3-Clause
"""Print the Python packages that building, running and testing name, or a group, one a line."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())
groups = project["project"]["optional-dependencies"]
if len(sys.argv) > 1:
    names = groups[sys.argv[1]]
else:
    names = project["build-system"]["requires"] + project["project"]["dependencies"] + groups["dev"]
print("\n".join(names))
