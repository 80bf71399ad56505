# SPDX-License-Identifier: BSD-3-Clause
from pathlib import Path

import pytest
from lint import abi, commits, conformance, docs
from lint_samples import commit, tree, write

ENUM = "enum slb_drop {\n\tSLB_DROP_SHORT = 0,\n\tSLB_DROP_TTL,\n\tSLB_DROP_COUNT,\n};\n"
HEADER = "#define SLB_ABI_VERSION 1\nint slb_open(void); // opens\n"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("| `SHORT` | cut |\n| `TTL` | old |\n", None),
        ("| `SHORT` | cut |\n", "docs/drops.md: TTL has no row"),
        ("| `TTL` | old |\n| `SHORT` | cut |\n", "docs/drops.md: reason 1 is TTL"),
        ("| `SHORT` | |\n| `TTL` | |\n| `OLD` | |\n", "docs/drops.md: OLD is not in slb_abi.h"),
    ],
)
def test_drop_reasons(tmp_path: Path, rows: str, problem: str | None) -> None:
    tree(tmp_path, csrc__include__slb_abi_h=ENUM, docs__drops_md=f"| Reason | |\n|--|--|\n{rows}")
    found = docs.drops(tmp_path)
    assert found[0].startswith(problem) if problem else not found, found


def test_missing_file_of_paths_is_named(tmp_path: Path) -> None:
    text = "`csrc/path/path.c`, `slb/api/client` and `csrc/path/gone.c`, `/run/x/y`\n"
    tree(tmp_path, docs__paths_md=text, csrc__path__path_c="", slb__api__client_py="")
    assert docs.paths(tmp_path) == ["docs/paths.md: csrc/path/gone.c does not exist"]


PATH_C = """static void load(struct burst *b) {
	b->n = 0;
}

static void touch(
	struct core *c, struct burst *b
) {
	for (uint16_t i = 0; i < b->n; i++)
		seen(c, i);
}

void path_run(
	struct core *c, struct burst *b
) {
	load(b);
	parse(b);
	touch(c, b);
	rewrite(c, b);
}
"""
STAGES = {
    "csrc__path__path_c": PATH_C,
    "csrc__path__parse_c": "static void load(int n) {\n\tn++;\n}\n\nvoid parse(void *b) {\n}\n",
    "csrc__path__life_c": "bool seen(\n\tvoid *c, int i\n) {\n\treturn false;\n}\n",
    "csrc__path__rewrite_c": "struct a *rewrite(void *c) {\n\treturn c;\n}\n",
}


@pytest.mark.parametrize(
    ("steps", "fine"),
    [
        ("path parse life rewrite", True),
        ("path life parse rewrite", False),
        ("path parse rewrite", False),
        ("path parse life rewrite life", False),
        ("", False),
    ],
)
def test_stages_stand_in_the_order_of_their_calls(tmp_path: Path, steps: str, fine: bool) -> None:
    rows = "".join(
        f"{number}. `csrc/path/{name}.c`: what it does\n   - `csrc/path/csum.c`: a part of it\n"
        for number, name in enumerate(steps.split(), 1)
    )
    text = f"# Paths\n\n## A packet\n\n{rows}\n## A change\n\n1. `csrc/path/vs.c`: another path\n"
    tree(tmp_path, docs__paths_md=text, **STAGES)
    found = docs.stages(tmp_path)
    assert not found if fine else found[0].startswith("docs/paths.md: a packet's stage"), found


def test_a_path_without_stages_is_no_match(tmp_path: Path) -> None:
    tree(tmp_path, docs__paths_md="\n## A packet\n1. `csrc/path/path.c`: all\n")
    assert docs.stages(tmp_path) == ["csrc/path/path.c: path_run() calls no stage"]


def test_dead_links_are_named(tmp_path: Path) -> None:
    text = "[a](docs/a.md) [b](docs/a.md#two-words) [c](https://example.org/x) "
    tree(tmp_path, README_md=f"{text}[d](gone.md) [e](docs/a.md#three)", docs__a_md="# Two words\n")
    assert docs.links(tmp_path) == [
        "README.md: link to gone.md leads nowhere",
        "README.md: link to docs/a.md#three leads nowhere",
    ]


