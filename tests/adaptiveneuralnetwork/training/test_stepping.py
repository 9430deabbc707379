"""Accumulation, clipping and scaling, against a large batch and against plain PyTorch."""

import copy

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Callback, Trainer


class GradientsAtStep(Callback):
    def __init__(self) -> None:
        self.gradients: list[list[torch.Tensor]] = []

    def on_before_optimizer_step(self, trainer, logs=None):
        self.gradients.append([parameter.grad.clone() for parameter in trainer.model.parameters()])


def make_data(*sizes: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(size, 5, generator=generator, dtype=torch.float64),
            torch.randint(0, 3, (size,), generator=generator),
        )
        for size in sizes
    ]


def gradients_of(batches: object, accumulation_steps: int) -> list[list[torch.Tensor]]:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    recorder = GradientsAtStep()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(
        model,
        optimizer,
        nn.CrossEntropyLoss(),
        device="cpu",
        callbacks=[recorder],
        gradient_accumulation_steps=accumulation_steps,
    )
    trainer.fit(batches, num_epochs=1)
    return recorder.gradients


def merged(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([inputs for inputs, _ in batches]), torch.cat([targets for _, targets in batches])


def assert_close(actual: list[list[torch.Tensor]], expected: list[list[torch.Tensor]]) -> None:
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(4, 4), (4, 4, 4, 4)])
def test_c1_equal_micro_batches_give_the_gradients_of_one_batch(sizes):
    batches = make_data(*sizes)
    whole = [merged(batches[start : start + 2]) for start in range(0, len(sizes), 2)]
    assert_close(gradients_of(batches, 2), gradients_of(whole, 1))


@pytest.mark.parametrize("sizes", [(4, 4, 4), (4, 2, 3, 1, 5), (1, 7, 2)])
def test_c2_short_windows_and_unequal_micro_batches_give_the_gradients_of_one_batch(sizes):
    batches = make_data(*sizes)
    whole = [merged(batches[start : start + 2]) for start in range(0, len(sizes), 2)]
    assert_close(gradients_of(batches, 2), gradients_of(whole, 1))


def test_c3_a_window_longer_than_the_epoch_gives_one_unscaled_step():
    batches = make_data(4, 4, 2)
    assert_close(gradients_of(batches, 8), gradients_of([merged(batches)], 1))


def test_c4_a_loader_without_length_steps_its_last_window_too():
    class Stream:
        def __init__(self, batches):
            self.batches = batches

        def __iter__(self):
            return iter(self.batches)

    batches = make_data(4, 4, 2)
    assert_close(gradients_of(Stream(batches), 2), gradients_of(batches, 2))


def test_c5_gradients_left_by_user_code_do_not_leak_into_the_first_window(make_trainer, flat_batches):
    clean, stale = make_trainer(), make_trainer()
    for parameter in stale.model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    torch.manual_seed(0)
    clean.fit(flat_batches, num_epochs=1)
    torch.manual_seed(0)
    stale.fit(flat_batches, num_epochs=1)
    for ours, theirs in zip(clean.model.parameters(), stale.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_c6_the_logged_loss_does_not_depend_on_accumulation():
    def loss(accumulation_steps: int) -> float:
        torch.manual_seed(1)
        model = nn.Linear(5, 3).double()
        optimizer = optim.SGD(model.parameters(), lr=1e-30)  # so small that the weights stay
        trainer = Trainer(
            model, optimizer, nn.CrossEntropyLoss(), device="cpu", gradient_accumulation_steps=accumulation_steps
        )
        return trainer.fit(make_data(4, 4, 3), num_epochs=1)[0]["train_loss"]

    assert loss(1) == loss(2) == loss(5)


def test_gradients_stay_after_training_as_the_last_step_left_them(make_trainer, flat_batches):
    trainer = make_trainer()
    trainer.fit(flat_batches, num_epochs=1)
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in trainer.model.parameters()
    )


