# SPDX-License-Identifier: BSD-3-Clause
"""Completion scripts: click's own for zsh and fish, one of ours for bash.

Bash takes a colon for the end of a word, so click's script would see 10.96.0.10:80/tcp as three
words. Ours hands over the line as it was typed, and gives back what follows the last such end.
"""

import os

import click
from click.shell_completion import (
    BashComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "slbctl"
VARIABLE = "_SLBCTL_COMPLETE"

BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT} type value
    local word=${line##*[[:space:]]} typed=

    # Readline replaces only what follows the last character that ends a word for it.
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && typed=${word%%:*}:
    [[ $COMP_WORDBREAKS == *=* && $word == --*=* && -z $typed ]] && typed=${word%%%%=*}=

    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$typed"}") ;;
        esac
    done < <(COMP_LINE=$line %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashLineComplete(BashComplete):
    """Bash, from the line instead of from the words that bash makes of it."""

    source_template = BASH

    def source(self) -> str:
        """The script; no bash need be installed to write it."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that is being typed."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]


def answer(root: click.Command) -> int:
    """Answers the question that a script put into the environment, and returns the exit status."""
    add_completion_class(BashLineComplete, "bash")
    return shell_complete(root, {}, PROGRAM, VARIABLE, os.environ[VARIABLE])


def script(root: click.Command, shell: str) -> str:
    """The script for one of SHELLS."""
    add_completion_class(BashLineComplete, "bash")
    kind = get_completion_class(shell)
    assert kind is not None, "click.Choice admits the shells of SHELLS only"
    return kind(root, {}, PROGRAM, VARIABLE).source()
