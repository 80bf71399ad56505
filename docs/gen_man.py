# SPDX-License-Identifier: BSD-3-Clause
"""Writes docs/man from the commands themselves: `python docs/gen_man.py`."""

import argparse
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from slb.agent import command as agent
from slb.agent.agent import STATE
from slb.config.loader import DEFAULT
from slb.daemon import command as daemon
from slb.model.desired import AGENT_SOCKET
from slbctl.root import cli

MAN = Path(__file__).parent / "man"
WARNING = '.\\" Written by docs/gen_man.py from the commands themselves; change those.'

Info = dict[str, Any]
Terms = Sequence[tuple[str, str]]

STATUSES: Terms = (
    ("0", "It was stopped as asked, or has done what the options say."),
    ("1", "It failed; the last line of the log says why."),
    ("2", "Wrong usage, or a wrong configuration or state: to be corrected before the next start."),
)
SLBD: dict[str, str | Terms] = {
    "DESCRIPTION": """
        It drives the ports of its configuration by DPDK, passes connections for virtual servers on
        to real servers, and has routes to them announced by BIRD. It runs in the foreground and
        logs to standard error.

        It keeps nothing on disk: virtual servers are those of the configuration, and what slbctl or
        slb-agent adds while it runs.
        """,
    "SIGNALS": (
        ("SIGTERM, SIGINT", "Withdraw the routes, drain for a second, and end."),
        ("SIGHUP", "Read the configuration again; a wrong one, or too large a change, is refused."),
    ),
    "EXIT STATUS": STATUSES,
    "ENVIRONMENT": (("NOTIFY_SOCKET", "Where to tell systemd that it is ready and alive."),),
    "FILES": (
        (DEFAULT, "The configuration."),
        ("/run/slb/slbd.sock", "The API, for slbctl and slb-agent."),
    ),
    "SEE ALSO": "slbctl(1), slb-agent(8), bird(8)",
}
SLB_AGENT: dict[str, str | Terms] = {
    "DESCRIPTION": """
        It owns the services: it stores every change before slbd gets it, and makes slbd have them
        again when that was started anew or changed by somebody else. Packets do not pass through
        it, so it may end at any time. It runs in the foreground and logs to standard error.

        slbctl speaks to it as soon as its socket is there.
        """,
    "SIGNALS": (
        ("SIGTERM, SIGINT", "End; slbd goes on with what it has."),
        ("SIGHUP", "Read agent.yaml and the files that it names again; wrong ones are refused."),
    ),
    "EXIT STATUS": STATUSES,
    "ENVIRONMENT": (("NOTIFY_SOCKET", "Where to tell systemd that it is ready and alive."),),
    "FILES": (
        ("/etc/slb/agent.yaml", "Whom it serves over TCP, unless --config names another file."),
        (STATE, "The versions of the desired state."),
        (AGENT_SOCKET, "The API, for slbctl and controllers."),
    ),
    "SEE ALSO": "slbctl(1), slbd(8)",
}


def pages() -> dict[str, str]:
    """Every page as roff, by its file's name."""
    return {
        "slbctl.1": _slbctl(),
        "slbd.8": _daemon(daemon.parser(), SLBD),
        "slb-agent.8": _daemon(agent.parser(), SLB_AGENT),
    }


def _slbctl() -> str:
    with click.Context(cli, info_name="slbctl", **cli.context_settings) as context:
        root: Info = context.to_info_dict()["command"]
    return "\n".join([*_head(root), *_contents(root), *_foot(root)]) + "\n"


def _daemon(parser: argparse.ArgumentParser, sections: dict[str, str | Terms]) -> str:
    """A page of a program that has options and no commands."""
    name, purpose = parser.prog, str(parser.description)
    lines = [WARNING, f'.TH {name.upper()} 8 "" "DPDK\\-SLB" "DPDK\\-SLB manual"']
    purpose = _escape(purpose[:1].lower() + purpose[1:].rstrip("."))
    lines += [".SH NAME", f"{_escape(name)} \\- {purpose}"]
    lines += [".SH SYNOPSIS", f".B {_escape(name)}", "[\\fIOPTIONS\\fR]"]
    options = [(_flags(action), _help(action)) for action in parser._actions]
    for title, content in sections.items():
        if title == "SIGNALS":
            lines += [".SH OPTIONS", *_terms(options)]
        lines.append(f'.SH "{title}"')
        lines += _prose(_paragraphs(content)) if isinstance(content, str) else _terms(content)
    return "\n".join(lines) + "\n"


def _flags(action: argparse.Action) -> str:
    """An option as slbctl's are written: -c, --config FILE."""
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return ", ".join(action.option_strings) + value


def _help(action: argparse.Action) -> str:
    text = str(action.help) % vars(action)
    return f"{text[:1].upper()}{text[1:]}."


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
    MAN.mkdir(exist_ok=True)
    for name, text in pages().items():
        (MAN / name).write_text(text)
