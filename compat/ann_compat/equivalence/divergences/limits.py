"""Where the legacy loop fails and ``Trainer`` need not, and what is left as it is."""

from __future__ import annotations

from ann_compat.equivalence.divergences.divergence import FIT, NEW, OLD, Divergence

_FAILING = (
    "epochs = []\n"
    "class Failing(list):\n"
    "    def __init__(self):\n"
    "        super().__init__(loader)\n"
    "    def __iter__(self):\n"
    "        epochs.append(1)\n"
    "        if len(epochs) == 2:\n"
    "            raise OSError('the disk is gone')\n"
    "        return super().__iter__()\n"
)

DIVERGENCES = (
    # Errors.
    Divergence(
        "empty-loader",
        "an empty loader",
        "raises ZeroDivisionError",
        "the same, of a kind that names the loader",
        "nothing",
        OLD + "loop.train([])",
        NEW + "trainer.fit([], num_epochs=1)",
        raises=True,
    ),
    Divergence(
        "three-part-batches",
        "batches of three parts",
        "raises ValueError",
        "the same, unless `batch_split` says what they are",
        "nothing",
        "loader = [(inputs, targets, targets)]\n" + OLD + "loop.train(loader)",
        "loader = [(inputs, targets, targets)]\n" + NEW + FIT,
        raises=True,
    ),
    Divergence(
        "failing-epoch",
        "an error in the second epoch",
        "the record of the first stays, no metrics file is written",
        "the same",
        "nothing",
        _FAILING + OLD + "try:\n    loop.train(Failing())\nexcept OSError:\n    seen = len(loop.metrics_history)",
        _FAILING
        + NEW
        + "try:\n    trainer.fit(Failing(), num_epochs=2)\nexcept OSError:\n    seen = len(trainer.metrics_history)",
    ),
    # What Trainer can and the legacy loop cannot.
    Divergence(
        "loader-without-length",
        "a loader without length",
        "raises TypeError after the first epoch's training",
        "counts the batches that came",
        "goes on: a refinement",
        "class Stream:\n    def __iter__(self):\n        return iter([(inputs, targets)])\n"
        + OLD
        + "loop.train(Stream())",
        "class Stream:\n    def __iter__(self):\n        return iter([(inputs, targets)])\n"
        + NEW
        + "trainer.fit(Stream(), num_epochs=config.num_epochs)",
        refinement="loader-without-length",
        raises=True,
    ),
    Divergence(
        "gradients-disabled",
        "under `torch.no_grad()`",
        "raises RuntimeError in `backward`",
        "switches gradients on for training",
        "goes on: a refinement",
        OLD + "with torch.no_grad():\n    loop.train(loader)",
        NEW + f"with torch.no_grad():\n    {FIT}",
        refinement="gradients-disabled-by-caller",
        raises=True,
    ),
    # What is left.
    Divergence(
        "wrong-length",
        "a loader whose length is wrong",
        "divides the sum of the losses by `len(loader)`",
        "divides by the batches that came",
        "nothing: the legacy number is wrong",
        "class Wrong(list):\n    def __len__(self):\n        return 2\n"
        "wrong = Wrong([(inputs, targets)])\n" + OLD + "seen = loop.train(wrong)[-1]['train_loss']",
        "class Wrong(list):\n    def __len__(self):\n        return 2\n"
        "wrong = Wrong([(inputs, targets)])\n"
        + NEW
        + "seen = trainer.fit(wrong, num_epochs=config.num_epochs)[-1]['train_loss']",
        differs=("console", "value"),
    ),
    Divergence(
        "subclass",
        "a subclass of `TrainingLoop`",
        "its methods are the subclass's to override",
        "has other methods",
        "declined",
        "class Mine(TrainingLoop):\n    pass\nMine(model, config).train(loader)",
        code="ANN204",
    ),
    Divergence(
        "starred-arguments",
        "arguments of the constructor behind `*`",
        "by position: model, config",
        "model, optimizer, criterion",
        "declined",
        "arguments = (model, config)\nloop = TrainingLoop(*arguments)\nloop.train(loader)",
        f"arguments = (model, config)\ntrainer = Trainer(*arguments)\n{FIT}",
        code="ANN401",
    ),
    Divergence(
        "name-in-a-string",
        "a string that names the class",
        "`getattr(module, 'TrainingLoop')`, `mock.patch`, `import_module` find it",
        "has another name",
        "declined",
        "import adaptiveneuralnetwork.training as training\n"
        "getattr(training, 'TrainingLoop')(model, config).train(loader)",
        code="ANN208",
    ),
    Divergence(
        "type-test",
        "`isinstance` of the class",
        "the loop is a `TrainingLoop`",
        "the trainer is none",
        "declined",
        OLD + "loop.train(loader)\nseen = isinstance(loop, TrainingLoop)",
        NEW + f"{FIT}\nseen = isinstance(trainer, TrainingLoop)",
        code="ANN206",
    ),
)
