"""Sources of difference in what is reported: values, records, files, console."""

from __future__ import annotations

from ann_compat.equivalence.divergences.divergence import ADAM, FIT, NEW, OLD, Divergence

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

DIVERGENCES = (
    # What is reported.
    Divergence(
        "mean-of-losses",
        "mean of the losses",
        "over batches, of the batch means: a small last batch counts as much as the others",
        "the same",
        "nothing",
        OLD + "seen = [record['train_loss'] for record in loop.train(loader)]",
        NEW + f"seen = [record['train_loss'] for record in {FIT}]",
    ),
    Divergence(
        "percent",
        "accuracy",
        "in percent",
        "a fraction",
        "`legacy_history`, `legacy_evaluate`",
        OLD + "seen = loop.train(loader)[-1]['train_accuracy'] > 20.0",
        NEW + f"seen = {FIT}[-1]['train_accuracy'] > 20.0",
        writes=("legacy_history(",),
    ),
    Divergence(
        "last-bit-of-percent",
        "accuracy, last bit",
        "`100.0 * correct / total`",
        "`100 * (correct / total)` differs in the last bit for some counts",
        "the bridge counts by the legacy rule instead of converting",
        _CONSTANT + OLD + "seen = loop.evaluate(loader)['val_accuracy']",
        _CONSTANT + NEW + "seen = 100 * trainer.evaluate(loader)['val_accuracy']",
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
        + ADAM
        + "trainer = Trainer(model, optimizer, nn.MSELoss(), max_grad_norm=1.0)\n"
        + f"seen = 'train_accuracy' in {FIT}[-1]",
        writes=("legacy_history(",),
    ),
    Divergence(
        "keys-of-records",
        "keys of a record",
        "`timestamp`, `epoch_time` and the model's own metrics beside losses and accuracies",
        "losses, accuracies and your metrics",
        "`legacy_history`",
        OLD + "seen = list(loop.train(loader, loader)[-1])",
        NEW + f"seen = list({FIT[:-1]}, val_loader=loader)[-1])",
        writes=("legacy_history(",),
    ),
    Divergence(
        "growing-list",
        "the list of records",
        "one list that grows over all calls",
        "a new list for each `fit`",
        "`legacy_history`: the one list of the trainer",
        OLD + "first = loop.train(loader)\nsecond = loop.train(loader)\nseen = len(first), first is second",
        NEW + f"first = {FIT}\nsecond = {FIT}\nseen = len(first), first is second",
        writes=("legacy_history(",),
    ),
    Divergence(
        "train-epoch",
        "`train_epoch`",
        "accuracy in percent, `epoch_time`",
        "a fraction, no time",
        "`legacy_train_epoch`",
        OLD + "seen = loop.train_epoch(loader, 0)",
        NEW + "seen = trainer.train_epoch(loader, 0)",
        writes=("legacy_train_epoch(",),
    ),
    Divergence(
        "validation-criterion",
        "loss of a validation",
        "by the criterion of the training",
        "the same",
        "nothing",
        "criterion = nn.CrossEntropyLoss(label_smoothing=0.3)\n"
        + OLD[:-2]
        + ", criterion=criterion)\nseen = loop.train(loader, loader)[-1]['val_loss']",
        "criterion = nn.CrossEntropyLoss(label_smoothing=0.3)\n"
        + ADAM
        + "trainer = Trainer(model, optimizer, criterion, max_grad_norm=1.0)\n"
        + f"seen = {FIT[:-1]}, val_loader=loader)[-1]['val_loss']",
    ),
    Divergence(
        "current-epoch",
        "`current_epoch`",
        "the last epoch that ran, from 0",
        "the same",
        "nothing",
        OLD + "loop.train(loader)\nseen = loop.current_epoch",
        NEW + f"{FIT}\nseen = trainer.current_epoch",
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
        "config.metrics_file = 'metrics.json'\n" + OLD + "loop.train(loader)",
        "config.metrics_file = 'metrics.json'\n" + NEW + FIT,
        writes=("legacy_callbacks(config)",),
    ),
    Divergence(
        "checkpoint-files",
        "checkpoint files",
        "`checkpoint_epoch_4.pt`, `..._9.pt` and so on, where `config.save_checkpoint`; the folder is made by the"
        " constructor",
        "writes no file unasked",
        "`legacy_callbacks`",
        "config.save_checkpoint, config.num_epochs = True, 5\n" + OLD + "loop.train(loader)",
        "config.save_checkpoint, config.num_epochs = True, 5\n" + NEW + FIT,
        writes=("legacy_callbacks(config)",),
    ),
    Divergence(
        "load-checkpoint",
        "`load_checkpoint`",
        "returns the epoch; a following `train` begins at epoch 0",
        "returns what the file holds; the next `fit` continues the run",
        "`legacy_save_checkpoint`, `legacy_load_checkpoint`",
        "config.save_checkpoint = True\n"
        + OLD
        + "loop.train(loader)\nloop.save_checkpoint(1)\n"
        + "seen = loop.load_checkpoint('checkpoints/checkpoint_epoch_1.pt')\nloop.train(loader)",
        "config.save_checkpoint = True\nos.mkdir('checkpoints')\n"
        + NEW
        + f"{FIT}\ntrainer.save_checkpoint('checkpoints/checkpoint_epoch_1.pt')\n"
        + "seen = trainer.load_checkpoint('checkpoints/checkpoint_epoch_1.pt')['epoch']\n"
        + FIT,
        writes=("legacy_save_checkpoint(", "legacy_load_checkpoint("),
    ),
    Divergence(
        "save-metrics",
        "`save_metrics`",
        "writes the metrics file now",
        "has no such method",
        "`legacy_save_metrics`",
        "config.metrics_file = 'metrics.json'\n" + OLD + "loop.train_epoch(loader, 0)\nloop.save_metrics()",
        writes=("legacy_save_metrics(",),
    ),
    Divergence(
        "console",
        "console",
        "prints a line every `config.log_interval` batches and a summary of each epoch",
        "prints nothing unasked",
        "`legacy_callbacks`; with files off and no reader of the records, `LoggingCallback`",
        OLD + "seen = len(loop.train(loader))",
        NEW + f"seen = len({FIT})",
        writes=("legacy_callbacks(config)",),
    ),
)
