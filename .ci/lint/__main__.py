# SPDX-License-Identifier: BSD-3-Clause
"""Run every check: `python -P -m lint [--junit-xml=FILE]`."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from junit import write_report

from lint import abi, commits, conformance, docs, imports, layers, sources, tokens, tools

ROOT = Path(__file__).resolve().parents[2]

CHECKS: dict[str, Callable[[Path], list[str]]] = {
    **{name: partial(tools.run, command) for name, command in tools.COMMANDS.items()},
    "mypy": tools.types,
    "clang-format": tools.clang_format,
    "C warnings are errors": tools.warnings_are_errors,
    "C layers": layers.check,
    "Python layers": imports.check,
    "forbidden tokens": tokens.check,
    "licence headers": sources.licence_headers,
    "C comments": sources.comments,
    "file lengths": sources.lengths,
    "forbidden words": sources.words,
    "drop reasons documented": docs.drops,
    "docs/paths.md": docs.paths,
    "docs/paths.md, stages": docs.stages,
    "docs/conformance.md": conformance.check,
    "links": docs.links,
    "ABI version": abi.check,
    "commit subjects": commits.check,
}


def main() -> int:
    """Print one line a check and what it found; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lint")
    parser.add_argument("--junit-xml", type=Path)
    report = parser.parse_args().junit_xml
    problems: dict[str, list[str]] = {}
    for name, check in CHECKS.items():
        problems[name] = check(ROOT)
        print("FAIL" if problems[name] else "ok  ", name, flush=True)
        for problem in problems[name]:
            print(f"     {problem}", flush=True)
    if report:
        write_report(report, "lint", problems)
    return int(any(problems.values()))


if __name__ == "__main__":
    sys.exit(main())
