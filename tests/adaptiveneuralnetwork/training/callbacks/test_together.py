"""All callbacks that keep a state, in one run that is killed and continued: as if it had not been."""

import csv
import json

import pytest
import torch
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import (
    Callback,
    CSVLogger,
    DeviceStatsMonitor,
    EarlyStopping,
    EMACallback,
    GradientNormMonitor,
    HistoryPlot,
    JSONLLogger,
    LinearWarmup,
    LoggingCallback,
    LRSchedulerCallback,
    ModelCheckpoint,
    ModelSummary,
    Monitor,
    NaNGuard,
    Phase,
    ProfilingCallback,
    ProgressBarCallback,
    SWACallback,
    TensorBoardLogger,
    TorchProfilerCallback,
    Trainer,
    WallTimeLimit,
    seed_everything,
)
from adaptiveneuralnetwork.training.digests import digest, rng_digest

EPOCHS, STEPS = 4, 12


class Kill(BaseException):
    """Nobody handles it."""


class KillAt(Callback):
    """Ends the process, so to speak, when the loggers have written and the checkpoint has not."""

    phase = Phase.RECORD

    def __init__(self, hook, step):
        def kill(*arguments):
            trainer = next(argument for argument in arguments if isinstance(argument, Trainer))
            if trainer.global_step == step:
                raise Kill

        setattr(self, hook, kill)


def build(folder, make_trainer, *extra):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.2), nn.Linear(5, 4))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    callbacks = {
        "checkpoint": ModelCheckpoint(folder, "val_loss", top_k=2, every_n_steps=1, restore_best=True),
        "csv": CSVLogger(folder / "log.csv"),
        "jsonl": JSONLLogger(folder / "run.jsonl", 1, digest_parameters=True, digest_batches=True),
        "stopping": EarlyStopping("val_loss", patience=4),
        # Best in the first epoch, since the loss falls.
        "second": EarlyStopping(Monitor("val_loss", "max"), patience=5),
        "step": LRSchedulerCallback(CosineAnnealingLR(optimizer, STEPS), "step"),
        "plateau": LRSchedulerCallback(ReduceLROnPlateau(optimizer, patience=0)),
        "warmup": LinearWarmup(5),
        "norms": GradientNormMonitor(per_parameter=True),
        "guard": NaNGuard(5),
        "ema": EMACallback(0.9),
        "swa": SWACallback(1),
    }
    trainer = make_trainer(model, optimizer=optimizer, callbacks=[*callbacks.values(), *extra], max_grad_norm=0.5)
    return trainer, callbacks


def outcome(folder, trainer, callbacks):
    with (folder / "log.csv").open(newline="") as file:
        table = [{name: value for name, value in row.items() if name != "epoch_time"} for row in csv.DictReader(file)]
    records = [json.loads(line) for line in (folder / "run.jsonl").open()]
    norms = callbacks["norms"]
    return {
        "model": digest(trainer.model.state_dict()),
        "optimizer": digest(trainer.optimizer.state_dict()),
        "history": list(trainer.metrics_history),
        "ema": digest(callbacks["ema"].averaged.state_dict()),
        "swa": digest(callbacks["swa"].averaged.state_dict()),
        "norms": (norms.history, norms.parameter_norms),
        "stopping": [callbacks[name].state_dict() for name in ("stopping", "second")],
        "files": sorted(path.name for path in folder.iterdir() if path.suffix == ".pt"),
        "best": (callbacks["checkpoint"].best, list(callbacks["checkpoint"].saved.values())),
        "table": table,
        "steps": [record for record in records if record["type"] == "step"],
        "epochs": [
            {name: value for name, value in record.items() if name != "seconds"}
            for record in records
            if record["type"] == "epoch"
        ],
    }


LOOKING_ON = {
    "logging": lambda folder: LoggingCallback(1),
    "progress": lambda folder: ProgressBarCallback(),
    "csv": lambda folder: CSVLogger(folder / "log.csv"),
    "jsonl": lambda folder: JSONLLogger(folder / "run.jsonl", 1, digest_parameters=True, digest_batches=True),
    "tensorboard": lambda folder: TensorBoardLogger(folder, 1),
    "plot": lambda folder: HistoryPlot(folder / "plot.png", 1),
    "times": lambda folder: ProfilingCallback(),
    "trace": lambda folder: TorchProfilerCallback(folder / "trace.json", wait=0, active=2),
    "device": lambda folder: DeviceStatsMonitor(1),
    "norms": lambda folder: GradientNormMonitor(per_parameter=True),
    "summary": lambda folder: ModelSummary(),
    "guard": lambda folder: NaNGuard(1, gradients=True),
    "time limit": lambda folder: WallTimeLimit(1e6),
    "checkpoint": lambda folder: ModelCheckpoint(folder, "val_loss", every_n_steps=1, on_signal=True),
    "stopping": lambda folder: EarlyStopping(patience=99),
    "average": lambda folder: EMACallback(evaluate=False, apply_at_end=False),
}


