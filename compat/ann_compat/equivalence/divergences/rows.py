"""The sources of difference, each with a legacy program and the one that a reader of the guide would write."""

from __future__ import annotations

from dataclasses import dataclass, field

PRELUDE = '''\
import os
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from adaptiveneuralnetwork.api import AdaptiveConfig
from adaptiveneuralnetwork.training import Trainer, TrainingLoop, quick_train


class Net(nn.Sequential):
    """Any model can be trained by TrainingLoop that has these three methods."""

    def get_metrics(self):
        return {"active_node_ratio": 0.5, "mean_energy": 1.0}

    def get_state_dict_full(self):
        return self.state_dict()

    def load_state_dict_full(self, state):
        self.load_state_dict(state)


config = AdaptiveConfig(learning_rate=0.1, num_epochs=2, save_checkpoint=False, metrics_file=None)
model = Net(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3))
inputs, targets = torch.randn(10, 4) * 50, torch.randint(0, 3, (10,))
loader = DataLoader(TensorDataset(inputs, targets), batch_size=4)
'''
"""What all programs begin with. The last batch is smaller than the others."""

_ADAM = "optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)\n"
_NEW = _ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), max_grad_norm=1.0)\n"
_OLD = "loop = TrainingLoop(model, config)\n"
_FIT = "trainer.fit(loader, num_epochs=config.num_epochs)"
# A batch that notes where it was asked to go.
_SPY = (
    "seen = []\n"
    "class Spy(torch.Tensor):\n"
    "    def to(self, device, **options):\n"
    "        seen.append(str(device))\n"
    "        return self.as_subclass(torch.Tensor).to(device, **options)\n"
    "loader = [(inputs.as_subclass(Spy), targets)]\n"
    "config.device = 'cpu:0'\n"
)
_CONSTANT = (
    "nn.init.zeros_(model[-1].weight)\n"
    "with torch.no_grad():\n"
    "    model[-1].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))\n"
    "targets = torch.tensor([0] * 7 + [1] * 18)\n"
    "loader = DataLoader(TensorDataset(torch.zeros(25, 4), targets), batch_size=5)\n"
)
_REGRESSION = (
    "model = Net(nn.Linear(4, 1))\nloader = DataLoader(TensorDataset(inputs, torch.randn(10, 1)), batch_size=4)\n"
)


@dataclass(frozen=True, slots=True)
class Divergence:
    """One source of difference.

    Attributes:
        name: In lower case with hyphens; the test of the row has it.
        source: What may differ, in two or three words.
        legacy: What the legacy loop does.
        trainer: What ``Trainer`` does when it is told no more than the guide's simple form tells it.
        mend: What ``ann-migrate`` and the bridge do about it.
        program: The legacy program. What it leaves in ``seen`` is compared, beside all that the training did.
        by_hand: The same program as a reader of the guide would write it, faithful in everything but this; empty
            where there is nothing to write.
        writes: What must stand in the migrated program.
        code: With which the program is declined; empty where it is rewritten.
        refinement: The entry of the list of refinements under which ``Trainer`` may go on.
        differs: The channels in which the migrated program differs all the same.
        raises: Whether the legacy program ends with an exception.
    """

    name: str
    source: str
    legacy: str
    trainer: str
    mend: str
    program: str
    by_hand: str = ""
    writes: tuple[str, ...] = ()
    code: str = ""
    refinement: str = ""
    differs: tuple[str, ...] = field(default=())
    raises: bool = False


