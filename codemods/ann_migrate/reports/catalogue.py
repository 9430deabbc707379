"""The catalogue of the rules: ``codemods/README.md``, and what ``--explain CODE`` prints.

It is made from the rules themselves: their docstrings and their cases.

``python -m ann_migrate.reports.catalogue codemods/README.md`` writes it anew.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ann_migrate.reports.codes import NOT_RULES, RANGES
from ann_migrate.rewriting.dropped import DROPPED
from ann_migrate.rules import all_rules

_WIDEST = 110

INTRODUCTION = """\
# ann-migrate: the rules

<!-- Made from the rules by: python -m ann_migrate.reports.catalogue codemods/README.md -->

`ann-migrate PATH...` rewrites programs that use `TrainingLoop` or `quick_train` into `Trainer` programs with the same
numbers. Each place where one of these names is used is a *site*; each site gets one verdict, with the code of the rule
that made it: rewritten, declined (left byte for byte as it is, with the reason and what to do), or ignored. An object
is migrated whole, constructor and every use together, or not at all.

- `ann-migrate --explain ANN301` prints the page of a code, `ann-migrate --explain FILE:LINE` the way to the verdict on
  a line.
- `--style guide` writes the migration guide's own forms without the bridge: the training stays bit for bit, what else
  is dropped has a code (ANN6xx), and what cannot be said so is declined (ANN7xx); see
  [docs/migration.md](../docs/migration.md).
- `--select` and `--ignore` (or `select` and `ignore` in `[tool.ann-migrate]` of `pyproject.toml`) take codes and
  beginnings of codes; the longest that fits decides. An object is rewritten only if all rules that it needs may act.
- `# ann-migrate: skip` at a use, or `# ann-migrate: skip[ANN301]`, leaves the whole object alone.
- The report's JSON form is described in [docs/ann-migrate-report.md](../docs/ann-migrate-report.md).

The cases below are run by the tests: what stands under *Before* becomes what stands under *After*; what is declined is
left as it is.
"""


def catalogue() -> str:
    """The whole catalogue in Markdown: the ranges of the codes, then a page for each."""
    parts = [INTRODUCTION, "## Codes\n", "| Code | |", "| --- | --- |"]
    parts += [f"| [{code}](#{code.lower()}) | {_markdown(page(code)[0])} |" for code in all_codes()]
    for prefix, about in RANGES.items():
        parts += ["", f"## {prefix}xx: {about}"]
        for code in all_codes():
            if code.startswith(prefix):
                parts += ["", f'<a id="{code.lower()}"></a>', "", _page(code)]
    return "\n".join(parts) + "\n"


def explain_code(code: str) -> str:
    """The page of one code.

    Raises:
        KeyError: If no rule and no problem has it.

    Example:
        >>> print(explain_code("ANN911"))
        ### ANN911: A file or folder that cannot be read.
        <BLANKLINE>
        The system refused; the reason is the system's.
    """
    if code not in all_codes():
        raise KeyError(code)
    return _page(code)


def all_codes() -> list[str]:
    """Every code that can be reported, in order."""
    return sorted([*_by_code(), *NOT_RULES, *DROPPED])


def page(code: str) -> tuple[str, str]:
    """The title of a code, and what there is to say of it, without its cases."""
    rule = _by_code().get(code)
    if rule is None:
        if code in DROPPED:
            title, _, body = DROPPED[code]
            return title, body
        return NOT_RULES[code]
    about = rule.__doc__ if code == rule.CODE else rule.REWRITE_PAGE
    title, _, body = (about or "").strip().partition("\n")
    return title, body.strip()


def _by_code() -> dict[str, ModuleType]:
    rules = {str(rule.CODE): rule for rule in all_rules()}
    return rules | {str(rule.REWRITE_CODE): rule for rule in all_rules() if hasattr(rule, "REWRITE_CODE")}


def _page(code: str) -> str:
    title, body = page(code)
    lines = [f"### {code}: {_markdown(title)}"]
    if body:
        lines += ["", _markdown(body)]
    rule = _by_code().get(code)
    if rule is not None and code == rule.CODE:
        for case in rule.INVALID:
            lines += [""]
            if isinstance(case, tuple):
                lines += ["Before:", "", _code(case[0]), "", "After:", "", _code(case[1])]
            else:
                lines += [f"{'Ignored' if code.startswith('ANN5') else 'Declined'}:", "", _code(case)]
        for before, after in getattr(rule, "GUIDE", ()):
            lines += ["", "Before, with `--style guide`:", "", _code(before), "", "After:", "", _code(after)]
        if rule.VALID:
            lines += ["", "Not meant:", *(part for case in rule.VALID for part in ("", _code(case)))]
    return "\n".join(lines)


def _code(source: str) -> str:
    lines = [line if len(line) <= _WIDEST else f"{line[:_WIDEST]} ..." for line in source.rstrip("\n").split("\n")]
    return "\n".join(["```python", *lines, "```"])


def _markdown(text: str) -> str:
    """reStructuredText as the docstrings have it, as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    return "\n".join(_with_fences(text.split("\n")))


def _with_fences(lines: list[str]) -> Iterator[str]:
    """``After::`` and the indented lines behind it, as a fenced block."""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.endswith("::"):
            yield line
            continue
        block = []
        while at < len(lines) and (not lines[at] or lines[at].startswith("    ")):
            block.append(lines[at])
            at += 1
        code = textwrap.dedent("\n".join(block)).strip("\n")
        yield from (line[:-1], "", "```python", code, "```", *([""] if at < len(lines) else []))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ann_migrate.reports.catalogue FILE")
    Path(sys.argv[1]).write_text(catalogue(), encoding="utf-8")
