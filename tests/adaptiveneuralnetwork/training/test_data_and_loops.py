"""What comes into the trainer and how much of it: limits, loaders, batches of any form, compiled models, isolation."""

import dataclasses
import random

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, RandomSampler, TensorDataset

from adaptiveneuralnetwork.training import Callback, Trainer, seed_everything


@pytest.fixture
def dataset(flat_batches):
    return TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))


class Batches(Callback):
    def __init__(self):
        self.seen = []

    def on_batch_end(self, batch_idx, trainer, logs=None):
        self.seen.append((trainer.current_epoch, batch_idx))


@pytest.mark.parametrize("with_length", [True, False])
def test_limits_stop_early_and_fetch_no_batch_more(make_trainer, flat_batches, with_length):
    fetched = []

    class Loader:
        def __iter__(self):
            for batch in flat_batches:
                fetched.append(len(batch[1]))
                yield batch

    if with_length:
        Loader.__len__ = lambda self: len(flat_batches)
    batches = Batches()
    trainer = make_trainer(callbacks=[batches], gradient_accumulation_steps=4)
    trainer.fit(Loader(), 2, val_loader=Loader(), limit_train_batches=2, limit_val_batches=1)
    assert batches.seen == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert fetched == [8, 8, 8] * 2
    assert trainer.global_step == 2, "the short window is stepped"
    assert trainer.num_batches == 2
    trainer.fit(flat_batches, 1, limit_train_batches=99)
    assert trainer.num_batches == 3
    for wrong, error in ((0, ValueError), (0.5, TypeError)):
        with pytest.raises(error, match="limit_val_batches must be"):
            trainer.fit(flat_batches, 1, limit_val_batches=wrong)


def test_a_limit_holds_for_fits_own_evaluation_only(make_trainer, flat_batches):
    counts = []

    class Evaluate(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None):
            counts.append(trainer.evaluate(flat_batches)["val_count"])

    class Count:
        def reset(self):
            self.count = 0

        def update(self, outputs, targets):
            self.count += 1

        def compute(self):
            return self.count

    trainer = make_trainer(callbacks=[Evaluate()], metrics={"count": Count()})
    (record,) = trainer.fit(flat_batches, 1, val_loader=flat_batches, limit_val_batches=2)
    assert record["val_count"] == 2
    assert counts == [3]


def test_a_fast_development_run_goes_through_everything_once(make_trainer, flat_batches):
    batches = Batches()
    trainer = make_trainer(callbacks=[batches])
    (record,) = trainer.fit(flat_batches, 50, val_loader=flat_batches, fast_dev_run=True)
    assert batches.seen == [(0, 0)]
    assert {"train_loss", "val_loss"} <= record.keys()


def test_c20_an_isolated_evaluation_draws_nothing_from_the_global_generators(make_trainer, dataset):
    class Noisy(TensorDataset):
        def __getitem__(self, index):
            random.random(), np.random.rand(), torch.rand(1)
            return super().__getitem__(index)

    def run(val_loader, **arguments):
        torch.manual_seed(3)
        trainer = make_trainer(**arguments)
        trainer.fit(DataLoader(dataset, 4, shuffle=True), 2, val_loader=val_loader)
        if val_loader is not None:
            trainer.predict(val_loader)
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()]), draws()

    def draws():
        return random.random(), np.random.rand(), float(torch.rand(1))

    noisy = DataLoader(Noisy(*dataset.tensors), 5, shuffle=True)
    seed_everything(1)
    weights, drawn = run(None, isolate_evaluation=True)
    seed_everything(1)
    isolated, drawn_after = run(noisy, isolate_evaluation=True)
    assert torch.equal(isolated, weights)
    assert drawn_after == drawn
    assert not torch.equal(run(noisy)[0], weights), "by default it draws, as every loop does"


