"""How ``Trainer`` and its callbacks are used: a reference to read, top to bottom, in which every example runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import (
    Callback,
    CallbackList,
    LoggingCallback,
    ProfilingCallback,
    Trainer,
    create_synthetic_loaders,
)

NUM_BATCHES = 3


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def train_loader() -> DataLoader[Any]:
    """Three batches of 8 samples with 6 features and 3 classes."""
    return DataLoader(TensorDataset(torch.randn(24, 6), torch.randint(0, 3, (24,))), batch_size=8)


@pytest.fixture
def val_loader() -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.randn(10, 6), torch.randint(0, 3, (10,))), batch_size=4)


def make_trainer(**options: Any) -> Trainer:
    """A small classifier; ``options`` go to the Trainer."""
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return Trainer(model, optimizer, nn.CrossEntropyLoss(), **{"device": "cpu", **options})


# -------- training


def test_fit_returns_a_record_for_each_epoch(train_loader: Any, val_loader: Any) -> None:
    trainer = make_trainer()
    history = trainer.fit(train_loader, num_epochs=5, val_loader=val_loader)

    assert [record["epoch"] for record in history] == [0, 1, 2, 3, 4]
    assert list(history[0]) == ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert all(0.0 <= record["train_accuracy"] <= 1.0 for record in history)  # a fraction, not percent
    assert history.column("val_loss") == [record["val_loss"] for record in history]
    assert trainer.metrics_history is history


def test_each_fit_has_a_history_of_its_own_and_goes_on_with_the_weights(train_loader: Any) -> None:
    trainer = make_trainer()
    first = trainer.fit(train_loader, num_epochs=2)
    second = trainer.fit(train_loader, num_epochs=1)

    assert len(first) == 2
    assert len(second) == 1
    assert second[0]["train_loss"] < first[0]["train_loss"]
    assert trainer.global_step == 3 * NUM_BATCHES


def test_the_adaptive_model_is_trained_like_any_other_module() -> None:
    config = AdaptiveConfig(input_dim=6, output_dim=3, num_nodes=8, hidden_dim=8)
    model = AdaptiveModel(config)
    trainer = Trainer(model, optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss(), device=config.device)
    train_loader, test_loader = create_synthetic_loaders(
        num_samples=60, batch_size=16, input_dim=6, num_classes=3, seed=1
    )

    history = trainer.fit(train_loader, num_epochs=2, val_loader=test_loader)

    assert len(history) == 2
    assert set(model.get_metrics()) >= {"active_node_ratio", "mean_energy", "mean_activity"}


def test_regression_has_no_accuracy(train_loader: Any) -> None:
    model = nn.Linear(6, 1)
    loader = [(inputs, inputs.sum(dim=1, keepdim=True)) for inputs, _ in train_loader]
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.05), nn.MSELoss(), device="cpu")

    history = trainer.fit(loader, num_epochs=1)

    assert list(history[0]) == ["epoch", "train_loss"]


def test_evaluate_and_predict(val_loader: Any) -> None:
    trainer = make_trainer()

    scores = trainer.evaluate(val_loader)
    outputs = trainer.predict(val_loader)

    assert set(scores) == {"val_loss", "val_accuracy"}
    assert outputs.shape == (10, 3)
    assert not outputs.requires_grad
    targets = torch.cat([target for _, target in val_loader])
    assert scores["val_accuracy"] == (outputs.argmax(dim=1) == targets).sum().item() / 10


def test_metrics_of_your_own(train_loader: Any, val_loader: Any) -> None:
    def confidence(outputs: torch.Tensor, targets: torch.Tensor) -> float:
        return outputs.softmax(dim=1).max(dim=1).values.mean().item()

    history = make_trainer(metrics={"confidence": confidence}).fit(train_loader, num_epochs=1, val_loader=val_loader)

    assert 1 / 3 <= history[0]["train_confidence"] <= 1.0
    assert 1 / 3 <= history[0]["val_confidence"] <= 1.0


def test_a_metric_that_is_not_a_mean_is_an_object(train_loader: Any) -> None:
    class Samples:
        """Counts what it has seen."""

        def reset(self) -> None:
            self.count = 0

        def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
            self.count += len(targets)

        def compute(self) -> float:
            return float(self.count)

    history = make_trainer(metrics={"samples": Samples()}).fit(train_loader, num_epochs=2)

    assert history.column("train_samples") == [24.0, 24.0]


def test_a_scheduler_steps_once_each_epoch(train_loader: Any) -> None:
    trainer = make_trainer()
    scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, step_size=1, gamma=0.5)

    trainer.fit(train_loader, num_epochs=3, scheduler=scheduler)

    assert trainer.optimizer.param_groups[0]["lr"] == 0.02 * 0.5**3


def test_the_same_seed_gives_the_same_run(train_loader: Any) -> None:
    torch.manual_seed(5)
    first = make_trainer(seed=42).fit(train_loader, num_epochs=2)
    torch.manual_seed(5)
    second = make_trainer(seed=42).fit(train_loader, num_epochs=2)

    assert first == second


# -------- AMP, accumulation, clipping


def test_mixed_precision(train_loader: Any) -> None:
    trainer = make_trainer(use_amp=True)  # bfloat16 on the CPU; float16 with a gradient scaler on CUDA
    seen: list[torch.dtype] = []
    trainer.model.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))

    history = trainer.fit(train_loader, num_epochs=3)

    assert set(seen) == {torch.bfloat16}
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_accumulated_gradients_are_those_of_the_large_batch() -> None:
    inputs, targets = torch.randn(24, 6), torch.randint(0, 3, (24,))
    dataset = TensorDataset(inputs, targets)
    torch.manual_seed(1)
    large = make_trainer()
    torch.manual_seed(1)
    small = make_trainer(gradient_accumulation_steps=3)

    large.fit(DataLoader(dataset, batch_size=24), num_epochs=4)
    small.fit(DataLoader(dataset, batch_size=8), num_epochs=4)

    assert large.global_step == small.global_step == 4
    for one, other in zip(large.model.parameters(), small.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_max_grad_norm_clips_all_parameters_together(train_loader: Any) -> None:
    class Norms(Callback):
        def on_optimizer_step_end(self, trainer: Trainer, logs: Any = None) -> None:
            gradients = [parameter.grad for parameter in trainer.model.parameters()]
            total = torch.nn.utils.get_total_norm([g for g in gradients if g is not None])
            norms.append((logs["grad_norm"], float(total)))

    norms: list[tuple[float, float]] = []
    make_trainer(max_grad_norm=0.01, callbacks=[Norms()]).fit(train_loader, num_epochs=1)

    assert len(norms) == NUM_BATCHES
    for before, after in norms:
        assert before > 0.01
        assert after == pytest.approx(0.01, rel=1e-3)


# -------- callbacks that come along


def test_logging(train_loader: Any, val_loader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make_trainer(callbacks=[LoggingCallback(log_interval=2)]).fit(train_loader, num_epochs=2, val_loader=val_loader)

    lines = capsys.readouterr().out.splitlines()
    assert sum("batch 0" in line for line in lines) == 2
    assert sum("batch 2" in line for line in lines) == 2
    assert not any("batch 1" in line for line in lines)
    assert sum("val_accuracy" in line for line in lines) == 2


def test_quiet_logging_leaves_the_epoch_summaries(train_loader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make_trainer(callbacks=[LoggingCallback(verbose=False)]).fit(train_loader, num_epochs=2)

    out = capsys.readouterr().out
    assert "batch" not in out
    assert out.count("train_loss") == 2


def test_profiling(train_loader: Any) -> None:
    profiler = ProfilingCallback(profile_memory=True)
    make_trainer(callbacks=[profiler]).fit(train_loader, num_epochs=2)

    metrics = profiler.get_metrics()
    assert len(metrics["epoch_times"]) == 2
    for name in ("batch_times", "forward_times", "backward_times", "optimizer_times", "memory_allocated"):
        assert len(metrics[name]) == 2 * NUM_BATCHES, name
        assert all(value > 0 for value in metrics[name]), name
    parts = zip(metrics["forward_times"], metrics["backward_times"], metrics["optimizer_times"], strict=True)
    assert all(sum(part) <= whole for part, whole in zip(parts, metrics["batch_times"], strict=True))


# -------- callbacks of your own


class Recorder(Callback):
    """Notes each hook's name as it is called."""

    def __init__(self, name: str = "", calls: list[str] | None = None) -> None:
        self.name = name
        self.calls = [] if calls is None else calls

    def on_train_begin(self, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}train_begin")

    def on_train_end(self, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}train_end")

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}epoch_begin {epoch}")

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}epoch_end {epoch}")

    def on_batch_begin(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}batch_begin {batch_idx}")

    def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}backward_end {batch_idx}")

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}batch_end {batch_idx}")

    def on_evaluate_begin(self, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}evaluate_begin")

    def on_evaluate_end(self, trainer: Trainer, logs: Any = None) -> None:
        self.calls.append(f"{self.name}evaluate_end")

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self.calls.append(f"{self.name}exception {type(exception).__name__}")


