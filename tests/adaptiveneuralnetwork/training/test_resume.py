"""Exact resume: a run that is killed anywhere and taken up by another process ends as the run that was not."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, TensorDataset

from adaptiveneuralnetwork.training import Callback, CheckpointError, EarlyStopping, GradientNormMonitor, Trainer
from adaptiveneuralnetwork.training.checkpoint import read_checkpoint, write_checkpoint

TOOL = Path(__file__).parents[2] / "helpers" / "kill_and_resume.py"
POINTS = int(os.environ.get("KILL_POINTS", "30"))
"""How many kill points to try, over all scenarios; ``make torture`` tries hundreds."""


class SaveOnce(Callback):
    """Writes one checkpoint: at the ``at``-th call of ``hook``."""

    def __init__(self, path, hook="on_batch_end", at=2):
        self.path = path
        self.at = at
        setattr(self, hook, self.save)

    def save(self, *arguments):
        self.at -= 1
        if self.at == 0:
            next(item for item in arguments if isinstance(item, Trainer)).save_checkpoint(self.path)


@pytest.fixture
def dataset(flat_batches):
    return TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))


def parameters_of(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def resumed_like(make_trainer, path, loader, whole, epochs=2, **arguments):
    """Whether a trainer that loads ``path`` ends as ``whole`` did."""
    torch.manual_seed(1234)
    trainer = make_trainer(**arguments)
    trainer.load_checkpoint(path)
    history = trainer.fit(loader, epochs)
    return history == whole.metrics_history and torch.equal(parameters_of(trainer), parameters_of(whole))


def test_c25_killed_at_any_moment_and_resumed_elsewhere_it_ends_bit_for_bit_the_same():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(TOOL), "--points", str(POINTS)]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report = json.loads(outcome.stdout or "{}")
    assert report.get("differences") == [], outcome.stderr
    assert report["equal"] == report["points"] >= POINTS - 10
    assert all(moments > 100 for moments in report["moments"].values()), "every scenario has moments to be killed at"


@pytest.mark.parametrize("at", [2, 3, 5])
def test_a_loaded_checkpoint_that_is_saved_again_says_the_same(make_trainer, dataset, tmp_path, at):
    def build(*callbacks):
        arguments = {"callbacks": [GradientNormMonitor(), *callbacks], "gradient_accumulation_steps": 2}
        trainer = make_trainer(**arguments)
        scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, 1, 0.5)
        return trainer, DataLoader(dataset, 4, shuffle=True), scheduler

    whole, loader, scheduler = build(SaveOnce(tmp_path / "first.pt", at=at))
    torch.manual_seed(1)
    history = whole.fit(loader, 3, scheduler=scheduler)
    for seed, name in ((2, "first"), (3, "again"), (4, "and again")):
        trainer, loader, scheduler = build()
        trainer.load_checkpoint(tmp_path / f"{name}.pt")
        torch.manual_seed(seed)
        trainer.save_checkpoint(tmp_path / f"{'and ' if name == 'again' else ''}again.pt")
    assert trainer.fit(loader, 3, scheduler=scheduler) == history
    assert torch.equal(parameters_of(trainer), parameters_of(whole))
    assert trainer.callbacks[0].history == whole.callbacks[0].history


@pytest.mark.parametrize("generator", [False, True])
@pytest.mark.parametrize("at", [1, 3, 5, 7])
def test_c26_the_order_of_the_data_continues_without_loading_what_was_seen(
    make_trainer, flat_batches, tmp_path, generator, at
):
    loaded = []

    class Noting(Dataset):
        data = TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            loaded.append(index)
            return self.data[index]

    def loader():
        own = torch.Generator().manual_seed(5) if generator else None
        return DataLoader(Noting(), 4, shuffle=True, generator=own)

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt", at=at)])
    whole.fit(loader(), 2)
    order = loaded.copy()
    loaded.clear()
    assert resumed_like(make_trainer, tmp_path / "run.pt", loader(), whole)
    seen = {1: 4, 3: 12, 5: 19, 7: 27}[at]
    assert loaded == order[seen:]


def test_c26_another_use_of_the_loaders_generator_is_noticed(make_trainer, dataset, tmp_path):
    class Meddling(Callback):
        def __init__(self, generator):
            self.generator = generator

        def on_batch_begin(self, batch_idx, trainer, logs=None):
            torch.rand(1, generator=self.generator)

    generator = torch.Generator()
    trainer = make_trainer(callbacks=[Meddling(generator), SaveOnce(tmp_path / "run.pt")])
    trainer.fit(DataLoader(dataset, 4, shuffle=True, generator=generator), 1)
    again = make_trainer()
    again.load_checkpoint(tmp_path / "run.pt")
    with pytest.warns(RuntimeWarning, match="something else drew from it"):
        again.fit(DataLoader(dataset, 4, shuffle=True, generator=torch.Generator()), 1)


@pytest.mark.parametrize(
    "hook",
    ["on_batch_begin", "on_forward_end", "on_backward_end", "on_before_optimizer_step", "on_optimizer_step_end"],
)
def test_c8_a_checkpoint_asked_for_within_a_batch_is_written_at_its_end(make_trainer, dataset, tmp_path, hook):
    path = tmp_path / "run.pt"
    seen = []

    class Look(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            seen.append(path.exists())

    whole = make_trainer(callbacks=[SaveOnce(path, hook), Look()], gradient_accumulation_steps=2)
    torch.manual_seed(1)
    whole.fit(DataLoader(dataset, 4, shuffle=True), 2)
    first = 4 if hook in ("on_before_optimizer_step", "on_optimizer_step_end") else 2
    assert seen.index(True) == first
    loader = DataLoader(dataset, 4, shuffle=True)
    assert resumed_like(make_trainer, path, loader, whole, gradient_accumulation_steps=2)


def test_c8_a_checkpoint_within_a_window_holds_its_gradients(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.pt"
    whole = make_trainer(callbacks=[SaveOnce(path, at=2)], gradient_accumulation_steps=3)
    torch.manual_seed(1)
    whole.fit(flat_batches, 2)
    window = read_checkpoint(path)["position"]["window"]
    assert window["losses"] == 2
    assert all(gradient.abs().sum() > 0 for gradient in window["gradients"])
    assert resumed_like(make_trainer, path, flat_batches, whole, gradient_accumulation_steps=3)


def test_c28_callbacks_keep_their_states_apart_and_gaps_are_named(make_trainer, flat_batches, tmp_path):
    class Count(Callback):
        def __init__(self, start, name=""):
            self.count, self.name = start, name

        def on_batch_end(self, batch_idx, trainer, logs=None):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    trainer = make_trainer(callbacks=[Count(0), Count(100), Count(1000, "third")])
    trainer.fit(flat_batches, 1)
    trainer.save_checkpoint(tmp_path / "run.pt")

    # The named one is found wherever it stands; the others by their order.
    counts = [Count(-1, "third"), Count(-1), Count(-1)]
    again = make_trainer(callbacks=counts)
    again.load_checkpoint(tmp_path / "run.pt")
    again.fit(flat_batches, 1)
    assert [count.count for count in counts] == [1003, 3, 103]

    again = make_trainer(callbacks=[Count(0), Count(0, "fourth")])
    again.load_checkpoint(tmp_path / "run.pt")
    with pytest.warns(RuntimeWarning, match=r"no state for the callbacks .*Count 'fourth'.*Count 2, .*Count 'third'"):
        again.fit(flat_batches, 1)


def test_every_callback_is_told_each_thing_once_though_the_writer_stood_between_them(
    make_trainer, flat_batches, tmp_path
):
    class Told(Callback):
        def __init__(self):
            self.told = []

        def on_batch_end(self, batch_idx, trainer, logs=None):
            self.told.append(("batch", trainer.current_epoch, batch_idx, logs["loss"]))

        def on_evaluate_end(self, trainer, logs=None):
            self.told.append(("evaluate", logs["val_loss"]))

        def on_epoch_end(self, epoch, trainer, logs=None):
            self.told.append(("epoch", epoch, logs["train_loss"]))

        def state_dict(self):
            return {"told": self.told}

        def load_state_dict(self, state):
            self.told = [tuple(item) for item in state["told"]]

    for hook in ("on_batch_end", "on_evaluate_begin", "on_evaluate_end", "on_epoch_begin", "on_epoch_end"):
        path = tmp_path / f"{hook}.pt"
        before, after = Told(), Told()
        whole = make_trainer(callbacks=[before, SaveOnce(path, hook), after])
        whole.fit(flat_batches, 3, val_loader=flat_batches)
        told = [Told(), Told()]
        resumed = make_trainer(callbacks=[told[0], SaveOnce(tmp_path / "unused", hook, -1), told[1]])
        resumed.load_checkpoint(path)
        resumed.fit(flat_batches, 3, val_loader=flat_batches)
        assert [item.told for item in told] == [before.told, after.told], hook


def test_what_callbacks_do_to_set_themselves_up_again_leaves_no_trace(make_trainer, dataset, tmp_path):
    class Disturbing(Callback):
        def on_train_begin(self, trainer, logs=None):
            torch.rand(3)
            with torch.no_grad():
                trainer.model[0].weight.mul_(1.5)
            trainer.optimizer.param_groups[0]["lr"] *= 0.5

        on_epoch_begin = lambda self, epoch, trainer, logs=None: self.on_train_begin(trainer)  # noqa: E731

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[Disturbing(), SaveOnce(tmp_path / "run.pt", at=7)])
    whole.fit(DataLoader(dataset, 4, shuffle=True), 2)
    loader = DataLoader(dataset, 4, shuffle=True)
    assert resumed_like(make_trainer, tmp_path / "run.pt", loader, whole, callbacks=[Disturbing()])


def test_c16_schedulers_made_anew_continue_with_the_saved_learning_rate(make_trainer, flat_batches, tmp_path):
    def scheduler(trainer):
        return optim.lr_scheduler.LambdaLR(trainer.optimizer, lambda epoch: 1 / (epoch + 2))

    rates = []

    class Rates(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            rates.append(trainer.optimizer.param_groups[0]["lr"])

    whole = make_trainer(callbacks=[Rates(), SaveOnce(tmp_path / "run.pt", at=5)])
    whole.fit(flat_batches, 4, scheduler=scheduler(whole))
    expected = rates[5:]
    rates.clear()
    resumed = make_trainer(callbacks=[Rates()])
    resumed.load_checkpoint(tmp_path / "run.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # c14: torch finds nothing wrong with the order of steps either
        resumed.fit(flat_batches, 4, scheduler=scheduler(resumed))
    assert rates == expected
    assert len(set(rates)) == 3

    resumed = make_trainer()
    resumed.load_checkpoint(tmp_path / "run.pt")
    with pytest.warns(RuntimeWarning, match="only the checkpoint has a scheduler"):
        resumed.fit(flat_batches, 2)


def test_c27_a_run_that_early_stopping_has_ended_stays_ended_unless_asked(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer(optimizer=None)
    trainer.optimizer.param_groups[0]["lr"] = 0.0
    history = trainer.fit(flat_batches, 9, early_stopping=EarlyStopping("train_loss", patience=1, min_delta=1e9))
    assert len(history) == 2
    trainer.save_checkpoint(tmp_path / "run.pt")

    again = make_trainer()
    again.load_checkpoint(tmp_path / "run.pt")
    stopping = EarlyStopping("train_loss", patience=1, min_delta=1e9)
    assert again.fit(flat_batches, 9, early_stopping=stopping) == history
    asked = make_trainer()
    asked.load_checkpoint(tmp_path / "run.pt")
    asked.stop_training = False
    with pytest.warns(RuntimeWarning, match="callbacks that are not there now: EarlyStopping"):
        assert len(asked.fit(flat_batches, 5)) == 5


def test_a_stop_in_the_middle_of_an_epoch_still_ends_after_it(make_trainer, flat_batches, tmp_path):
    class Stop(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            trainer.stop_training = True

    whole = make_trainer(callbacks=[Stop(), SaveOnce(tmp_path / "run.pt", at=1)])
    assert len(whole.fit(flat_batches, 5)) == 1
    assert resumed_like(make_trainer, tmp_path / "run.pt", flat_batches, whole, epochs=5)


def test_a_run_stopped_at_a_step_is_continued_there(make_trainer, dataset, tmp_path):
    class StopAtStep(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            trainer.stop_at_step = trainer.global_step == 7

    torch.manual_seed(1)
    whole = make_trainer()
    whole.fit(DataLoader(dataset, 4, shuffle=True), 2)
    torch.manual_seed(1)
    stopped = make_trainer(callbacks=[StopAtStep()])
    assert len(stopped.fit(DataLoader(dataset, 4, shuffle=True), 2)) == 1
    stopped.save_checkpoint(tmp_path / "run.pt")
    assert resumed_like(make_trainer, tmp_path / "run.pt", DataLoader(dataset, 4, shuffle=True), whole)


def test_a_resumed_run_can_be_saved_and_resumed_again(make_trainer, dataset, tmp_path):
    def loader():
        return DataLoader(dataset, 4, shuffle=True)

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[SaveOnce(tmp_path / "first.pt", at=2)])
    whole.fit(loader(), 2)
    second = make_trainer(callbacks=[SaveOnce(tmp_path / "second.pt", at=2)])
    second.load_checkpoint(tmp_path / "first.pt")
    second.fit(loader(), 2)
    assert read_checkpoint(tmp_path / "second.pt")["position"]["batches"] == 4
    assert resumed_like(make_trainer, tmp_path / "second.pt", loader(), whole)


def test_a_checkpoint_after_an_interrupt_says_whether_it_is_exact(make_trainer, flat_batches, tmp_path):
    class Interrupt(Callback):
        def __init__(self, hook):
            setattr(self, hook, self.interrupt)

        def interrupt(self, *arguments):
            raise KeyboardInterrupt

    for hook, exact in [("on_batch_end", True), ("on_backward_end", False), ("on_epoch_end", True)]:
        trainer = make_trainer(callbacks=[Interrupt(hook)])
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(flat_batches, 1)
        trainer.save_checkpoint(tmp_path / "run.pt")
        state = read_checkpoint(tmp_path / "run.pt")
        assert state["exact"] is exact
        assert state["inexact_reasons"] == [] if exact else "within a batch" in state["inexact_reasons"][0]


class ForeignSampler(Sampler):
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return self.count


class Counting(IterableDataset):
    def __iter__(self):
        return iter([(torch.ones(6) * k, k % 4) for k in range(12)])


class OwnRandom(TensorDataset):
    rng: np.random.Generator


@pytest.mark.parametrize(
    ("loader", "reason"),
    [
        (lambda data: DataLoader(data, 4, sampler=ForeignSampler(19)), "the sampler ForeignSampler may draw"),
        (lambda data: DataLoader(Counting(), 4), "the dataset Counting is iterable"),
        (
            lambda data: (data[start : start + 4] for start in (0, 4, 8)),
            "batches of a generator are loaded again",
        ),
    ],
)
def test_where_exactness_cannot_be_promised_the_checkpoint_says_why(make_trainer, dataset, tmp_path, loader, reason):
    path = tmp_path / "run.pt"
    make_trainer(callbacks=[SaveOnce(path)]).fit(loader(dataset), 1)
    state = read_checkpoint(path)
    assert state["exact"] is False
    assert state["inexact_reasons"][0].startswith(reason)
    trainer = make_trainer()
    with pytest.warns(RuntimeWarning, match=f"cannot be continued bit for bit: {reason}"):
        trainer.load_checkpoint(path)
    trainer.fit(loader(dataset), 1)  # as near as can be


def test_a_dataset_with_random_numbers_of_its_own_is_named(make_trainer, dataset, tmp_path):
    own = OwnRandom(*dataset.tensors)
    own.rng = np.random.default_rng(0)
    make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt")]).fit(DataLoader(own, 4), 1)
    assert read_checkpoint(tmp_path / "run.pt")["inexact_reasons"] == [
        "loader.dataset has a generator of its own (rng), whose state is not saved"
    ]


def test_a_loader_that_knows_its_position_is_asked_for_it(make_trainer, flat_batches, tmp_path):
    class Stateful:
        """As torchdata's StatefulDataLoader: the position is the loader's, and it is consumed by the next iteration."""

        def __init__(self):
            self.done = self.start = 0

        def __iter__(self):
            start, self.start = self.start, 0
            for self.done in range(start, len(flat_batches)):
                self.done += 1
                yield flat_batches[self.done - 1]
            self.done = 0

        def state_dict(self):
            return {"done": self.done}

        def load_state_dict(self, state):
            self.start = state["done"]

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt", at=2)])
    whole.fit(Stateful(), 2)
    assert read_checkpoint(tmp_path / "run.pt")["exact"]
    assert resumed_like(make_trainer, tmp_path / "run.pt", Stateful(), whole)


def test_other_data_than_before_is_an_error(make_trainer, flat_batches, tmp_path):
    make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt", at=3)]).fit(flat_batches, 1)
    trainer = make_trainer()
    trainer.load_checkpoint(tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match=r"ends after 1 batches.*written after 3"):
        trainer.fit(flat_batches[:1], 1)


def test_a_metric_whose_count_cannot_be_saved_is_named(make_trainer, flat_batches, tmp_path):
    class Holding:
        def reset(self):
            self.seen = object()

        def update(self, outputs, targets):
            pass

        def compute(self):
            return 1.0

    make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt")], metrics={"held": Holding()}).fit(flat_batches, 1)
    (reason,) = read_checkpoint(tmp_path / "run.pt")["inexact_reasons"]
    assert reason.startswith("metric 'held'['attributes']['seen'] is a builtins.object")


def test_metrics_of_torchmetrics_are_counted_on(make_trainer, dataset, tmp_path):
    torchmetrics = pytest.importorskip("torchmetrics")

    def metrics():
        kinds = torchmetrics.classification
        return {
            "f1": kinds.MulticlassF1Score(4),
            "both": torchmetrics.MetricCollection(
                {"precision": kinds.MulticlassPrecision(4), "recall": kinds.MulticlassRecall(4)}
            ),
        }

    def loader():
        return DataLoader(dataset, 4, shuffle=True)

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt", at=7)], metrics=metrics())
    history = whole.fit(loader(), 2)
    assert 0 < history[-1]["train_f1"] <= 1
    assert set(history[-1]["train_both"]) == {"precision", "recall"}
    assert read_checkpoint(tmp_path / "run.pt")["exact"]
    assert resumed_like(make_trainer, tmp_path / "run.pt", loader(), whole, metrics=metrics())


def test_c12_the_scaler_continues(make_trainer, flat_batches, tmp_path):
    class Infinite(nn.Module):
        def forward(self, outputs, targets):
            return nn.functional.cross_entropy(outputs, targets) * (float("inf") if len(targets) == 3 else 1.0)

    arguments = {"use_amp": True, "amp_dtype": torch.float16, "criterion": Infinite()}
    torch.manual_seed(1)
    whole = make_trainer(callbacks=[SaveOnce(tmp_path / "run.pt", at=4)], **arguments)
    whole.fit(flat_batches, 2)
    assert read_checkpoint(tmp_path / "run.pt")["scaler_state_dict"]["scale"] == 2.0**15
    torch.manual_seed(1234)
    resumed = make_trainer(**arguments)
    resumed.load_checkpoint(tmp_path / "run.pt")
    resumed.fit(flat_batches, 2)
    assert resumed.precision.scaler.state_dict() == whole.precision.scaler.state_dict()
    assert resumed.precision.scaler.get_scale() == 2.0**14
    assert torch.equal(parameters_of(resumed), parameters_of(whole))


def test_a_newer_format_is_refused(make_trainer, tmp_path):
    trainer = make_trainer()
    trainer.save_checkpoint(tmp_path / "run.pt")
    write_checkpoint(tmp_path / "newer.pt", read_checkpoint(tmp_path / "run.pt") | {"format_version": 99})
    with pytest.raises(CheckpointError, match="it has the format 99; this version reads formats up to 1"):
        trainer.load_checkpoint(tmp_path / "newer.pt")


def test_frozen_parts_of_a_model_are_still_in_evaluation_mode(make_trainer, flat_batches, tmp_path):
    class Freeze(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            if batch_idx == 1:
                trainer.model[1].eval()

    torch.manual_seed(1)
    whole = make_trainer(callbacks=[Freeze(), SaveOnce(tmp_path / "run.pt", at=2)])
    whole.fit(flat_batches, 1)
    torch.manual_seed(1234)
    resumed = make_trainer()
    resumed.load_checkpoint(tmp_path / "run.pt")
    resumed.fit(flat_batches, 1)
    assert torch.equal(resumed.model[1].running_mean, whole.model[1].running_mean)
    assert torch.equal(parameters_of(resumed), parameters_of(whole))
