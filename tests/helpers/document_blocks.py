"""The Python blocks of a Markdown page, and the names that a block leaves for its reader to bind."""

from __future__ import annotations

import ast
import re
import symtable
from dataclasses import dataclass, replace
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>\w*) *(?P<mark>[^\n]*)\n(?P<source>.*?)^```\s*$", re.MULTILINE | re.DOTALL)

# What a reader has at hand when a block starts, in the order in which it is needed: name -> (needs, source).
BINDINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "torch": ((), "import torch"),
    "nn": ((), "import torch.nn as nn"),
    "optim": ((), "import torch.optim as optim"),
    "AdaptiveConfig": ((), "from adaptiveneuralnetwork.api.config import AdaptiveConfig"),
    "AdaptiveModel": ((), "from adaptiveneuralnetwork.api.model import AdaptiveModel"),
    "TrainingLoop": ((), "from adaptiveneuralnetwork.training import TrainingLoop"),
    "Trainer": ((), "from adaptiveneuralnetwork.training import Trainer"),
    "create_synthetic_loaders": ((), "from adaptiveneuralnetwork.training import create_synthetic_loaders"),
    "train_loader": (
        ("create_synthetic_loaders",),
        "train_loader, test_loader = create_synthetic_loaders(40, 16, input_dim=784, num_classes=10, seed=0)",
    ),
    "test_loader": (("train_loader",), ""),
    "config": (
        ("AdaptiveConfig",),
        "config = AdaptiveConfig(input_dim=784, output_dim=10, num_nodes=10, hidden_dim=16, num_epochs=2)",
    ),
    "model": (("AdaptiveModel", "config"), "model = AdaptiveModel(config)"),
    "optimizer": (("optim", "model"), "optimizer = optim.Adam(model.parameters(), lr=0.001)"),
    "criterion": (("nn",), "criterion = nn.CrossEntropyLoss()"),
}
LEGACY_TRAINER = (("TrainingLoop", "model", "config"), "trainer = TrainingLoop(model, config)")
NEW_TRAINER = (
    ("Trainer", "model", "optimizer", "criterion"),
    'trainer = Trainer(model, optimizer, criterion, device="cpu")',
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it starts, its language, what stands behind that on the fence, and what it says."""

    line: int
    language: str
    mark: str
    source: str

    @property
    def has_constructor(self) -> bool:
        """Whether it builds a ``TrainingLoop``."""
        return any(
            isinstance(node, ast.Call) and getattr(node.func, "id", None) == "TrainingLoop"
            for node in ast.walk(ast.parse(self.source))
        )


def blocks(page: Path, language: str = "python") -> list[Block]:
    """All blocks of ``page`` in one language."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(text.count("\n", 0, match.start()) + 2, match["language"], match["mark"], match["source"])
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if block.language == language]


def old_part(block: Block) -> Block:
    """What stands before the comment that begins with ``# New``; the whole block where there is none."""
    return replace(block, source=re.split(r"^# New\b", block.source, maxsplit=1, flags=re.MULTILINE)[0])


def preamble(source: str) -> str:
    """Source that binds what ``source`` leaves free; ``trainer`` is of the class whose methods it calls."""
    bindings = dict(BINDINGS)
    bindings["trainer"] = LEGACY_TRAINER if re.search(r"\btrainer\.train\(", source) else NEW_TRAINER
    needed: set[str] = set()

    def need(name: str) -> None:
        if name in bindings and name not in needed:
            needed.add(name)
            for other in bindings[name][0]:
                need(other)

    for name in free_names(source):
        need(name)
    lines = [line for name, (_, line) in bindings.items() if name in needed and line]
    return "\n".join(lines) + "\n"


def free_names(source: str) -> set[str]:
    """Names that a module uses and does not bind at its top level."""
    used: set[str] = set()

    def collect(table: symtable.SymbolTable) -> None:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                used.add(symbol.get_name())
        for child in table.get_children():
            collect(child)

    top = symtable.symtable(source, "block", "exec")
    collect(top)
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return used - bound