def looked_on(make_trainer, loader, *callbacks):
    trainer = make_trainer(callbacks=callbacks, max_grad_norm=0.5)
    seed_everything(3)
    history = trainer.fit(loader, num_epochs=2, val_loader=loader)
    hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in trainer.model.modules())
    return history, digest(trainer.model.state_dict()), digest(trainer.optimizer.state_dict()), rng_digest(), hooks


@pytest.mark.parametrize("name", LOOKING_ON)
def test_c21_whoever_only_looks_on_changes_no_bit(make_trainer, flat_batches, tmp_path, name):
    dataset = TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))
    loader = DataLoader(dataset, 4, shuffle=True)
    plain = looked_on(make_trainer, loader)
    assert looked_on(make_trainer, loader, LOOKING_ON[name](tmp_path)) == plain


WHOLE = {}
"""What the undisturbed run gave; every test compares with the same one."""


def run_whole(tmp_path, make_trainer, batches):
    if not WHOLE:
        trainer, callbacks = build(tmp_path / "whole", make_trainer)
        torch.manual_seed(9)
        trainer.fit(batches, num_epochs=EPOCHS, val_loader=batches)
        WHOLE.update(outcome(tmp_path / "whole", trainer, callbacks))
        assert len(WHOLE["steps"]) == STEPS
        assert len(WHOLE["table"]) == len(WHOLE["epochs"]) == EPOCHS
    return WHOLE


def test_c29_a_checkpoint_with_everything_in_it_holds_tensors_and_plain_values(make_trainer, flat_batches, tmp_path):
    trainer, _ = build(tmp_path, make_trainer)
    trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    kinds = set()

    def look(value):
        if isinstance(value, dict):
            for key, item in value.items():
                look(key), look(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item)
        else:
            kinds.add(type(value))

    look(state)
    assert len(state["callbacks"]) == 11, "all but the guard, which keeps nothing"
    assert kinds <= {torch.Tensor, int, float, bool, str, type(None), torch.dtype, torch.device}


@pytest.mark.parametrize(
    ("hook", "step"),
    [
        ("on_optimizer_step_end", 2),
        ("on_optimizer_step_end", 4),
        ("on_epoch_end", 6),
        ("on_batch_begin", 8),
        ("on_evaluate_end", 9),
        ("on_train_end", 12),
    ],
)
def test_c25_killed_at_any_hook(make_trainer, flat_batches, tmp_path, hook, step):
    expected = run_whole(tmp_path, make_trainer, flat_batches)
    trainer, _ = build(tmp_path / "parts", make_trainer, KillAt(hook, step))
    torch.manual_seed(9)
    with pytest.raises(Kill):
        trainer.fit(flat_batches, num_epochs=EPOCHS, val_loader=flat_batches)
    trainer, callbacks = build(tmp_path / "parts", make_trainer)
    torch.manual_seed(99)
    trainer.load_checkpoint(tmp_path / "parts" / "last.pt")
    trainer.fit(flat_batches, num_epochs=EPOCHS, val_loader=flat_batches)
    found = outcome(tmp_path / "parts", trainer, callbacks)
    for name, value in expected.items():
        assert found[name] == value, name


def test_stopped_by_the_clock_again_and_again(make_trainer, flat_batches, tmp_path, monkeypatch):
    expected = run_whole(tmp_path, make_trainer, flat_batches)
    runs = 0
    while True:
        limit = WallTimeLimit(1e-9)  # every run makes one step
        trainer, callbacks = build(tmp_path / "parts", make_trainer, limit)
        torch.manual_seed(9 + runs)
        if runs:
            trainer.load_checkpoint(tmp_path / "parts" / "last.pt")
        trainer.fit(flat_batches, num_epochs=EPOCHS, val_loader=flat_batches)
        runs += 1
        if len(trainer.metrics_history) == EPOCHS:
            break
    assert runs == STEPS
    found = outcome(tmp_path / "parts", trainer, callbacks)
    for name, value in expected.items():
        assert found[name] == value, name
