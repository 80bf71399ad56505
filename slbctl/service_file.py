# SPDX-License-Identifier: BSD-3-Clause
"""The file that `slbctl apply` takes: what `slbctl export` wrote, or any slb.yaml with `services`.

A file is untrusted: it is looked through event by event, which no nesting can exhaust, before
anything is built from it; aliases, which could make a large set of a small file, are refused.
"""

import re
from typing import Any

import msgspec
import yaml

from slb.errors import ConfigError
from slb.model import codec
from slb.model.config import Config
from slb.model.service import Service, ServiceSet

MAX_DEPTH = 16
OTHER_KEYS = frozenset(Config.__struct_fields__) - frozenset(ServiceSet.__struct_fields__)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(raw: bytes, name: str) -> tuple[Service, ...]:
    """The services of a YAML or JSON text; raises ConfigError with file, line and field."""
    try:
        text = raw.decode()
        _look_through(text, name)
        wanted = yaml.load(text, LOADER)
    except UnicodeDecodeError:
        raise ConfigError(
            [f"{name}: not a text in UTF-8; apply what 'slbctl export' wrote"]
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_error(error, name)]) from None
    if not isinstance(wanted, dict) or "services" not in wanted:
        raise ConfigError([f"{name}:1: no 'services:' here; 'services: []' would delete every VS"])
    wanted = {key: value for key, value in wanted.items() if key not in OTHER_KEYS}
    try:
        return codec.convert(wanted, ServiceSet).services
    except msgspec.ValidationError as error:
        raise ConfigError([_field_error(str(error), text, name)]) from None


def write(services: ServiceSet) -> str:
    """The same as YAML, an RS a line."""
    plain = codec.to_plain(services)
    text: str = yaml.dump(plain, Dumper=DUMPER, sort_keys=False, default_flow_style=None)
    return text


def _look_through(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError([f"{_at(event, name)}: aliases are not taken; write the value out"])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError([f"{_at(event, name)}: nested too deeply for a list of services"])


def _at(event: yaml.Event, name: str) -> str:
    return f"{name}:{event.start_mark.line + 1 if event.start_mark else 1}"


def _syntax_error(error: yaml.YAMLError, name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return f"{name}:{mark.line + 1 if mark else 1}: not YAML: {what}"


def _field_error(message: str, text: str, name: str) -> str:
    what, _, path = message.rpartition(" - at `$")
    if not what:
        what, path = message, ""
    steps = [number or key for number, key in re.findall(r"\[(\d+)\]|\.(\w+)", path)]
    field = path.rstrip("`").lstrip(".") or "the file"
    return f"{name}:{_line(text, steps)}: {field}: {what}"


def _line(text: str, steps: list[str]) -> int:
    """The line on which the value at the end of the path stands."""
    node: Any = yaml.compose(text, LOADER)
    for step in steps:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(step)]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), node)
    line: int = node.start_mark.line
    return line + 1
