# SPDX-License-Identifier: BSD-3-Clause
"""Writes docs/man/slbctl.1 from the commands themselves: `python docs/gen_man.py`."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from slbctl.root import cli

PAGE = Path(__file__).parent / "man" / "slbctl.1"
WARNING = '.\\" Written by docs/gen_man.py from the commands themselves; change those.'

Info = dict[str, Any]


def page() -> str:
    """The whole page as roff."""
    with click.Context(cli, info_name="slbctl", **cli.context_settings) as context:
        root: Info = context.to_info_dict()["command"]
    return "\n".join([*_head(root), *_contents(root), *_foot(root)]) + "\n"


def _head(root: Info) -> Iterator[str]:
    first, *rest = _paragraphs(root["help"])
    yield from (WARNING, '.TH SLBCTL 1 "" "DPDK\\-SLB" "DPDK\\-SLB manual"')
    yield from (".SH NAME", f"slbctl \\- {_escape(first[:1].lower() + first[1:].rstrip('.'))}")
    yield from (".SH SYNOPSIS", ".B slbctl", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]")
    yield ".SH DESCRIPTION"
    yield from _prose(rest)
    yield ".SH OPTIONS"
    yield from _terms(root["options"])


def _contents(root: Info) -> Iterator[str]:
    for section in root["contents"]:
        yield f'.SH "{_escape(section["title"].upper())}"'
        for name in section["commands"]:
            info = root["commands"][name]
            if "commands" in info:
                yield from _prose(_paragraphs(info["help"]))
            for words, command in _commands(name, info):
                yield from _command(words, command)


def _commands(name: str, info: Info) -> list[tuple[str, Info]]:
    if "commands" not in info:
        return [(name, info)]
    return [(f"{name} {verb}", command) for verb, command in info["commands"].items()]


def _command(words: str, info: Info) -> Iterator[str]:
    usage = " ".join(piece for piece in info["usage"] if piece != "[OPTIONS]")
    yield f'.SS "slbctl {_escape(words)} \\fR{_escape(usage)}\\fP"'
    yield from _prose(_paragraphs(info["help"]))
    own_options = [option for option in info["options"] if "--help" not in option[0]]
    yield from _terms([*info["arguments"], *own_options])
    yield from _examples(info["examples"])


def _foot(root: Info) -> Iterator[str]:
    yield ".SH EXIT STATUS"
    yield from _terms([(str(status), text) for status, text in root["exit_statuses"].items()])
    yield ".SH ENVIRONMENT"
    yield from _terms(
        [
            (param["envvar"], f"The value of {param['opts'][0]} when that is not given.")
            for param in root["params"]
            if param["envvar"]
        ]
    )
    yield ".SH EXAMPLES"
    yield from _examples(root["examples"])


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]


def _prose(paragraphs: Sequence[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        yield from ([".PP"] if number else [])
        yield _escape(paragraph)


def _terms(terms: Sequence[Sequence[str]]) -> Iterator[str]:
    for term, text in terms:
        yield from (".TP", f"\\fB{_escape(term)}\\fR", _escape(" ".join(text.split())))


def _examples(examples: Sequence[str]) -> Iterator[str]:
    if examples:
        yield from (".PP", ".RS 4", ".EX", *map(_escape, examples), ".EE", ".RE")


def _escape(text: str) -> str:
    """Roff's own characters, and a control character at the start of a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    escaped = escaped.replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
