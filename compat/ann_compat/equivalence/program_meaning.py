"""What a generated program means: its spec carried out with ``TrainingLoop`` itself, without any program text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop, quick_train
from ann_compat.equivalence.build import build
from ann_compat.equivalence.programs import RESULTS, ProgramSpec
from ann_compat.equivalence.trace import Recorder


def interpret(spec: ProgramSpec, recorder: Recorder) -> None:
    """Do what the program of ``spec`` does."""
    results: list[Any] = []
    try:
        _Meaning(spec, results).run()
    finally:
        recorder.result(RESULTS, results)


class _Meaning:
    def __init__(self, spec: ProgramSpec, results: list[Any]) -> None:
        self.spec = spec
        self.results = results
        setup = build(spec.case)
        self.train_loader, self.test_loader = setup.train_loader, setup.validation_loader
        self.model, self.config = setup.model, setup.config
        if spec.model == "written":
            self.model = AdaptiveModel(self.config)
        if spec.placement == "late_lambda":
            self.model = build(spec.case).model

    def run(self) -> None:
        spec = self.spec
        if spec.decoy == "model_modes":
            self.model.eval()
        try:
            if spec.in_expression:
                self.expression()
            else:
                for _ in range(2 if spec.placement == "loop" else 1):
                    self.body()
        finally:
            if spec.placement == "try":
                self.results.append("finally")
        self.decoy()

    # -- what is migrated ---------------------------------------------------------------------------------------------

    def body(self) -> None:
        if self.spec.binding in ("quick", "quick_whole"):
            outcome = self.quick()
            if self.spec.binding == "quick_whole":
                self.results.append(sorted(outcome))
            else:
                self.use(outcome["metrics_history"])
        else:
            loop = self.constructed()
            self.before(loop)
            self.use(self.trained(loop))
            self.after(loop)
        self.end()

    def expression(self) -> None:
        history: Any = None
        for _ in range(2 if self.spec.placement in ("comprehension", "late_lambda") else 1):
            history = self.quick()["metrics_history"] if self.spec.binding == "quick" else self.chained()
        if self.spec.placement == "decorator":
            self.results.append(len(history))
        elif self.spec.placement == "f_string":
            self.results.append(str(len(history)))
        else:
            self.use(history)
        self.end()

    def chained(self) -> Any:
        return self.trained(self.constructed())

    def end(self) -> None:
        if self.spec.trivia == "non_ascii" and self.spec.result != "returned":
            self.results.append("Größe ✓")

    def noted(self, value: Any) -> Any:
        self.results.append(type(value).__name__)
        return value

    def constructed(self) -> TrainingLoop:
        if self.spec.imports == "typing":
            raise NameError("name 'TrainingLoop' is not defined")
        model, config, noted = self.model, self.config, self.noted

        def sgd() -> torch.optim.Optimizer:
            return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        wrong: dict[str, Any] = {"epochs": 3}
        smoothed = torch.nn.CrossEntropyLoss
        forms: dict[str, Callable[[], TrainingLoop]] = {
            "optimizer": lambda: TrainingLoop(model, config, sgd()),
            "criterion": lambda: TrainingLoop(model, config, None, smoothed(label_smoothing=0.1)),
            "both": lambda: TrainingLoop(model, config, sgd(), _halved),
            "built_model": lambda: TrainingLoop(noted(model), config),
            "built_config": lambda: TrainingLoop(model, noted(config)),
            "built_swapped": lambda: TrainingLoop(config=noted(config), model=noted(model)),
            "built_optimizer": lambda: TrainingLoop(model, config, noted(sgd())),
            "surplus": lambda: TrainingLoop(model, config, **wrong),
        }
        return forms.get(self.spec.constructor, lambda: TrainingLoop(model, config))()

    def trained(self, loop: TrainingLoop) -> Any:
        arguments, keywords = self.train_arguments()
        return loop.train(*arguments, **keywords)

    def quick(self) -> dict[str, Any]:
        if self.spec.imports == "typing":
            raise NameError("name 'quick_train' is not defined")
        arguments, keywords = self.train_arguments()
        return quick_train(self.config, *arguments, **keywords)

    def train_arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        train, test, noted = self.train_loader, self.test_loader, self.noted
        forms: dict[str, Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]] = {
            "loader": lambda: ((train,), {}),
            "both": lambda: ((train, test), {}),
            "three": lambda: ((train, test, 1), {}),
            "keywords": lambda: ((train, test, 1), {}),
            "permuted": lambda: ((train, test, 1), {}),
            "none": lambda: ((train, None, None), {}),
            "zero": lambda: ((train, None, 0), {}),
            "negative": lambda: ((train, test, -1), {}),
            "name": lambda: ((train, None, 1), {}),
            "computed": lambda: ((train, test, 0), {}),
            "of_config": lambda: ((train, None, self.config.num_epochs), {}),
            "effects": lambda: ((noted(train), noted(test), noted(1)), {}),
            "effects_permuted": lambda: ((), {"num_epochs": noted(0), "train_loader": noted(train)}),
            "awaited": lambda: (
                (),
                {"test_loader": noted(test), "train_loader": noted(train), "num_epochs": noted(1)},
            ),
            "star": lambda: ((train, test), {}),
            "options": lambda: ((train, None, 1), {}),
            "surplus": lambda: ((train, test, 1, 2), {}),
        }
        return forms[self.spec.arguments]()

    def use(self, history: list[dict[str, Any]]) -> None:
        """Do with the history what the program does."""
        keep = self.results.append

        def zipped() -> None:
            self.results.extend(row for row, _ in zip(history, range(9), strict=False))

        def mutated() -> None:
            history.append({"mine": 1})
            keep(history)

        uses: dict[str, Callable[[], Any]] = {
            "ignored": lambda: None,
            "kept": lambda: keep(history),
            "losses": lambda: keep([row["train_loss"] for row in history]),
            "last": lambda: keep(history[-1]["train_accuracy"]),
            "rows": lambda: self.results.extend((row["epoch"], row.get("val_accuracy")) for row in history),
            "compared": lambda: keep("good" if history[-1]["train_accuracy"] > 40 else "bad"),
            "dumped": lambda: Path("history.json").write_text(json.dumps(history)),
            "mutated": mutated,
            "zipped": zipped,
            "model_keys": lambda: keep([row["mean_energy"] for row in history]),
            "truth": lambda: keep("trained") if history else None,
            "length": lambda: keep(len(history)),
            "returned": lambda: keep(history),
        }
        uses[self.spec.result]()

    def before(self, loop: TrainingLoop) -> None:
        """Do with the object what the program does before it trains."""
        use, config = self.spec.other_use, self.config
        if use == "learning_rate":
            for group in loop.optimizer.param_groups:
                group["lr"] *= 0.5
        elif use == "criterion":
            loop.criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.2)
        elif use == "config_epochs":
            config.num_epochs = 1
        elif use == "config_rate":
            config.learning_rate = 0.5
        elif use == "device":
            config.device = "cpu"

    def after(self, loop: TrainingLoop) -> None:
        """Do with the object what the program does behind that."""
        keep = self.results.append

        def loaded() -> None:
            loop.save_checkpoint(epoch=1)
            keep(loop.load_checkpoint("saved/checkpoints/checkpoint_epoch_1.pt"))

        uses: dict[str, Callable[[], Any]] = {
            "model": lambda: keep(loop.model is self.model),
            "again": lambda: loop.train(self.train_loader, num_epochs=1),
            "evaluate": lambda: keep(loop.evaluate(self.test_loader)),
            "train_epoch": lambda: keep(loop.train_epoch(self.train_loader, 5)),
            "save": lambda: loop.save_checkpoint(1),
            "load": loaded,
            "save_metrics": loop.save_metrics,
            "history": lambda: keep(loop.metrics_history),
            "current_epoch": lambda: keep(loop.current_epoch),
            "config": lambda: keep(loop.config.seed),
            "class": lambda: keep(False),
            "bound": lambda: keep(loop.train_epoch(self.train_loader, 0)),
            "passed": lambda: keep(False),
            "tested": lambda: keep(False),
        }
        uses.get(self.spec.other_use, lambda: None)()
        if self.spec.binding == "reused":
            keep("done")

    # -- what is not --------------------------------------------------------------------------------------------------

    def decoy(self) -> None:
        spec, keep = self.spec, self.results.append
        if spec.decoy == "second_loop":
            TrainingLoop(self.model, self.config).train(self.train_loader, num_epochs=1)
        marks: dict[str, Any] = {
            "mentions": "TrainingLoop(model, config).train(train_loader)",
            "own_class": "of its own",
            "shadow": "of its own",
            "names_taken": ("mine",) * 5,
            "other_config": AdaptiveConfig().seed,
            "subclass": 3,
            "isinstance": False,
            "exported": ["TL" if spec.imports == "alias" else "TrainingLoop"],
            "looked_up": "TrainingLoop",
        }
        if spec.decoy in marks:
            keep(marks[spec.decoy])


def _halved(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return 0.5 * torch.nn.functional.cross_entropy(outputs, targets)
