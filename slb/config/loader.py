# SPDX-License-Identifier: BSD-3-Clause
"""Reads slb.yaml: every mistake comes out as `FILE:LINE: FIELD: what is wrong; what to do`."""

import os
from collections.abc import Iterable
from typing import BinaryIO, TypeVar

from slb.config import checks, defaults, schema
from slb.config.tree import Problem, Tree, TreeError, read_tree, show_path
from slb.errors import ConfigError
from slb.model.address import show
from slb.model.config import Config

T = TypeVar("T")

DEFAULT = "/etc/slb/slb.yaml"
MAX_BYTES = 64 << 20


def load(path: str, cpus: Iterable[int] | None = None) -> Config:
    """Read and check the file at `path`, defaults filled in; raises ConfigError.

    `cpus` are the CPUs that cores may run on, those of this process unless given.
    """
    return parse(path, read_text(path), cpus)


def parse(path: str, text: str, cpus: Iterable[int] | None = None) -> Config:
    """Parse a file's text; raises ConfigError naming `path`."""
    available = frozenset(os.sched_getaffinity(0) if cpus is None else cpus)
    tree, config = parse_as(path, text, Config)
    config = defaults.fill(config, available)
    checked(path, tree, checks.find(config, available))
    return config


def checked(path: str, tree: Tree, findings: Iterable[checks.Finding]) -> None:
    """Raise ConfigError, naming `path` and lines, if there are findings about what was parsed."""
    for where, sentence in findings:
        tree.problems.append(Problem(tree.line(where), where, sentence))
    if tree.problems:
        raise ConfigError(_lines(path, tree))


def parse_as(path: str, text: str, kind: type[T], others: Iterable[str] = ()) -> tuple[Tree, T]:
    """Parse a text whose schema is `kind`, without further rules; raises ConfigError.

    The keys `others` at its top are somebody else's, and left out.
    """
    try:
        tree = read_tree(text)
    except TreeError as error:
        raise ConfigError([_line(path, error.problem)]) from None
    if isinstance(tree.value, dict):
        for key in others:
            tree.value.pop(key, None)
    found = schema.convert(tree, kind)
    if found is None:
        raise ConfigError(_lines(path, tree))
    return tree, found


def read_text(path: str) -> str:
    """Read a file as UTF-8; raises ConfigError."""
    try:
        with open(path, "rb") as file:
            return text_of(path, file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigError([f"{_name(path)}: cannot be read: {reason}; check the path"]) from None


def text_of(path: str, file: BinaryIO) -> str:
    """Read what is open as UTF-8, calling it `path`; raises ConfigError, OSError."""
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            [f"{_name(path)}: larger than {MAX_BYTES >> 20} MiB; is it the right file?"]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        text = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError([f"{_name(path)}:{line}: {text}"]) from None


def _lines(path: str, tree: Tree) -> list[str]:
    ordered = sorted(tree.problems, key=lambda problem: problem.line)
    shown = [_line(path, problem) for problem in ordered[: schema.MAX_PROBLEMS]]
    if (more := len(ordered) - len(shown)) > 0:
        shown.append(f"{_name(path)}: {more} more; correct these first")
    return shown


def _line(path: str, problem: Problem) -> str:
    field = f"{show_path(problem.path)}: " if problem.path else ""
    return f"{_name(path)}:{problem.line}: {field}{problem.text}"


def _name(path: str) -> str:
    return path if path.isprintable() and path else show(path)
