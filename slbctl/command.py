# SPDX-License-Identifier: BSD-3-Clause
"""How commands look: examples under every help text, a table of contents under the root's.

What click does not know (examples, sections, exit statuses) also goes into its to_info_dict(),
from which the man page is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import click


class SlbCommand(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples, one a line."""
        _write_lines(formatter, "Examples", self.examples)

    def to_info_dict(self, ctx: click.Context) -> dict[str, Any]:
        """What click tells about the command, with its usage, option columns and examples."""
        return {
            **super().to_info_dict(ctx),
            "usage": self.collect_usage_pieces(ctx),
            "arguments": _records(self, ctx, click.Argument),
            "options": _records(self, ctx, click.Option),
            "examples": list(self.examples),
        }


class SlbGroup(click.Group):
    """A word that commands follow: `vs`, `rs`, `session` …"""

    command_class = SlbCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were written."""
        return list(self.commands)


class RootGroup(SlbGroup):
    """The program: its help is a table of contents with a line for every command."""

    def __init__(
        self,
        *args: Any,
        contents: Mapping[str, Sequence[click.Command]],
        exit_statuses: Mapping[int, str],
        examples: Sequence[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for command in (command for section in contents.values() for command in section):
            self.add_command(command)
        self.contents = contents
        self.exit_statuses = exit_statuses
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of contents before the options: it is what the reader came for."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one section after the other, all in the same columns."""
        entries = {
            title: [entry for command in commands for entry in _entries(ctx, command)]
            for title, commands in self.contents.items()
        }
        width = max(len(name) for rows in entries.values() for name, _ in rows)
        for title, rows in entries.items():
            _write_lines(formatter, title, [f"{name:<{width}}  {text}" for name, text in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the exit statuses and the examples."""
        statuses = [f"{status:<3}  {meaning}" for status, meaning in self.exit_statuses.items()]
        _write_lines(formatter, "Exit status", statuses)
        _write_lines(formatter, "Examples", self.examples)

    def to_info_dict(self, ctx: click.Context) -> dict[str, Any]:
        """What click tells about the tree, with the sections, exit statuses and examples."""
        return {
            **super().to_info_dict(ctx),
            "options": _records(self, ctx, click.Option),
            "contents": [
                {"title": title, "commands": [command.name for command in commands]}
                for title, commands in self.contents.items()
            ],
            "exit_statuses": dict(self.exit_statuses),
            "examples": list(self.examples),
        }


def _entries(ctx: click.Context, command: click.Command) -> list[tuple[str, str]]:
    if not isinstance(command, click.Group):
        return [(str(command.name), command.get_short_help_str(limit=100))]
    return [
        (f"{command.name} {name}", sub.get_short_help_str(limit=100))
        for name, sub in command.commands.items()
    ]


def _records(
    command: click.Command, ctx: click.Context, kind: type[click.Parameter]
) -> list[tuple[str, str]]:
    records = [
        param.get_help_record(ctx) for param in command.get_params(ctx) if isinstance(param, kind)
    ]
    return [record for record in records if record is not None]


def _write_lines(formatter: click.HelpFormatter, title: str, lines: Sequence[str]) -> None:
    if lines:
        with formatter.section(title):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
