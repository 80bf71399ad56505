# SPDX-License-Identifier: BSD-3-Clause
"""YAML text to plain values: lines, types and hostile input."""

import pytest

from slb.config.tree import TreeError, read_path, read_tree, show_path


def test_values_and_lines() -> None:
    tree = read_tree('a: 1\nb:\n  - x\n  - {c: true, d: null}\ne: "5"\n')
    assert tree.value == {"a": 1, "b": ["x", {"c": True, "d": None}], "e": "5"}
    assert tree.line(("b", 1, "c")) == 4
    assert tree.line(("e",)) == 5
    assert tree.line(("b", 9, "z")) == 2, "what is not there has the line of what is around it"


@pytest.mark.parametrize("text", ["off", "yes", "1:20", "0660", "1e3", "0x10", "0000:3b:00.0"])
def test_only_yaml_1_2_words_and_whole_numbers_have_a_type(text: str) -> None:
    assert read_tree(f"a: {text}\n").value == {"a": text}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_nothing(text: str) -> None:
    assert read_tree(text).value is None


def test_a_key_given_twice() -> None:
    tree = read_tree("a: 1\nb: 2\na: 3\n")
    assert tree.value == {"a": 1, "b": 2}
    problem = tree.problems[0]
    assert (problem.line, problem.path) == (3, ("a",))
    assert problem.text == "is given twice, first on line 1; remove one of them"


BOMB = "a: &a [x, x, x, x]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abc", "bcd", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (BOMB, 2, "aliases (*name) are not supported"),
        ("a: *nobody\n", 1, "aliases (*name) are not supported"),
        ("a: !!python/object:os.system x\n", 1, "tags (!name) are not supported"),
        ("a: 1\n---\nb: 2\n", 3, "a second document starts here"),
        ("x: " + "[" * 5000, 1, "nested deeper than 32 levels"),
        ("{a: " * 5000, 1, "nested deeper than 32 levels"),
        ("? [a]\n: b\n", 1, "a list or mapping stands where a key belongs"),
        ("a: [1,\nb: 2\n", 3, "correct the YAML here"),
        ("a: 1\n\tb: 2\n", 2, "correct the YAML here"),
        ("a: 1\nb: \x01\n", 2, "control characters are not allowed"),
        ("a: 'never closed\n", 2, "correct the YAML here"),
    ],
)
def test_hostile(text: str, line: int, sentence: str) -> None:
    with pytest.raises(TreeError) as error:
        read_tree(text)
    assert sentence in error.value.problem.text
    assert error.value.problem.line == line


def test_a_huge_number_stays_a_text() -> None:
    assert read_tree("a: " + "9" * 100_000).value == {"a": "9" * 100_000}


def test_paths_are_shown_as_the_operator_writes_them() -> None:
    assert show_path(("ports", 0, "name")) == "ports[0].name"
    assert read_path("ports[0].name") == ("ports", 0, "name")
    assert show_path(("a\x1b[31m",)) == "'a\\x1b[31m'"