CASES_PY = """
CASES = [Case("a SYN", Send()), *(Case(f"port {port}, {name}", Send()) for port in range(3))]
"""


@pytest.mark.parametrize(
    ("here", "problem"),
    [
        ("`cases_tcp: a SYN`", None),
        ("`cases_tcp: port 65535, TCP`, errors to come", None),
        ("`tests/path/test_vs.py::test_it` (twice)", None),
        ("no: there is no such thing", None),
        ("to come: `tests/path/cases_frag.py`", None),
        ("no: see `cases_tcp: a FIN`", "no case 'a FIN' in tests/path/cases_tcp.py"),
        ("`cases_tcp: port , TCP`", "no case 'port , TCP' in tests/path/cases_tcp.py"),
        ("`cases_gone: a SYN`", "no case 'a SYN' in tests/path/cases_gone.py"),
        ("`tests/path/test_vs.py::test_that`", "no test_that in tests/path/test_vs.py"),
        ("`tests/path/test_no.py::test_it`", "no test_it in tests/path/test_no.py"),
        ("some other day", "test_x has neither a test nor 'no:' or 'to come:'"),
        ("", "test_x has neither a test nor 'no:' or 'to come:'"),
        ("no:", "test_x has neither a test nor 'no:' or 'to come:'"),
    ],
)
def test_conformance(tmp_path: Path, here: str, problem: str | None) -> None:
    text = f"| VPP's test | What | Here |\n|---|---|---|\n| test_x | it \\| works | {here} |\n"
    tree(tmp_path, docs__conformance_md=text, tests__path__cases_tcp_py=CASES_PY)
    write(tmp_path, "tests/path/test_vs.py", "def test_it() -> None: ...\n")
    found = [f"docs/conformance.md: {problem}"] if problem else []
    assert conformance.check(tmp_path) == found


def test_conformance_without_a_table(tmp_path: Path) -> None:
    assert conformance.check(tmp_path) == ["docs/conformance.md: missing"]
    tree(tmp_path, docs__conformance_md="# Conformance\n")
    assert conformance.check(tmp_path) == ["docs/conformance.md: no table of tests"]


def test_abi_change_without_a_new_version_is_named(tmp_path: Path) -> None:
    write(tmp_path, abi.HEADER, HEADER)
    assert abi.check(tmp_path) == []
    commit(tmp_path, "csrc: add the header")
    write(tmp_path, abi.HEADER, HEADER.replace("// opens", "// opens all"))
    assert abi.check(tmp_path) == []
    write(tmp_path, abi.HEADER, HEADER.replace("(void)", "(int)"))
    commit(tmp_path, "csrc: change it")
    assert "count it up" in abi.check(tmp_path)[0]
    write(tmp_path, abi.HEADER, HEADER.replace("(void)", "(int)").replace("1", "2"))
    assert abi.check(tmp_path) == []
    commit(tmp_path, "csrc: count it up")
    write(tmp_path, f"csrc/{abi.HEADERS[1]}", "int more(void);\n")
    assert "count it up" in abi.check(tmp_path)[0]


@pytest.mark.parametrize(
    ("subject", "fine"),
    [
        ("docs: say what a session is", True),
        ("csrc/path: drop what is too short", True),
        ("docs: VS and RS by name", True),
        ("say what a session is", False),
        ("docs: Say what a session is", False),
        ("docs: say what a session is.", False),
        ("nowhere: say what a session is", False),
        ("docs: " + "x" * 55, False),
    ],
)
def test_commit_subjects(tmp_path: Path, subject: str, fine: bool) -> None:
    tree(tmp_path, csrc__path__a_c="")
    commit(tmp_path, subject)
    assert (commits.check(tmp_path) == []) == fine


def test_commits_of_origin_are_left_alone(tmp_path: Path) -> None:
    commit(tmp_path, "a subject that cannot be mended any more")
    (tmp_path / ".git/refs/remotes/origin").mkdir(parents=True)
    (tmp_path / ".git/refs/remotes/origin/main").write_text(
        (tmp_path / ".git/refs/heads/main").read_text()
    )
    commit(tmp_path, "docs: a good one")
    assert commits.check(tmp_path) == []