def test_c13_clipping_is_that_of_torch_and_tolerates_parameters_without_gradients(flat_batches):
    def model_of() -> nn.Sequential:
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))
        model[0].weight.requires_grad_(False)
        model.register_parameter("unused", nn.Parameter(torch.ones(3)))
        return model

    ours, theirs = model_of(), model_of()
    optimizer = optim.SGD(ours.parameters(), lr=1.0)
    Trainer(ours, optimizer, nn.CrossEntropyLoss(), device="cpu", max_grad_norm=0.01).fit(flat_batches, num_epochs=2)
    optimizer = optim.SGD(theirs.parameters(), lr=1.0)
    for _ in range(2):
        for inputs, targets in flat_batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(theirs(inputs), targets).backward()
            assert nn.utils.clip_grad_norm_(theirs.parameters(), 0.01) > 0.01
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


def test_clipping_and_the_hook_before_it_see_the_window_normalised_gradients():
    batches = make_data(4, 4, 2)
    torch.manual_seed(1)
    model = nn.Linear(5, 3).double()
    reference = copy.deepcopy(model)
    norms = []

    class Norms(Callback):
        def on_optimizer_step_end(self, trainer, logs=None):
            norms.append(logs["grad_norm"])
            assert logs["skipped"] is False

    optimizer = optim.SGD(model.parameters(), lr=0.0)
    trainer = Trainer(
        model,
        optimizer,
        nn.CrossEntropyLoss(),
        device="cpu",
        callbacks=[Norms()],
        gradient_accumulation_steps=2,
        max_grad_norm=0.5,
    )
    trainer.fit(batches, num_epochs=1)
    for (inputs, targets), norm in zip([merged(batches[:2]), batches[2]], norms, strict=True):
        reference.zero_grad()
        nn.functional.cross_entropy(reference(inputs), targets).backward()
        assert norm == pytest.approx(
            float(nn.utils.get_total_norm([p.grad for p in reference.parameters()])), abs=1e-12
        )
    assert trainer.global_step == 2


def test_c11_amp_on_the_cpu_is_bfloat16_without_scaling(make_trainer, flat_batches):
    dtypes = []
    trainer = make_trainer(use_amp=True)
    trainer.model[0].register_forward_hook(
        lambda module, inputs, output: dtypes.append((output.dtype, torch.is_autocast_enabled("cpu")))
    )
    history = trainer.fit(flat_batches, num_epochs=1, val_loader=flat_batches)
    assert set(dtypes) == {(torch.bfloat16, True)}
    assert len(dtypes) == 6
    assert trainer.precision.scaler is not None
    assert not trainer.precision.scaler.is_enabled()
    assert all(parameter.dtype is torch.float32 for parameter in trainer.model.parameters())
    assert history[0]["train_loss"] > 0
    assert trainer.predict(flat_batches).dtype is torch.bfloat16


def window_gradients(criterion, batches, accumulation_steps, make_model):
    torch.manual_seed(1)
    model = make_model().double()
    recorder = GradientsAtStep()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    arguments = {"device": "cpu", "callbacks": [recorder], "gradient_accumulation_steps": accumulation_steps}
    Trainer(model, optimizer, criterion, **arguments).fit(batches, num_epochs=1)
    return recorder.gradients


@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(ignore_index=0),
        nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)),
        nn.CrossEntropyLoss(ignore_index=2, weight=torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.MultiMarginLoss(),
    ],
    ids=lambda criterion: repr(criterion),
)
@pytest.mark.parametrize("sizes", [(4, 4), (4, 2, 3, 1, 5), (1, 7, 2)])
def test_c2_a_window_counts_what_the_criterion_counts(criterion, sizes):
    batches = make_data(*sizes)
    whole = [merged(batches[start : start + 2]) for start in range(0, len(sizes), 2)]

    def model():
        return nn.Linear(5, 3)

    assert_close(window_gradients(criterion, batches, 2, model), window_gradients(criterion, whole, 1, model))


def test_c2_tokens_count_not_sequences_and_an_ignored_batch_counts_nothing():
    class PerToken(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs).transpose(1, 2)

    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(6, 4, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 3, (6, 4), generator=generator)
    targets[0:2] = -100  # the first batch has nothing that counts: its own mean is NaN
    targets[3, 1:] = -100
    batches = [(inputs[start : start + 2], targets[start : start + 2]) for start in (0, 2, 4)]

    def model():
        return PerToken(5, 3)

    criterion = nn.CrossEntropyLoss()
    expected = window_gradients(criterion, [(inputs, targets)], 1, model)
    assert_close(window_gradients(criterion, batches, 3, model), expected)
    assert all(bool(gradient.isfinite().all()) for gradient in expected[0])