DIVERGENCES = (
    # The step.
    Divergence(
        "clipping",
        "clipping",
        "clips the gradients of the model to a total norm of 1.0",
        "clips only where `max_grad_norm` says so",
        "writes `max_grad_norm=1.0`",
        _OLD + "loop.train(loader)",
        _ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss())\n" + _FIT,
        writes=("max_grad_norm=1.0",),
    ),
    Divergence(
        "image-batches",
        "4-D inputs",
        "flattens `(N, C, H, W)` to `(N, C*H*W)`",
        "hands the batch to the model as it is",
        "writes `batch_transform=flatten_images`",
        "loader = DataLoader(TensorDataset(inputs.view(10, 1, 2, 2), targets), batch_size=4)\n"
        + _OLD
        + "loop.train(loader)",
        "loader = DataLoader(TensorDataset(inputs.view(10, 1, 2, 2), targets), batch_size=4)\n" + _NEW + _FIT,
        writes=("batch_transform=flatten_images",),
    ),
    Divergence(
        "device",
        "device",
        "moves each batch to `config.device`",
        "takes a GPU where there is one",
        "writes `device=config.device`",
        _SPY + _OLD + "loop.train(loader)",
        _SPY + _NEW + _FIT,
        writes=("device=config.device",),
    ),
    Divergence(
        "stale-gradients",
        "gradients from before",
        "clears them before each forward pass",
        "the same; those of the last step stay after training",
        "nothing",
        "model(inputs).sum().backward()\n" + _OLD + "loop.train(loader)",
        "model(inputs).sum().backward()\n" + _NEW + _FIT,
    ),
    Divergence(
        "optimizer-over-calls",
        "second `train`",
        "goes on with the state of the optimizer",
        "the same",
        "nothing",
        _OLD + "loop.train(loader, num_epochs=1)\nloop.train(loader, num_epochs=1)",
        _NEW + "trainer.fit(loader, num_epochs=1)\ntrainer.fit(loader, num_epochs=1)",
    ),
    # What is read when.
    Divergence(
        "time-of-learning-rate",
        "learning rate",
        "read when the loop is constructed",
        "read where you build the optimizer",
        "builds the optimizer where the loop was constructed",
        _OLD + "config.learning_rate = 0.5\nloop.train(loader)",
        "config.learning_rate = 0.5\n" + _NEW + _FIT,
        writes=("lr=config.learning_rate)\n",),
    ),
    Divergence(
        "time-of-epochs",
        "number of epochs",
        "`config.num_epochs` is read by `train`",
        "is told to `fit`",
        "reads it in the call of `fit`",
        _OLD + "config.num_epochs = 3\nloop.train(loader)",
        "epochs = config.num_epochs\n" + _NEW + "config.num_epochs = 3\ntrainer.fit(loader, num_epochs=epochs)",
        writes=("num_epochs=config.num_epochs",),
    ),
    Divergence(
        "epochs-zero",
        "`num_epochs` 0 or None",
        "means the config's",
        "0 trains nothing, None is refused",
        "writes `n or config.num_epochs`",
        "n = 0\n" + _OLD + "loop.train(loader, None, n)",
        "n = 0\n" + _NEW + "trainer.fit(loader, num_epochs=n)",
        writes=("n or config.num_epochs",),
    ),
    Divergence(
        "order-of-arguments",
        "order of arguments",
        "`train(train, test, epochs)`",
        "`fit(train, epochs, val)`",
        "passes them by name",
        _OLD + "loop.train(loader, loader, 1)",
        _NEW + "trainer.fit(loader, loader, 1)",
        writes=("num_epochs=1, val_loader=loader",),
    ),
    Divergence(
        "false-criterion",
        "a criterion that is false",
        "`criterion or CrossEntropyLoss()`: an empty `nn.Sequential` is not used",
        "takes what it is given",
        "keeps the `or` where the value can be false",
        "criterion = nn.Sequential()\n" + _OLD[:-2] + ", criterion=criterion)\nloop.train(loader)",
        "criterion = nn.Sequential()\n"
        + _ADAM
        + "trainer = Trainer(model, optimizer, criterion, max_grad_norm=1.0)\n"
        + _FIT,
        writes=("criterion or nn.CrossEntropyLoss()",),
    ),
    # Random numbers.
    Divergence(
        "seed",
        "seeding",
        "seeds nothing; `config.seed` is not used",
        "`seed=42`, which the guide shows, seeds all generators",
        "writes no `seed`",
        _OLD + "loop.train(loader)",
        _ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), max_grad_norm=1.0, seed=42)\n" + _FIT,
    ),
    Divergence(
        "draws-of-evaluation",
        "random draws of a validation",
        "each pass over a `DataLoader` draws from the global generator",
        "the same, unless `isolate_evaluation=True`",
        "nothing",
        _OLD + "loop.train(loader, loader)",
        _NEW + "trainer.fit(loader, num_epochs=config.num_epochs, val_loader=loader)",
    ),
    Divergence(
        "mode-after-evaluation",
        "mode after a validation",
        "the model is left in evaluation mode",
        "the same, unless `preserve_modes=True`",
        "nothing",
        _OLD + "loop.train(loader, loader)\nseen = model.training",
        _NEW + "trainer.fit(loader, num_epochs=config.num_epochs, val_loader=loader)\nseen = model.training",
    ),
    # What is reported.
    Divergence(
        "mean-of-losses",
        "mean of the losses",
        "over batches, of the batch means: a small last batch counts as much as the others",
        "the same",
        "nothing",
        _OLD + "seen = [record['train_loss'] for record in loop.train(loader)]",
        _NEW + f"seen = [record['train_loss'] for record in {_FIT}]",
    ),
    Divergence(
        "percent",
        "accuracy",
        "in percent",
        "a fraction",
        "`legacy_history`, `legacy_evaluate`",
        _OLD + "seen = loop.train(loader)[-1]['train_accuracy'] > 20.0",
        _NEW + f"seen = {_FIT}[-1]['train_accuracy'] > 20.0",
        writes=("legacy_history(",),
    ),
    Divergence(
        "last-bit-of-percent",
        "accuracy, last bit",
        "`100.0 * correct / total`",
        "`100 * (correct / total)` differs in the last bit for some counts",
        "the bridge counts by the legacy rule instead of converting",
        _CONSTANT + _OLD + "seen = loop.evaluate(loader)['val_accuracy']",
        _CONSTANT + _NEW + "seen = 100 * trainer.evaluate(loader)['val_accuracy']",
        writes=("legacy_evaluate(",),
    ),
    Divergence(
        "accuracy-of-regression",
        "accuracy of dense targets",
        "reported for every kind of target",
        "only for classification",
        "the bridge counts by the legacy rule",
        _REGRESSION + "loop = TrainingLoop(model, config, criterion=nn.MSELoss())\n"
        "seen = 'train_accuracy' in loop.train(loader)[-1]",
        _REGRESSION
        + _ADAM
        + "trainer = Trainer(model, optimizer, nn.MSELoss(), max_grad_norm=1.0)\n"
        + f"seen = 'train_accuracy' in {_FIT}[-1]",
        writes=("legacy_history(",),
    ),
    Divergence(
        "keys-of-records",
        "keys of a record",
        "`timestamp`, `epoch_time` and the model's own metrics beside losses and accuracies",
        "losses, accuracies and your metrics",
        "`legacy_history`",
        _OLD + "seen = list(loop.train(loader, loader)[-1])",
        _NEW + f"seen = list({_FIT[:-1]}, val_loader=loader)[-1])",
        writes=("legacy_history(",),
    ),
    Divergence(
        "growing-list",
        "the list of records",
        "one list that grows over all calls",
        "a new list for each `fit`",
        "`legacy_history`: the one list of the trainer",
        _OLD + "first = loop.train(loader)\nsecond = loop.train(loader)\nseen = len(first), first is second",
        _NEW + f"first = {_FIT}\nsecond = {_FIT}\nseen = len(first), first is second",
        writes=("legacy_history(",),
    ),
    Divergence(
        "quick-train",
        "`quick_train`",
        "returns a dict with the model, the loop, the records and the last of them",
        "has no such function",
        "`legacy_quick_train`",
        "from adaptiveneuralnetwork.api import AdaptiveConfig\n"
        "config = AdaptiveConfig(input_dim=4, output_dim=3, num_nodes=3, hidden_dim=3, save_checkpoint=False,"
        " metrics_file=None)\n"
        "result = quick_train(config, loader)\nseen = sorted(result), result['final_metrics']['train_accuracy']",
        writes=("legacy_quick_train(",),
    ),
    # Files and console.
    Divergence(
        "metrics-file",
        "metrics file",
        "writes the records to `config.metrics_file`, by default `metrics.json`",
        "writes no file unasked",
        "`legacy_callbacks`",
        "config.metrics_file = 'metrics.json'\n" + _OLD + "loop.train(loader)",
        "config.metrics_file = 'metrics.json'\n" + _NEW + _FIT,
        writes=("legacy_callbacks(config)",),
    ),
    Divergence(
        "checkpoint-files",
        "checkpoint files",
        "`checkpoint_epoch_4.pt`, `..._9.pt` and so on, where `config.save_checkpoint`; the folder is made by the"
        " constructor",
        "writes no file unasked",
        "`legacy_callbacks`",
        "config.save_checkpoint, config.num_epochs = True, 5\n" + _OLD + "loop.train(loader)",
        "config.save_checkpoint, config.num_epochs = True, 5\n" + _NEW + _FIT,
        writes=("legacy_callbacks(config)",),
    ),
    Divergence(
        "load-checkpoint",
        "`load_checkpoint`",
        "returns the epoch; a following `train` begins at epoch 0",
        "returns what the file holds; the next `fit` continues the run",
        "`legacy_save_checkpoint`, `legacy_load_checkpoint`",
        "config.save_checkpoint = True\n"
        + _OLD
        + "loop.train(loader)\nloop.save_checkpoint(1)\n"
        + "seen = loop.load_checkpoint('checkpoints/checkpoint_epoch_1.pt')\nloop.train(loader)",
        "config.save_checkpoint = True\nos.mkdir('checkpoints')\n"
        + _NEW
        + f"{_FIT}\ntrainer.save_checkpoint('checkpoints/checkpoint_epoch_1.pt')\n"
        + "seen = trainer.load_checkpoint('checkpoints/checkpoint_epoch_1.pt')['epoch']\n"
        + _FIT,
        writes=("legacy_save_checkpoint(", "legacy_load_checkpoint("),
    ),
    Divergence(
        "console",
        "console",
        "prints a line every `config.log_interval` batches and a summary of each epoch",
        "prints nothing unasked",
        "`legacy_callbacks`; with files off and no reader of the records, `LoggingCallback`",
        _OLD + "seen = len(loop.train(loader))",
        _NEW + f"seen = len({_FIT})",
        writes=("legacy_callbacks(config)",),
    ),
    # What Trainer can and the legacy loop cannot.
    Divergence(
        "loader-without-length",
        "a loader without length",
        "raises TypeError after the first epoch's training",
        "counts the batches that came",
        "goes on: a refinement",
        "class Stream:\n    def __iter__(self):\n        return iter([(inputs, targets)])\n"
        + _OLD
        + "loop.train(Stream())",
        "class Stream:\n    def __iter__(self):\n        return iter([(inputs, targets)])\n"
        + _NEW
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
        _OLD + "with torch.no_grad():\n    loop.train(loader)",
        _NEW + f"with torch.no_grad():\n    {_FIT}",
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
        "wrong = Wrong([(inputs, targets)])\n" + _OLD + "seen = loop.train(wrong)[-1]['train_loss']",
        "class Wrong(list):\n    def __len__(self):\n        return 2\n"
        "wrong = Wrong([(inputs, targets)])\n"
        + _NEW
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
        "arguments behind `*`",
        "by position: loader, test loader, epochs",
        "another order",
        "declined",
        _OLD + "arguments = (loader, None, 1)\nloop.train(*arguments)",
        _NEW + "arguments = (loader, None, 1)\ntrainer.fit(*arguments)",
        code="ANN401",
    ),
    Divergence(
        "type-test",
        "`isinstance` of the class",
        "the loop is a `TrainingLoop`",
        "the trainer is none",
        "declined",
        _OLD + "loop.train(loader)\nseen = isinstance(loop, TrainingLoop)",
        _NEW + f"{_FIT}\nseen = isinstance(trainer, TrainingLoop)",
        code="ANN206",
    ),
)
