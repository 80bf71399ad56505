# SPDX-License-Identifier: BSD-3-Clause
"""That the documentation speaks of what is there."""

import re
from itertools import zip_longest
from pathlib import Path

from lint.files import files

_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`([A-Za-z_.][\w.-]*(?:/[\w.-]+)+)/?`")
_STEP = re.compile(r"^\d+\. `(csrc/path/\w+\.c)`", re.MULTILINE)
# C as clang-format lays it out: what is defined begins its line and ends with a brace that does.
_DEFINED = re.compile(r"^[a-z][\w *]*?\b(\w+)\([^;]*?\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"\b(\w+)\(")
_ROW = re.compile(r"^[|*-]\s*`([A-Z][A-Z0-9_]+)`", re.MULTILINE)


def drops(root: Path) -> list[str]:
    """Compare the rows of docs/drops.md with enum slb_drop: the same reasons in the same order."""
    header = (root / "csrc/include/slb_abi.h").read_text()
    enum = header.partition("enum slb_drop {")[2].partition("}")[0]
    reasons = [name for name in re.findall(r"SLB_DROP_(\w+)", enum) if name != "COUNT"]
    doc = root / "docs/drops.md"
    rows = _ROW.findall(doc.read_text()) if doc.exists() else []
    for number, (reason, row) in enumerate(zip(reasons, rows, strict=False), 1):
        if reason != row:
            return [f"docs/drops.md: reason {number} is {row}, slb_abi.h says {reason}"]
    missing, unknown = reasons[len(rows) :], rows[len(reasons) :]
    return [f"docs/drops.md: {name} has no row" for name in missing] + [
        f"docs/drops.md: {name} is not in slb_abi.h" for name in unknown
    ]


def paths(root: Path) -> list[str]:
    """Name files in docs/paths.md that do not exist; the suffix may be left out."""
    doc = root / "docs/paths.md"
    if not doc.exists():
        return ["docs/paths.md: missing"]
    return [
        f"docs/paths.md: {name} does not exist"
        for name in dict.fromkeys(_PATH.findall(doc.read_text()))
        if not any((root / f"{name}{suffix}").exists() for suffix in ("", ".py", ".c", ".h"))
    ]


def stages(root: Path) -> list[str]:
    """Compare the packet's steps in docs/paths.md with the calls in path_run(), in their order.

    A stage that path.c itself holds stands for the first function of another file it calls.
    """
    sources = {file.name: file.read_text() for file in sorted(root.glob("csrc/path/*.c"))}
    local = dict(_DEFINED.findall(sources.pop("path.c", "")))
    home = {
        name: f"csrc/path/{file}"
        for file, text in sources.items()
        for name, _ in _DEFINED.findall(re.sub(r"^static .*", "", text, flags=re.MULTILINE))
    }
    called = [
        next(
            (home[name] for name in _CALL.findall(local.get(call, f"{call}(")) if name in home), ""
        )
        for call in _CALL.findall(local.get("path_run", ""))
    ]
    doc = root / "docs/paths.md"
    told = _STEP.findall(doc.read_text().partition("\n## A packet\n")[2].partition("\n## ")[0])
    pairs = zip_longest(told, ["csrc/path/path.c", *filter(None, called)], fillvalue="nothing")
    problems = [
        f"docs/paths.md: a packet's stage {number} is {step}, but path_run() calls {call}"
        for number, (step, call) in enumerate(pairs)
        if step != call
    ]
    return problems[:1] if any(called) else ["csrc/path/path.c: path_run() calls no stage"]


def links(root: Path) -> list[str]:
    """Name relative links in README.md and docs that lead nowhere."""
    problems = []
    for doc in [root / "README.md", *files(root, "*.md", under="docs")]:
        text = _FENCE.sub("", doc.read_text()) if doc.exists() else ""
        for link in _LINK.findall(text):
            if "://" in link or link.startswith("mailto:"):
                continue
            target, _, heading = link.partition("#")
            file = doc.parent / target if target else doc
            if not file.exists() or (heading and heading not in _headings(file)):
                problems.append(f"{doc.relative_to(root)}: link to {link} leads nowhere")
    return problems


def _headings(file: Path) -> set[str]:
    """Return the anchors of a document's headings, as the usual renderers make them."""
    titles = re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