def test_c24_samplers_are_told_the_epoch_before_they_are_iterated(make_trainer, dataset):
    class Noting(DistributedSampler):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.events = []

        def set_epoch(self, epoch):
            self.events.append(f"epoch {epoch}")
            super().set_epoch(epoch)

        def __iter__(self):
            self.events.append("iter")
            return super().__iter__()

    def run(replicas, in_batch_sampler=False, **arguments):
        sampler = Noting(dataset, replicas, 0)
        if in_batch_sampler:
            loader = DataLoader(dataset, batch_sampler=BatchSampler(sampler, 4, False))
        else:
            loader = DataLoader(dataset, 4, sampler=sampler)
        make_trainer(**arguments).fit(loader, 2)
        return sampler.events

    told = ["epoch 0", "iter", "epoch 1", "iter"]
    assert run(2) == told
    assert run(2, in_batch_sampler=True) == told
    assert run(1) == ["iter", "iter"], "a sampler that shards nothing is left alone, as the legacy loop left it"
    assert run(1, sampler_set_epoch=True) == told
    assert run(2, sampler_set_epoch=False) == ["iter", "iter"]


@dataclasses.dataclass
class Sample:
    features: torch.Tensor
    label: torch.Tensor
    name: str = "n"


@pytest.mark.parametrize(
    ("form", "split"),
    [
        (lambda x, y: {"x": x, "y": y}, lambda batch: (batch["x"], batch["y"])),
        (lambda x, y: Sample(x, y), lambda batch: (batch.features, batch.label)),
        (lambda x, y: (x, y, ["id"] * len(y)), lambda batch: batch[:2]),
    ],
    ids=["dict", "dataclass", "three parts"],
)
def test_c38_batches_of_any_form_with_a_split(make_trainer, flat_batches, form, split):
    expected, trainer = make_trainer(), make_trainer(batch_split=split)
    batches = [form(*batch) for batch in flat_batches]
    torch.manual_seed(1)
    history = expected.fit(flat_batches, 1, val_loader=flat_batches)
    torch.manual_seed(1)
    assert trainer.fit(batches, 1, val_loader=batches) == history
    assert torch.equal(trainer.predict(batches), expected.predict(flat_batches))


def test_c38_without_a_split_the_error_says_what_a_batch_is(make_trainer, flat_batches):
    with pytest.raises(TypeError, match=r"a batch must be a pair \(inputs, targets\), got dict"):
        make_trainer().fit([{"x": flat_batches[0][0]}], 1)
    with pytest.raises(TypeError, match="batch_split must be callable, got 'x'"):
        make_trainer(batch_split="x")


def test_compiled_models_train_as_others(flat_batches):
    def run(wrap):
        torch.manual_seed(0)
        model = wrap(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)))
        trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss(), device="cpu")
        return trainer.fit(flat_batches, 2, val_loader=flat_batches), trainer.predict(flat_batches)

    history, outputs = run(lambda model: model)
    compiled_history, compiled_outputs = run(lambda model: torch.compile(model, backend="eager"))
    assert compiled_history == history
    assert torch.equal(compiled_outputs, outputs)


def test_the_deterministic_switch_holds_during_fit(make_trainer, flat_batches):
    seen = []

    class Look(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            seen.append(torch.are_deterministic_algorithms_enabled())

    make_trainer(callbacks=[Look()], deterministic=True).fit(flat_batches, 1)
    make_trainer(callbacks=[Look()]).fit(flat_batches, 1)
    assert seen == [True] * 3 + [False] * 3
    assert not torch.are_deterministic_algorithms_enabled()


def test_objects_of_torchmetrics_are_metrics(make_trainer, flat_batches):
    torchmetrics = pytest.importorskip("torchmetrics")
    trainer = make_trainer(
        metrics={"accuracy_of_theirs": torchmetrics.classification.MulticlassAccuracy(4, average="micro")}
    )
    (record,) = trainer.fit(flat_batches, 1, val_loader=flat_batches)
    assert record["train_accuracy_of_theirs"] == pytest.approx(record["train_accuracy"])
    assert record["val_accuracy_of_theirs"] == pytest.approx(record["val_accuracy"])


def test_a_random_sampler_is_no_concern_of_set_epoch(make_trainer, dataset):
    loader = DataLoader(dataset, 4, sampler=RandomSampler(dataset))
    assert len(make_trainer(sampler_set_epoch=True).fit(loader, 1)) == 1
