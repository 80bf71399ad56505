# SPDX-License-Identifier: BSD-3-Clause
from pathlib import Path

import pytest
from lint import imports, sources, tools
from lint_samples import tree, write


@pytest.mark.parametrize(
    ("file", "line", "target"),
    [
        ("slb/api/a.py", "from slb._engine import lib", "slb._engine"),
        (
            "slb/engine/engine.py",
            "from . import _engine, binding\nimport slb._engine",
            "slb._engine",
        ),
        ("slbctl/a.py", "from slb.engine import engine", "slb.engine"),
        ("slbctl/a.py", "import slb.daemon.main", "slb.daemon"),
        ("slbctl/a.py", "from slb import tables", "slb.tables"),
        ("slbctl/a.py", "import ospf.birdc", "ospf"),
        ("slb/host/a.py", "from slb.engine import native", "slb.engine"),
        ("ospf/a.py", "from slb.api.client import Client", "slb.api"),
        ("slb/model/a.py", "from slb.config import load", "slb.config"),
        ("slb/model/a.py", "from ..config import load", "slb.config"),
        ("slb/controller/a.py", "def f():\n    import slb.daemon", "slb.daemon"),
    ],
)
def test_import_across_layers_is_named(tmp_path: Path, file: str, line: str, target: str) -> None:
    write(tmp_path, file, line)
    assert [p.rpartition(" ")[2] for p in imports.check(tmp_path)] == [target]


def test_allowed_imports_pass(tmp_path: Path) -> None:
    tree(tmp_path, slb__engine__binding_py="from slb._engine import ffi, lib\n")
    tree(
        tmp_path, slbctl__a_py="import slb\nfrom slb.api.client import C\nfrom slb import errors\n"
    )
    tree(tmp_path, ospf__a_py="import ospf.model\nfrom slb.model.address import Address\n")
    tree(tmp_path, slb__daemon__a_py="from ospf.birdc import x\nfrom slb.engine.engine import y\n")
    assert imports.check(tmp_path) == []


def test_cycle_between_folders_is_named(tmp_path: Path) -> None:
    tree(
        tmp_path, slb__config__a_py="import slb.tables.b\n", slb__tables__b_py="import slb.config\n"
    )
    assert imports.check(tmp_path) == [
        "folders import each other: slb.config -> slb.tables -> slb.config"
    ]


def test_missing_licence_is_named(tmp_path: Path) -> None:
    line = f"# {sources.LICENCE}\n"
    tree(tmp_path, slb__a_py="x = 1\n", slb__b_py=line, slb__empty_py="", notes_txt="text\n")
    assert [p.split(":")[0] for p in sources.licence_headers(tmp_path)] == ["slb/a.py"]


def test_long_file_is_named(tmp_path: Path) -> None:
    tree(tmp_path, slb__a_py="\n" * 501, slb__b_py="\n" * 500)
    assert sources.lengths(tmp_path) == ["slb/a.py: 501 lines, more than 500"]


@pytest.mark.parametrize("text", ["FIX" + "ME: later", "/ho" + "me/me/x", "see iss" + "ue #12"])
def test_forbidden_word_is_named(tmp_path: Path, text: str) -> None:
    tree(tmp_path, docs__a_md=f"fine\n{text}\n")
    assert [p.split(": ")[0] for p in sources.words(tmp_path)] == ["docs/a.md:2"]


def test_a_checkout_that_git_refuses_is_checked_all_the_same(tmp_path: Path) -> None:
    tree(tmp_path, slb__a_py="x = 1\n")
    (tmp_path / ".git").mkdir()
    assert [p.split(":")[0] for p in sources.licence_headers(tmp_path)] == ["slb/a.py"]


def test_failing_program_is_quoted(tmp_path: Path) -> None:
    assert tools.run(["sh", "-c", "echo line 3 is wrong; exit 1"], tmp_path) == ["line 3 is wrong"]
    assert tools.run(["sh", "-c", "exit 4"], tmp_path) == ["exit status 4"]
    assert tools.run(["sh", "-c", "echo all is well"], tmp_path) == []


def test_type_error_is_named(tmp_path: Path) -> None:
    tree(tmp_path, slb__a_py="def f(x) -> int:\n    return x\n")
    write(tmp_path, "pyproject.toml", "[tool.mypy]\nstrict = true\n")
    assert any(p.startswith("slb/a.py:1: error:") for p in tools.types(tmp_path))


def test_badly_laid_out_c_is_named(tmp_path: Path) -> None:
    tree(tmp_path, csrc__base__a_c="int  x;\n")
    write(tmp_path, ".clang-format", "BasedOnStyle: LLVM\n")
    assert tools.clang_format(tmp_path) == ["csrc/base/a.c: not laid out; run ./dev format"]


def test_unbuilt_engine_is_named(tmp_path: Path) -> None:
    assert "not built" in tools.warnings_are_errors(tmp_path)[0]
