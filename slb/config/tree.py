# SPDX-License-Identifier: BSD-3-Clause
"""YAML text to plain values that remember their lines.

Built from PyYAML's events, so that hostile text meets no deep recursion, no alias that multiplies
and no tag that constructs. Scalars follow YAML 1.2: only null, true, false and whole numbers have a
type of their own; `off`, `1:20` and `0660` are texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from slb.model.address import show

Path = tuple[str | int, ...]

MAX_DEPTH = 32
WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
# More digits than any field can hold would only cost time.
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
FRACTION = re.compile(r"-?[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, what is wrong and what to do."""

    line: int
    path: Path
    text: str


class TreeError(Exception):
    """The text is no YAML that we take; raised with the Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


@dataclass(slots=True)
class Tree:
    """A document's value, the line of each path, and the mistakes found while reading it."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(text: str) -> Tree:
    """Read one YAML document; raises TreeError where reading cannot go on."""
    tree = Tree()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        events = _checked(yaml.parse(text, Loader=loader))
        if (first := next(events, None)) is not None:
            tree.value = _value(events, first, (), tree)
        if (extra := next(events, None)) is not None:
            _fail(extra, (), "a second document starts here; keep one document in a file")
    except yaml.YAMLError as error:
        raise TreeError(_syntax(text, error)) from None
    return tree


def show_path(path: Path) -> str:
    """Write a path as the operator knows it: `ports[0].name`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return "".join(parts).removeprefix(".")


def read_path(text: str) -> Path:
    """Read a path as show_path writes it, or as msgspec does in its messages."""
    steps = re.findall(r"\[(\d+)\]|(\w+)", text)
    return tuple(int(number) if number else name for number, name in steps)


def _key(step: str) -> str:
    return step if re.fullmatch(r"[\w-]{1,40}", step, re.ASCII) else show(step)


def _checked(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            _fail(event, (), "aliases (*name) are not supported; write the value out")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in (None, "!"):
            _fail(event, (), "tags (!name) are not supported; write the plain value")
        if isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
            yield event


def _value(events: Iterator[yaml.Event], event: yaml.Event, path: Path, tree: Tree) -> Any:
    tree.lines.setdefault(path, _line(event))
    if len(path) > MAX_DEPTH:
        _fail(event, path[:3], f"nested deeper than {MAX_DEPTH} levels; nothing here needs that")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, path, tree)
    return _mapping(events, path, tree)


def _sequence(events: Iterator[yaml.Event], path: Path, tree: Tree) -> list[Any]:
    found: list[Any] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_value(events, event, (*path, len(found)), tree))
    return found


def _mapping(events: Iterator[yaml.Event], path: Path, tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent):
            _fail(event, path, "a list or mapping stands where a key belongs; write `key: value`")
        key = event.value
        here = (*path, key)
        line = _line(event)
        if key in found:
            text = f"is given twice, first on line {tree.lines[here]}; remove one of them"
            tree.problems.append(Problem(line, here, text))
            _value(events, next(events), (*here, "again"), tree)
            continue
        tree.lines[here] = line
        found[key] = _value(events, next(events), here, tree)
    return found


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in WORDS:
        return WORDS[text]
    if FRACTION.fullmatch(text):
        return float(text)
    return int(text) if WHOLE.fullmatch(text) else text


def _fail(event: yaml.Event, path: Path, text: str) -> NoReturn:
    raise TreeError(Problem(_line(event), path, text))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _syntax(text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        reason = getattr(error, "problem", None) or getattr(error, "context", None) or "not YAML"
        line = text.split("\n")[mark.line] if mark.line < text.count("\n") + 1 else ""
        what = "put the IPv6 address in quotes" if "::" in line else "correct the YAML here"
        return Problem(mark.line + 1, (), f"{reason}; {what}")
    position = getattr(error, "position", 0)
    reason = getattr(error, "reason", "not YAML")
    line = text.count("\n", 0, position) + 1
    return Problem(line, (), f"{reason}; remove the character")
