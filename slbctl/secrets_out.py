# SPDX-License-Identifier: BSD-3-Clause
"""Takes secrets out of what leaves the host: by their keys, by their looks, and by what they are.

Rather too much than too little: a line may lose more than the secret that stands in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

REMOVED = "(removed)"
SHORTEST = 4

_NAMED = (
    r"pass(?:word|wd|phrase)|secret|token|credential|private[_-]?key|api[_-]?key|auth[_-]?key|psk"
)
# What a token of agent.yaml has besides its hash: words that stand everywhere.
_OF_TOKENS = {"name", "role", "owners"}
# Of a configuration, where what is a secret is known by its key.
_KEY = re.compile(rf"(?i){_NAMED}|authori[sz]ation|cookie|hash|pass$|(^|[_.-])keys?$")
_IN_BIRD = re.compile(r'\bpassword "([^"\n]+)"')
# Each begins with something fixed, and what may repeat is bounded: a line of a log may be long.
_LOOKS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [^\n]*|\Z)", re.S), ""),
    (re.compile(r"(://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)"), r"\1"),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s{1,20})[A-Za-z0-9+/=._~-]{8,}"), r"\1"),
    (re.compile(r"(?i)(\b(?:authorization|cookie)\s{0,20}:)[^\n]*"), r"\1 "),
)
# key = value, "key": "value", and password "value" as BIRD has it; else to the line's end. Not the
# list in agent.yaml, whose secrets are taken out one by one.
_ASSIGNED = re.compile(
    rf"""(?ix) ( (?! tokens:\n-\ (?:name|role|owners|hash:\ \(removed\)) )
    (?:{_NAMED}) [\w.-]{{0,40}} ["']? )
    ( \s{{0,20}} [:=] \s{{0,20}} | \s{{1,20}} (?=["']) )
    ( "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | [^\n]+ )"""
)


@dataclass(frozen=True)
class Cleaned:
    """A configuration without its secrets, and what they were."""

    text: str
    secrets: frozenset[str]


def config(text: str) -> Cleaned:
    """A YAML text without comments and without the values of keys that name secrets."""
    secrets: set[str] = set()
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # What is wrong is not quoted: it may be a secret.
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        return Cleaned(f"# no YAML{where}; left out\n", frozenset())
    except RecursionError:
        return Cleaned("# nested too deeply; left out\n", frozenset())
    plain = yaml.safe_dump(_without(tree, secrets, {}), sort_keys=False, allow_unicode=True)
    return Cleaned(clean(plain, frozenset()), frozenset(secrets))


def of_bird(text: str) -> frozenset[str]:
    """The passwords in a configuration of BIRD."""
    return frozenset(one for one in _IN_BIRD.findall(text) if len(one) >= SHORTEST)


def clean(text: str, secrets: frozenset[str]) -> str:
    """The text without these secrets, and without what looks like one."""
    # As they are, and as JSON and Python's messages write them. The longest first: one may be
    # part of another.
    written = {form for s in secrets for form in (s, json.dumps(s)[1:-1], ascii(s)[1:-1])}
    for secret in sorted(written, key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    for pattern, kept in _LOOKS:
        text = pattern.sub(kept + REMOVED, text)
    return _ASSIGNED.sub(_unassigned, text)


def _unassigned(match: re.Match[str]) -> str:
    name, sign, value = match.groups()
    quote = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{name}{sign}{quote}{REMOVED}{quote}"


def _without(value: Any, secrets: set[str], seen: dict[int, Any]) -> Any:
    """`seen`: what an alias names again stays one thing, so that no file can grow without end."""
    if not isinstance(value, dict | list):
        return value
    if id(value) not in seen:
        copy: Any = {} if isinstance(value, dict) else []
        seen[id(value)] = copy
        if isinstance(value, dict):
            copy.update({key: _value(key, item, secrets, seen) for key, item in value.items()})
        else:
            copy.extend(_without(item, secrets, seen) for item in value)
    return seen[id(value)]


def _value(key: Any, value: Any, secrets: set[str], seen: dict[int, Any]) -> Any:
    if key == "tokens" and isinstance(value, list):
        return [_token(item, secrets, seen) for item in value]
    if not _KEY.search(str(key)) or isinstance(value, bool) or value is None:
        return _without(value, secrets, seen)
    _collect(value, secrets, set())
    return REMOVED


def _token(token: Any, secrets: set[str], seen: dict[int, Any]) -> Any:
    if not isinstance(token, dict):
        _collect(token, secrets, set())
        return REMOVED
    kept = {key: _without(token[key], secrets, seen) for key in token if key in _OF_TOKENS}
    _collect({key: item for key, item in token.items() if key not in kept}, secrets, set())
    return {key: kept.get(key, REMOVED) for key in token}


def _collect(value: Any, secrets: set[str], seen: set[int]) -> None:
    if isinstance(value, Mapping | list):
        if id(value) in seen:
            return
        seen.add(id(value))
        for item in value.values() if isinstance(value, Mapping) else value:
            _collect(item, secrets, seen)
    elif not isinstance(value, bool) and value is not None:
        # A block of several lines is met line by line elsewhere.
        secrets.update(line for line in str(value).splitlines() if len(line) >= SHORTEST)
