# SPDX-License-Identifier: BSD-3-Clause
"""schemathesis, which asks all routes of an agent that it describes, for sense and for nonsense."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
LIMIT_S = 150


def ask_all(url: str, ca: str, who: Sequence[str], folder: Path, under: Sequence[str] = ()) -> None:
    """Ask them; every answer must be as described, and none a fault.

    `who`: the options that say who asks. `under`: the command that leads into the namespace.
    """
    program = str(Path(sys.executable).with_name("schemathesis"))
    words = [
        *("run", f"{url}/v1/openapi.json", "--url", url, "--seed", "1", "--no-color"),
        *(*who, "--tls-verify", ca, "--max-examples", "10", "--workers", "1"),
        *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
        # The stream has no end by itself.
        *("--exclude-path", "/v1/events", "--max-failures", "5", "--request-timeout", "20"),
        *("--checks", ",".join(CHECKS)),
    ]
    done = subprocess.run(
        [*under, program, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
