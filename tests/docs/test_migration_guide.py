"""The migration guide that people have, and our own page on migration: every Python block of both does what it says.

The guide lies outside this repository; where it is missing, its tests are skipped.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from document_blocks import Block, blocks, old_part, preamble
from program_runs import ProgramRun, differences, run_program

from adaptiveneuralnetwork.training import Trainer, TrainingLoop
from ann_migrate.result import FileResult, Outcome
from ann_migrate.rewriting.dropped import DROPPED
from ann_migrate.rewriting.styles import Style
from ann_migrate.running.engine import Options, Project, migrate_bytes

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT.parent / "shared" / "migration_guide.md"
PAGE = ROOT / "docs" / "migration.md"

GUIDE_BLOCKS = blocks(GUIDE) if GUIDE.exists() else []
PAGE_BLOCKS = blocks(PAGE)
OLD_PARTS = [part for part in map(old_part, GUIDE_BLOCKS) if part.has_constructor]

needs_guide = pytest.mark.skipif(not GUIDE_BLOCKS, reason=f"the guide is not at ../{GUIDE.parent.name}/{GUIDE.name}")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the blocks build writes its files into the current folder, also when a test trains it on."""
    monkeypatch.chdir(tmp_path)


def each(found: list[Block]) -> pytest.MarkDecorator:
    """One test for each block; a single skipped one where there is no guide."""
    cases = [pytest.param(block, id=f"line{block.line}") for block in found]
    return pytest.mark.parametrize("block", cases or [pytest.param(None, marks=needs_guide, id="guide")])


@needs_guide
def test_the_guide_has_the_blocks_that_we_expect() -> None:
    assert len(GUIDE_BLOCKS) == 11
    assert len(OLD_PARTS) == 5
    assert OLD_PARTS[0].source == GUIDE_BLOCKS[0].source


@each(GUIDE_BLOCKS)
def test_each_block_of_the_guide_runs(block: Block, tmp_path: Path) -> None:
    check_what_it_built(execute(block, tmp_path).namespace)


@each(OLD_PARTS)
def test_each_old_part_of_the_guide_is_migrated(block: Block, tmp_path: Path) -> None:
    source = with_result(block)
    result = migrate(source)
    assert result.problem is None
    assert {site.outcome for site in result.sites} == {Outcome.REWRITTEN}, result.sites
    assert b"TrainingLoop" not in result.after
    old = run_program(source, "old.py", tmp_path / "old")
    new = run_program(result.after, "new.py", tmp_path / "new")
    assert old.error is None, old.output
    assert len(old.result["metrics"]) >= 1
    assert differences(old, new) == [], result.after.decode() + new.output


@each(PAGE_BLOCKS)
def test_each_block_of_our_page_runs(block: Block, tmp_path: Path) -> None:
    check_what_it_built(execute(block, tmp_path).namespace)


def test_our_page_shows_what_the_codemod_makes() -> None:
    """Each block marked as migrated is, byte for byte, what becomes of the one before it."""
    styles: dict[str, Style] = {"migrated": "faithful", "migrated-guide": "guide"}
    pairs = [(before, after) for before, after in pairwise(PAGE_BLOCKS) if after.mark in styles]
    assert {after.mark for _, after in pairs} == set(styles)
    for before, after in pairs:
        assert migrate(before.source.encode(), styles[after.mark]).after.decode() == after.source


def test_our_page_names_each_code_of_what_is_dropped() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [code for code in DROPPED if f"| {code} |" not in text] == []


def execute(block: Block, folder: Path) -> ProgramRun:
    """Run one block, unmodified, in a namespace where the preamble has bound what it leaves free."""
    start = run_program(preamble(block.source).encode(), "preamble", folder / "preamble")
    assert start.error is None, start.output
    bound = {name: value for name, value in start.namespace.items() if not name.startswith("__")}
    run = run_program(block.source.encode(), f"line {block.line}", folder / "block", bound)
    assert run.error is None, f"line {block.line}: {run.output}"
    return run


def check_what_it_built(namespace: dict[str, Any]) -> None:
    """Whatever loop or trainer a block leaves must train, and its results must be records or lists of times."""
    torch.set_num_threads(1)
    trainer = namespace.get("trainer")
    loader = [(torch.randn(4, 784), torch.randint(0, 10, (4,)))]
    if isinstance(trainer, Trainer):
        assert len(trainer.fit(loader, num_epochs=1, val_loader=loader)) == 1
    elif isinstance(trainer, TrainingLoop):
        trainer.config.metrics_file, trainer.config.save_checkpoint = None, False
        assert trainer.train(loader, num_epochs=1)
    for name in ("metrics", "history"):
        assert name not in namespace or len(namespace[name]) > 0


def migrate(source: bytes, style: Style = "faithful") -> FileResult:
    return migrate_bytes(source, path=Path("page.py"), project=Project.single(), options=Options(style=style))


def with_result(block: Block) -> bytes:
    """A whole program around an old part: what it leaves free, training where it only constructs, and its result."""
    lines = [preamble(block.source + "\nmodel, train_loader, test_loader"), block.source]
    if ".train(" not in block.source:
        lines.append("metrics = trainer.train(train_loader, test_loader, num_epochs=2)")
    lines.append('MODEL, RESULT = model, {"metrics": metrics}')
    return "\n".join(lines).encode()
