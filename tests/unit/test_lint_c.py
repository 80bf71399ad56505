# SPDX-License-Identifier: BSD-3-Clause
from pathlib import Path

import pytest
from lint import layers, sources, tokens
from lint_samples import tree, write


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("path/a.c", '"worker/worker.h"'),
        ("path/a.c", "<rte_ethdev.h>"),
        ("path/a.c", "<rte_ring.h>"),
        ("path/a.c", "<rte_lcore.h>"),
        ("worker/a.c", '"engine/engine.h"'),
        ("worker/a.c", '"../admin/admin.h"'),
        ("worker/a.c", '"steer/steer.h"'),
        ("admin/a.c", '"worker/worker.h"'),
        ("kni/a.c", '"worker/worker.h"'),
        ("path/a.c", '"slb_abi.h"'),
        ("path/a.c", '"slb_abi_probe.h"'),
        ("path/a.c", '"slb_abi_workers.h"'),
        ("path/a.c", '"slb_abi_session.h"'),
    ],
)
def test_include_across_layers_is_named(tmp_path: Path, file: str, include: str) -> None:
    headers = ("engine/engine", "admin/admin", "worker/worker", "steer/steer")
    abi = ("slb_abi_bond", "slb_abi", "slb_abi_workers", "slb_abi_probe", "slb_abi_session")
    for header in (*headers, *(f"include/{name}" for name in abi)):
        write(tmp_path, f"csrc/{header}.h", "")
    write(tmp_path, f"csrc/{file}", f"// first line\n#include {include}\n")
    folder = file.split("/")[0]
    assert layers.check(tmp_path) == [f"csrc/{file}:2: {folder} may not include {include[1:-1]}"]


def test_allowed_includes_pass(tmp_path: Path) -> None:
    tree(tmp_path, csrc__include__slb_h='#include "slb_abi.h"', csrc__include__slb_abi_h="")
    tree(tmp_path, csrc__worker__inbox_h='#include "path/core.h"', csrc__steer__soft_h="")
    tree(tmp_path, csrc__path__core_h='#include "slb.h"\n#include <rte_mbuf.h>\n')
    tree(tmp_path, csrc__admin__a_c='#include "worker/inbox.h"\n#include "path/core.h"\n')
    tree(tmp_path, csrc__worker__rx_c='#include "inbox.h"\n#include "steer/soft.h"\n')
    assert layers.check(tmp_path) == []


def test_folder_without_a_layer_is_named(tmp_path: Path) -> None:
    tree(tmp_path, csrc__misc__a_c="")
    assert "'misc'" in layers.check(tmp_path)[0]


@pytest.mark.parametrize(
    "line",
    [
        'RTE_LOG(ERR, USER1, "x");',
        'printf("x");',
        "p = malloc(4);",
        "p = rte_zmalloc(NULL, 4, 0);",
        "rte_free(p);",
        "rte_spinlock_lock(&l);",
        "rte_rwlock_read_lock(&l);",
        "__atomic_fetch_add(&n, 1, __ATOMIC_RELAXED);",
        "__atomic_add_fetch(&n, 1, __ATOMIC_RELAXED);",
        "__sync_fetch_and_add(&n, 1);",
        "rte_atomic32_inc(&n);",
        "rte_atomic_fetch_add_explicit(&n, 1, 0);",
        "static unsigned n;",
        "static struct core c;",
    ],
)
@pytest.mark.parametrize("folder", ["path", "worker"])
def test_forbidden_token_is_named(tmp_path: Path, folder: str, line: str) -> None:
    write(tmp_path, f"csrc/{folder}/a.c", f"void f(void) {{\n\t{line}\n}}\n")
    assert [p.split(": ")[0] for p in tokens.check(tmp_path)] == [f"csrc/{folder}/a.c:2"]


def test_harmless_code_passes(tmp_path: Path) -> None:
    code = (
        "// printf( in a comment\n"
        "static inline void f(void) {\n"
        "\tstatic const int next[] = {1};\n"
        '\tconst char *s = "malloc(1)";\n'
        "\t__atomic_store_n(&n, 1, __ATOMIC_RELEASE);\n"
        "\trte_pktmbuf_free(m);\n"
        "}\n"
    )
    tree(tmp_path, csrc__path__a_c=code, csrc__engine__a_c='\tprintf("x");\n')
    assert tokens.check(tmp_path) == []


def test_block_comment_is_named_and_others_are_not(tmp_path: Path) -> None:
    tree(tmp_path, csrc__base__a_c='// see /* this\nconst char *s = "/*";\n/* that */\n')
    assert sources.comments(tmp_path) == ["csrc/base/a.c:3: comments are written with //"]
