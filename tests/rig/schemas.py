# SPDX-License-Identifier: BSD-3-Clause
"""schemathesis, which asks all routes of an agent that it describes, for sense and for nonsense."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rig import asked

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
LIMIT_S = 240
# Most requests about a VS are about one that is there, see asked.py.
ABOUT = f"""
[dictionaries.vs]
values = ["{asked.VS}"]
[dictionaries.rs]
values = ["{asked.RS}"]
[parameters]
"path.vs" = {{ dictionary = "vs", probability = 0.7 }}
"path.rs" = {{ dictionary = "rs", probability = 0.7 }}
"""
Operation = tuple[str, str]


def ask_all(
    url: str, ca: str, who: Sequence[str], folder: Path, socket: Path, under: Sequence[str] = ()
) -> set[Operation]:
    """Ask them; every answer must be as described, and none a fault. Returns what was done.

    `who`: the options that say who asks. `socket`: the agent's, by which what is asked about is
    put there. `under`: the command that leads into the namespace.
    """
    config, har = folder / "schemathesis.toml", folder / "asked.har"
    config.write_text(ABOUT)
    program = str(Path(sys.executable).with_name("schemathesis"))
    words = [
        *("--config-file", str(config)),
        *("run", f"{url}/v1/openapi.json", "--url", url, "--seed", "1", "--no-color"),
        *(*who, "--tls-verify", ca, "--max-examples", "10", "--workers", "1"),
        *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
        *("--max-failures", "5", "--request-timeout", "20"),
        *("--report", "har", "--report-har-path", str(har)),
        *("--checks", ",".join(CHECKS)),
    ]
    done = subprocess.run(
        [*under, program, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=folder,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "SCHEMATHESIS_HOOKS": "rig.asked",
            asked.SOCKET: str(socket),
        },
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return _done(har)


def operations(description: dict[str, object]) -> set[Operation]:
    """All of a description's, by method and path."""
    paths = description["paths"]
    assert isinstance(paths, dict)
    return {(method.upper(), path) for path, of in paths.items() for method in of}


def done_of(every: set[Operation], done: set[Operation]) -> set[Operation]:
    """Those operations of which one request or more had its way."""
    return {
        (method, path)
        for method, path in every
        if any(method == m and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), p) for m, p in done)
    }


def _done(har: Path) -> set[Operation]:
    entries = json.loads(har.read_text())["log"]["entries"]
    return {
        (entry["request"]["method"], urlsplit(entry["request"]["url"]).path)
        for entry in entries
        if entry["response"]["status"] < 300
    }
