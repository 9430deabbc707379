import time

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import ProfilingCallback, Trainer

TIMES = ("forward_times", "backward_times", "optimizer_times")


class SlowForward(nn.Linear):
    def forward(self, inputs):
        time.sleep(0.03)
        return super().forward(inputs)


class SlowBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        return inputs.clone()

    @staticmethod
    def backward(ctx, gradient):
        time.sleep(0.03)
        return gradient


class SlowBackwardLinear(nn.Linear):
    def forward(self, inputs):
        return SlowBackward.apply(super().forward(inputs))


class SlowStep(optim.SGD):
    def step(self, closure=None):
        time.sleep(0.03)
        return super().step(closure)


@pytest.mark.parametrize(
    ("layer", "optimizer", "slow"),
    [
        (SlowForward, optim.SGD, "forward_times"),
        (SlowBackwardLinear, optim.SGD, "backward_times"),
        (nn.Linear, SlowStep, "optimizer_times"),
    ],
)
def test_each_time_is_measured_where_it_is_spent(flat_batches, layer, optimizer, slow):
    model = layer(6, 4)
    profiling = ProfilingCallback()
    trainer = Trainer(
        model, optimizer(model.parameters(), lr=0.1), nn.CrossEntropyLoss(), device="cpu", callbacks=[profiling]
    )
    trainer.fit(flat_batches, num_epochs=2)
    metrics = profiling.get_metrics()
    assert {name: len(metrics[name]) for name in (*TIMES, "batch_times", "epoch_times")} == dict.fromkeys(
        (*TIMES, "batch_times"), 6
    ) | {"epoch_times": 2}
    # Sleeping takes at least its time; what runs beside it on a busy machine may take long, but hardly in every batch.
    assert min(metrics[slow]) >= 0.029
    for other in set(TIMES) - {slow}:
        assert min(metrics[other]) < 0.029
    for parts, whole in zip(zip(*(metrics[name] for name in TIMES), strict=True), metrics["batch_times"], strict=True):
        assert sum(parts) <= whole
    assert sum(metrics["batch_times"]) <= sum(metrics["epoch_times"])


def test_memory_is_measured_on_the_cpu_too(make_trainer, flat_batches):
    profiling = ProfilingCallback()
    make_trainer(callbacks=[profiling]).fit(flat_batches, num_epochs=1)
    ballast = torch.ones(32 * 2**20)  # 128 MiB that are really touched
    make_trainer(callbacks=[profiling]).fit(flat_batches, num_epochs=1)
    metrics = profiling.get_metrics()
    assert len(metrics["memory_allocated"]) == len(metrics["memory_reserved"]) == 6
    assert metrics["memory_allocated"][-1] - metrics["memory_allocated"][0] > 0.8 * ballast.nbytes
    assert metrics["memory_reserved"] == sorted(metrics["memory_reserved"])
    assert "memory_allocated" not in ProfilingCallback(profile_memory=False).get_metrics()


def test_within_a_window_only_the_last_batch_has_an_optimizer_time(make_trainer, flat_batches):
    profiling = ProfilingCallback()
    make_trainer(callbacks=[profiling], gradient_accumulation_steps=2).fit(flat_batches, num_epochs=1)
    metrics = profiling.get_metrics()
    assert (len(metrics["backward_times"]), len(metrics["optimizer_times"])) == (3, 2)


def test_the_lists_are_copies():
    profiling = ProfilingCallback()
    profiling.get_metrics()["batch_times"].append(1.0)
    assert profiling.get_metrics()["batch_times"] == []