def test_the_order_of_the_hooks(train_loader: Any, val_loader: Any) -> None:
    recorder = Recorder()
    make_trainer(callbacks=[recorder]).fit(train_loader, num_epochs=1, val_loader=val_loader)

    batches = [
        f"{hook} {index}" for index in range(NUM_BATCHES) for hook in ("batch_begin", "backward_end", "batch_end")
    ]
    assert recorder.calls == [
        "train_begin",
        "epoch_begin 0",
        *batches,
        "evaluate_begin",
        "evaluate_end",
        "epoch_end 0",
        "train_end",
    ]


def test_several_callbacks_are_called_in_their_order(train_loader: Any) -> None:
    calls: list[str] = []
    trainer = make_trainer(callbacks=[Recorder("first ", calls), Recorder("second ", calls)])
    trainer.callbacks.append(Recorder("third ", calls))

    trainer.fit(train_loader, num_epochs=1)

    assert isinstance(trainer.callbacks, CallbackList)
    assert calls[:3] == ["first train_begin", "second train_begin", "third train_begin"]
    assert calls[-3:] == ["first train_end", "second train_end", "third train_end"]


def test_what_the_logs_hold(train_loader: Any, val_loader: Any) -> None:
    seen: dict[str, Any] = {}

    class Look(Callback):
        def on_batch_begin(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
            seen["batch_begin"] = dict(logs)

        def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
            seen["batch_end"] = {key: logs[key] for key in logs}

        def on_evaluate_end(self, trainer: Trainer, logs: Any = None) -> None:
            seen["evaluate_end"] = dict(logs)

        def on_epoch_end(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
            seen["epoch_end"] = dict(logs)

    history = make_trainer(callbacks=[Look()]).fit(train_loader, num_epochs=1, val_loader=val_loader)

    assert seen["batch_begin"] == {"batch_size": 8}
    assert set(seen["batch_end"]) == {"batch_size", "loss", "accuracy"}
    assert isinstance(seen["batch_end"]["loss"], float)  # read from the device when asked for, not before
    assert set(seen["evaluate_end"]) == {"val_loss", "val_accuracy"}
    assert seen["epoch_end"] == history[0]


def test_a_callback_can_stop_training(train_loader: Any) -> None:
    class StopAfter(Callback):
        def __init__(self, epochs: int) -> None:
            self.epochs = epochs

        def on_epoch_end(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
            if epoch + 1 == self.epochs:
                trainer.stop_training = True

    recorder = Recorder()
    history = make_trainer(callbacks=[StopAfter(2), recorder]).fit(train_loader, num_epochs=100)

    assert len(history) == 2
    assert recorder.calls[-1] == "train_end"  # an early stop is a normal end


def test_early_stopping_for_one_call(train_loader: Any) -> None:
    class StopNow(Callback):
        def on_epoch_end(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
            trainer.stop_training = True

    trainer = make_trainer()

    assert len(trainer.fit(train_loader, num_epochs=3, early_stopping=StopNow())) == 1
    assert len(trainer.fit(train_loader, num_epochs=3)) == 3


def test_an_exception_reaches_every_callback_and_the_caller(train_loader: Any) -> None:
    def broken() -> Any:
        yield from train_loader
        raise OSError("disk on fire")

    recorder = Recorder()
    with pytest.raises(OSError, match="disk on fire"):
        make_trainer(callbacks=[recorder]).fit(broken(), num_epochs=1)

    assert recorder.calls[-1] == "exception OSError"
    assert "train_end" not in recorder.calls


def test_gradients_can_be_looked_at_before_the_step(train_loader: Any) -> None:
    norms: list[float] = []

    class GradientNorm(Callback):
        def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
            gradients = [p.grad for p in trainer.model.parameters() if p.grad is not None]
            norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    make_trainer(callbacks=[GradientNorm()]).fit(train_loader, num_epochs=1)

    assert len(norms) == NUM_BATCHES
    assert all(norm > 0 for norm in norms)


# -------- checkpoints


def test_a_checkpoint_continues_exactly(train_loader: Any, val_loader: Any, tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = make_trainer()
    expected = whole.fit(train_loader, num_epochs=4, val_loader=val_loader)

    torch.manual_seed(3)
    first = make_trainer()
    first.fit(train_loader, num_epochs=2, val_loader=val_loader)
    first.save_checkpoint(tmp_path / "half.pt")
    second = make_trainer()
    second.load_checkpoint(tmp_path / "half.pt")
    history = second.fit(train_loader, num_epochs=4, val_loader=val_loader)  # four in total

    assert history == expected
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_is_read_without_running_code(train_loader: Any, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.fit(train_loader, num_epochs=1)
    trainer.save_checkpoint(tmp_path / "model.pt")

    state = torch.load(tmp_path / "model.pt", weights_only=True)

    assert {"epoch", "model_state_dict", "optimizer_state_dict", "metrics_history"} <= set(state)


# -------- mistakes


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"callbacks": [LoggingCallback]}, TypeError, "LoggingCallback"),
        ({"callbacks": LoggingCallback()}, TypeError, "callbacks"),
        ({"callbacks": ["log"]}, TypeError, "callback"),
        ({"max_grad_norm": 0}, ValueError, "max_grad_norm"),
        ({"gradient_accumulation_steps": 0}, ValueError, "gradient_accumulation_steps"),
        ({"gradient_accumulation_steps": 1.5}, TypeError, "gradient_accumulation_steps"),
        ({"batch_transform": 3}, TypeError, "batch_transform"),
        ({"metrics": {"f1": 0.5}}, TypeError, "f1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make_trainer(**options)


def test_the_number_of_epochs_is_an_integer(train_loader: Any) -> None:
    trainer = make_trainer()
    with pytest.raises(TypeError, match=r"num_epochs.*2\.5"):
        trainer.fit(train_loader, num_epochs=2.5)  # type: ignore[arg-type]
    assert trainer.fit(train_loader, num_epochs=0) == []
    assert trainer.fit(train_loader, num_epochs=-3) == []


def test_an_empty_loader_is_an_error() -> None:
    with pytest.raises(ValueError, match="train_loader"):
        make_trainer().fit([], num_epochs=1)
