# SPDX-License-Identifier: BSD-3-Clause
"""Print every Python package that building, running and testing name, one a line."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())
names = project["build-system"]["requires"] + project["project"]["dependencies"]
print("\n".join(names + project["project"]["optional-dependencies"]["dev"]))
