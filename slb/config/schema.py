# SPDX-License-Identifier: BSD-3-Clause
"""Plain values to the model's types, with every mistake of a file, each at its path.

Unknown keys are taken out by a walk of our own. For the rest msgspec stops at the first mistake, so
the wrong value is taken out as well and what remains is converted again; what is left out this way
never reaches the caller, since a file with a problem is refused.
"""

import difflib
import re
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from slb.config import describe
from slb.config.tree import Path, Problem, Tree, read_path
from slb.model import codec
from slb.model.address import show

T = TypeVar("T")

MAX_PROBLEMS = 20
MISSING = re.compile(r"Object missing required field `(\w+)`")


def convert(tree: Tree, kind: type[T]) -> T | None:
    """Convert a tree, adding to its problems; None when there are any."""
    return _Repair(tree, kind).run()


class _Repair(Generic[T]):
    def __init__(self, tree: Tree, kind: type[T]) -> None:
        self.tree = tree
        self.kind = kind
        self.type = inspect.type_info(kind)
        # Lists that lost items, with the place in the file of each that is left.
        self.origins: dict[int, list[int]] = {}
        # Keeps them alive, so that their ids stay theirs.
        self.changed: list[Any] = []

    def run(self) -> T | None:
        self._drop_unknown(self.tree.value, self.type, ())
        found = None
        while len(self.tree.problems) < MAX_PROBLEMS:
            try:
                found = codec.convert(self.tree.value, self.kind)
                break
            except msgspec.ValidationError as error:
                if not self._report(*_split(str(error))):
                    break
        return None if self.tree.problems else found

    def _drop_unknown(self, value: Any, expected: inspect.Type, path: Path) -> None:
        kinds = describe.tagged(expected)
        expected = describe.bare(expected, value)
        if isinstance(value, list) and isinstance(expected, inspect.VarTupleType):
            for index, item in enumerate(value):
                self._drop_unknown(item, expected.item_type, (*path, index))
        if isinstance(value, dict) and isinstance(expected, inspect.StructType):
            known = {field.encode_name: field.type for field in expected.fields}
            if kinds and value.get(tag := str(kinds[0].tag_field)) not in [k.tag for k in kinds]:
                # Nobody knows which keys it may have.
                return
            for key in list(value):
                if kinds and key == tag:
                    continue
                if key in known:
                    self._drop_unknown(value[key], known[key], (*path, key))
                else:
                    del value[key]
                    self._add((*path, key), _unknown(key, list(known)))

    def _report(self, text: str, path: Path) -> bool:
        """Add the problem and take its cause out; False: nothing is left to look at."""
        if missing := MISSING.match(text):
            there = describe.at(self.type, (*path, missing[1]), self.tree.value)
            wanted = describe.sentence(there)
            place = (*self._original(path), missing[1])
            # What the file does have was taken out before, with a problem of its own.
            if place not in self.tree.lines:
                self._add(place, f"is missing; add `{missing[1]}:` with {wanted}")
            return self._take_out(path)
        value = _value_at(self.tree.value, path)
        if id(value) not in self.origins:
            self._add(self._original(path), self._wrong(value, path, text))
        return self._take_out(path)

    def _wrong(self, value: Any, path: Path, text: str) -> str:
        expected = describe.at(self.type, path, self.tree.value)
        inner = describe.bare(expected, value)
        if isinstance(inner, inspect.CustomType) and isinstance(value, str):
            return text
        if isinstance(inner, inspect.StructType) and isinstance(value, dict):
            # Each key by itself is good.
            return text
        return f"{_show(value)} is not valid; write {describe.sentence(expected)}"

    def _add(self, path: Path, text: str) -> None:
        self.tree.problems.append(Problem(self.tree.line(path), path, text))

    def _take_out(self, path: Path) -> bool:
        if not path:
            return False
        holder, last = _value_at(self.tree.value, path[:-1]), path[-1]
        if isinstance(holder, list) and isinstance(last, int):
            self.origins.setdefault(id(holder), list(range(len(holder)))).pop(last)
            self.changed.append(holder)
        del holder[last]
        return True

    def _original(self, path: Path) -> Path:
        """Translate indices of lists that have lost items back to those of the file."""
        real: list[str | int] = []
        value = self.tree.value
        for step in path:
            places = self.origins.get(id(value))
            real.append(places[step] if places and isinstance(step, int) else step)
            value = value[step]
        return tuple(real)


def _split(message: str) -> tuple[str, Path]:
    text, _, where = message.rpartition(" - at `$")
    return (text, read_path(where)) if text else (message, ())


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return "no such key; " + (
        f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
    )


def _value_at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _show(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return f"a list of {len(value)}"
        case bool():
            return str(value).lower()
        case str():
            return show(value)
        case _:
            return str(value)
