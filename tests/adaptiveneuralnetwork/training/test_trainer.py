"""The trainer, from its defaults to what it does when things go wrong."""

import contextlib
import json
import weakref

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import (
    Callback,
    CallbackList,
    EmptyLoaderError,
    History,
    Phase,
    Trainer,
    flatten_images,
)


def test_fit_returns_a_record_for_each_epoch(make_trainer, flat_batches):
    trainer = make_trainer()
    history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches[:1])
    assert type(history) is History
    assert history is trainer.metrics_history
    assert [list(record) for record in history] == [
        ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    ] * 2
    assert all(type(value) is float for record in history for key, value in record.items() if key != "epoch")
    assert 0 <= history[-1]["val_accuracy"] <= 1
    assert json.loads(json.dumps(history)) == history
    assert (trainer.num_epochs, trainer.current_epoch, trainer.global_step, trainer.num_batches) == (2, 1, 6, 3)


def test_the_numbers_are_those_of_the_loop_written_out(flat_batches):
    def parts():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 4))
        return model, optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss(label_smoothing=0.1)

    model, optimizer, criterion = parts()
    torch.manual_seed(2)
    history = Trainer(model, optimizer, criterion, device="cpu").fit(
        flat_batches, num_epochs=3, val_loader=flat_batches
    )

    reference, optimizer, criterion = parts()
    torch.manual_seed(2)
    for record in history:
        reference.train()
        losses, correct = [], 0
        for inputs, targets in flat_batches:
            optimizer.zero_grad()
            outputs = reference(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            correct += int((outputs.argmax(1) == targets).sum())
        assert record["train_loss"] == sum(losses) / 3
        assert record["train_accuracy"] == correct / 19
        reference.eval()
        with torch.no_grad():
            assert record["val_loss"] == sum(criterion(reference(x), y).item() for x, y in flat_batches) / 3
    for one, other in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


def test_regression_leaves_accuracy_out(make_trainer):
    batches = [(torch.randn(5, 6), torch.randn(5, 1))]
    trainer = make_trainer(nn.Linear(6, 1), criterion=nn.MSELoss())
    (record,) = trainer.fit(batches, num_epochs=1, val_loader=batches)
    assert list(record) == ["epoch", "train_loss", "val_loss"]


def test_any_callable_is_a_criterion_and_any_nest_a_batch():
    class TwoInputs(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, inputs):
            return {"logits": self.layer(inputs["left"] + inputs["right"][0])}

    model = TwoInputs()
    batches = [({"left": torch.ones(4, 3), "right": [torch.ones(4, 3)], "name": "a"}, torch.zeros(4, dtype=torch.long))]
    trainer = Trainer(
        model,
        optim.SGD(model.parameters(), lr=0.1),
        lambda outputs, targets: nn.functional.cross_entropy(outputs["logits"], targets),
        device="cpu",
    )
    history = trainer.fit(batches, num_epochs=3)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert trainer.predict(batches)[0]["logits"].shape == (4, 2)


@pytest.mark.parametrize("num_epochs", [0, -3, False])
def test_no_epochs_train_nothing(make_trainer, flat_batches, num_epochs):
    events = []

    class Events(Callback):
        def on_train_begin(self, trainer, logs=None):
            events.append("begin")

        def on_train_end(self, trainer, logs=None):
            events.append("end")

    trainer = make_trainer(callbacks=[Events()])
    before = [parameter.clone() for parameter in trainer.model.parameters()]
    assert trainer.fit(flat_batches, num_epochs) == []
    assert events == ["begin", "end"]
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.model.parameters(), strict=True))


def test_integers_of_any_kind_are_epochs(make_trainer, flat_batches):
    assert len(make_trainer().fit(flat_batches, np.int64(2))) == 2
    assert len(make_trainer().fit(flat_batches, True)) == 1
    for wrong in (1.0, "3", None):
        with pytest.raises(TypeError, match="num_epochs must be an integer, got"):
            make_trainer().fit(flat_batches, wrong)


def test_each_fit_starts_afresh_and_goes_on_with_weights_and_optimizer(make_trainer, flat_batches):
    callbacks = [Callback()]
    trainer = make_trainer(callbacks=callbacks)
    first = trainer.fit(flat_batches, num_epochs=2, early_stopping=Callback())
    second = trainer.fit(flat_batches, num_epochs=1, early_stopping=Callback())
    assert [record["epoch"] for record in first] == [0, 1]
    assert [record["epoch"] for record in second] == [0]
    assert len(trainer.callbacks) == len(callbacks) == 1, "c7: neither list grows"
    assert trainer.global_step == 9


def test_batch_transform_is_applied_everywhere(make_trainer, batches, flat_batches):
    trainer = make_trainer(batch_transform=flatten_images)
    other = make_trainer()
    torch.manual_seed(4)
    history = trainer.fit(batches, num_epochs=1, val_loader=batches)
    torch.manual_seed(4)
    assert other.fit(flat_batches, num_epochs=1, val_loader=flat_batches) == history
    assert torch.equal(trainer.predict(batches), other.predict(flat_batches))


def test_custom_metrics_of_both_kinds(make_trainer, flat_batches):
    calls = []

    def confidence(outputs, targets):
        calls.append((outputs.requires_grad, torch.is_grad_enabled()))
        return outputs.softmax(1).max(1).values.mean()

    class Count:
        def reset(self):
            self.count = 0

        def update(self, outputs, targets):
            self.count += len(targets)

        def compute(self):
            return self.count

        count = 0

    trainer = make_trainer(metrics={"confidence": confidence, "count": Count()})
    history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches[:2])
    assert [record["train_count"] for record in history] == [19, 19], "c36: reset each epoch"
    assert history[0]["val_count"] == 16
    assert 0.25 <= history[0]["val_confidence"] <= 1
    assert type(history[0]["train_confidence"]) is float
    assert calls == [(False, False)] * 10, "c36: once a batch, without gradients"
    assert trainer.evaluate(flat_batches, metrics={"more": lambda outputs, targets: 2.0})["val_more"] == 2.0


def test_a_seed_makes_runs_repeat(flat_batches):
    def run(seed):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5))
        loader = DataLoader(
            TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True))), 4, shuffle=True
        )
        trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss(), device="cpu", seed=seed)
        return trainer.fit(loader, num_epochs=2)

    assert run(1) == run(1) != run(2)


def test_schedulers_are_stepped_as_they_want_to_be(make_trainer, flat_batches, recwarn):
    trainer = make_trainer()
    scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, step_size=1, gamma=0.5)
    trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches, scheduler=scheduler)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    trainer = make_trainer()
    seen = []
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer)
    step = scheduler.step
    scheduler.step = lambda metric: (seen.append(metric), step(metric))
    with_val = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches, scheduler=scheduler)
    without = trainer.fit(flat_batches, num_epochs=1, scheduler=scheduler)
    assert seen == [*with_val.column("val_loss"), *without.column("train_loss")], "c15"
    assert not [warning for warning in recwarn if "scheduler" in str(warning.message)], "c14: no warning of torch's"


def test_stop_training_ends_after_the_epoch_and_normally(make_trainer, flat_batches):
    ended = []

    class Stop(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            trainer.stop_training = True

        def on_train_end(self, trainer, logs=None):
            ended.append(dict(logs))

    trainer = make_trainer(callbacks=[Stop()])
    history = trainer.fit(flat_batches, num_epochs=9)
    assert len(history) == 1
    assert ended == [history[-1]]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_stop_at_step_ends_within_the_epoch_but_not_within_a_window(make_trainer, flat_batches, accumulation):
    ended = []

    class Stop(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            if (trainer.current_epoch, batch_idx) == (1, 0):
                trainer.stop_at_step = True

        def on_train_end(self, trainer, logs=None):
            ended.append(dict(logs))

    trainer = make_trainer(callbacks=[Stop()], gradient_accumulation_steps=accumulation)
    history = trainer.fit([*flat_batches, *flat_batches], num_epochs=9, val_loader=flat_batches)
    assert [record["epoch"] for record in history] == [0]
    assert ended == [history[-1]], "a normal end"
    assert trainer.global_step == 6 // accumulation + 1
    trainer.callbacks = CallbackList()
    assert len(trainer.fit(flat_batches, num_epochs=1)) == 1, "the next run is not stopped"
    before = trainer.global_step
    trainer.stop_at_step = True
    trainer.train_epoch(flat_batches)
    assert trainer.global_step - before == (3 + accumulation - 1) // accumulation


def test_stop_at_step_in_the_last_batch_completes_the_epoch(make_trainer, flat_batches):
    class Stop(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            trainer.stop_at_step = batch_idx == 2

    (record,) = make_trainer(callbacks=[Stop()]).fit(flat_batches, num_epochs=9, val_loader=flat_batches)
    assert "val_loss" in record


def test_one_iterator_an_epoch_and_no_look_ahead(make_trainer, flat_batches):
    events = []

    class Loader:
        def __iter__(self):
            events.append("iter")
            for batch in flat_batches:
                events.append("next")
                yield batch

    class Steps(Callback):
        def on_optimizer_step_end(self, trainer, logs=None):
            events.append("step")

    make_trainer(callbacks=[Steps()]).fit(Loader(), num_epochs=2)
    assert events == ["iter", *["next", "step"] * 3] * 2


def test_c17_modes_are_left_in_evaluation_or_kept_by_the_switch(make_trainer, flat_batches):
    trainer = make_trainer()
    trainer.model.train()
    trainer.evaluate(flat_batches)
    assert not trainer.model.training
    trainer = make_trainer(preserve_modes=True)
    trainer.model.train()
    trainer.model[1].eval()
    for call in (trainer.evaluate, trainer.predict):
        call(flat_batches)
        assert [module.training for module in trainer.model] == [True, False, True, True, True]
    with pytest.raises(TypeError):
        trainer.evaluate([3])
    assert [module.training for module in trainer.model] == [True, False, True, True, True], "also on an exception"


def test_c18_fit_works_where_the_caller_switched_gradients_off(make_trainer, flat_batches):
    def run(context):
        trainer = make_trainer()
        torch.manual_seed(1)
        with context():
            enabled = torch.is_grad_enabled()
            history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches)
            record, epoch = trainer.evaluate(flat_batches), trainer.train_epoch(flat_batches)
            assert torch.is_grad_enabled() is enabled
        return history, record, epoch, [parameter.grad.tolist() for parameter in trainer.model.parameters()]

    expected = run(contextlib.nullcontext)
    for context in (torch.no_grad, torch.inference_mode):
        assert run(context) == expected
    with torch.inference_mode():
        pass
    assert run(contextlib.nullcontext) == expected, "and afterwards"


def test_c19_evaluating_from_a_callback_disturbs_nothing(make_trainer, flat_batches):
    class Nosy(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            state = torch.get_rng_state()
            epoch, step, stop = trainer.current_epoch, trainer.global_step, trainer.stop_training
            trainer.evaluate(flat_batches)
            torch.set_rng_state(state)
            assert trainer.model.training
            assert (trainer.current_epoch, trainer.global_step, trainer.stop_training) == (epoch, step, stop)

    class Stop(Callback):
        phase = Phase.SETUP

        def on_batch_begin(self, batch_idx, trainer, logs=None):
            trainer.stop_training = trainer.current_epoch == 1

    def run(callbacks):
        trainer = make_trainer(callbacks=[Stop(), *callbacks])
        torch.manual_seed(3)
        return trainer.fit(flat_batches, num_epochs=5, val_loader=flat_batches), [
            parameter.tolist() for parameter in trainer.model.parameters()
        ]

    assert run([Nosy()]) == run([])
    assert len(run([Nosy()])[0]) == 2


def test_c22_the_same_seed_gives_the_same_run_with_workers_too(flat_batches):
    dataset = TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))

    def run(workers):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5))
        trainer = Trainer(
            model,
            optim.SGD(model.parameters(), lr=0.1),
            nn.CrossEntropyLoss(),
            device="cpu",
            seed=1,
            metrics={"largest": lambda outputs, targets: outputs.max()},
        )
        history = trainer.fit(DataLoader(dataset, 4, shuffle=True, num_workers=workers), num_epochs=2)
        return history, [parameter.tolist() for parameter in model.parameters()]

    torch.rand(1)
    first = run(0)
    torch.rand(7)
    assert run(0) == first
    assert run(2) == run(2)


def test_c35_empty_loaders_are_named(make_trainer, flat_batches):
    with pytest.raises(EmptyLoaderError, match="train_loader gave no batch"):
        make_trainer().fit([], num_epochs=1)
    with pytest.raises(ZeroDivisionError, match="the evaluation loader gave no batch"):
        make_trainer().fit(flat_batches, num_epochs=1, val_loader=[])
    with pytest.raises(ValueError, match="the prediction loader gave no batch"):
        make_trainer().predict([])


def test_c36_functions_are_called_once_a_batch_on_outputs_without_a_graph(make_trainer, flat_batches):
    calls = []

    def note(outputs, targets):
        calls.append((len(targets), outputs.requires_grad, torch.is_grad_enabled()))
        return outputs.max()

    make_trainer(metrics={"largest": note}).fit(flat_batches, num_epochs=1, val_loader=flat_batches[:1])
    assert calls == [(8, False, False), (8, False, False), (3, False, False), (8, False, False)]


def test_c36_objects_are_reset_each_epoch(make_trainer, flat_batches):
    class Count:
        def reset(self):
            self.samples = 0

        def update(self, outputs, targets):
            self.samples += len(targets)

        def compute(self):
            return self.samples

    trainer = make_trainer(metrics={"samples": Count()})
    history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches[2:])
    assert history.column("train_samples") == [19, 19]
    assert history.column("val_samples") == [3, 3]
    assert trainer.evaluate(flat_batches[:1])["val_samples"] == 8


def test_c7_fit_doubles_no_callback_and_leaves_the_callers_list_alone(make_trainer, flat_batches):
    class Count(Callback):
        epochs = 0

        def on_epoch_end(self, epoch, trainer, logs=None):
            self.epochs += 1

    given, extra = [Count()], Count()
    trainer = make_trainer(callbacks=given, progress_bar=True)
    for _ in range(2):
        trainer.fit(flat_batches, num_epochs=3, early_stopping=extra)
    assert (given[0].epochs, extra.epochs) == (6, 6)
    assert len(given) == 1
    assert len(trainer.callbacks) == 2, "the one given and the bar"


def test_c39_no_graph_is_kept_between_batches(make_trainer, flat_batches):
    outputs = []
    trainer = make_trainer(metrics={"sum": lambda outputs, targets: outputs.sum()})
    trainer.model.register_forward_hook(lambda module, inputs, output: outputs.append(weakref.ref(output)))
    trainer.fit(flat_batches * 4, num_epochs=1)
    assert len(outputs) == 12
    assert all(reference() is None for reference in outputs)


def test_c40_a_move_that_replaces_parameters_is_refused():
    class Replacing(nn.Linear):
        def to(self, *args, **kwargs):
            self.weight = nn.Parameter(self.weight.detach().clone())
            return self

    model = Replacing(2, 2)
    with pytest.raises(ValueError, match="moving the model to cpu replaced its parameters"):
        Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss(), device="cpu")
    extra = nn.Parameter(torch.zeros(1))
    model = nn.Linear(2, 2)
    Trainer(model, optim.SGD([*model.parameters(), extra], lr=0.1), nn.CrossEntropyLoss(), device="cpu")


def test_predict_gives_all_outputs_in_order(make_trainer, flat_batches):
    trainer = make_trainer()
    trainer.model.eval()
    expected = torch.cat([trainer.model(inputs) for inputs, _ in flat_batches]).detach()
    assert torch.equal(trainer.predict(flat_batches), expected)
    assert torch.equal(trainer.predict([inputs for inputs, _ in flat_batches]), expected)


MODEL = nn.Linear(2, 2)
OPTIMIZER = optim.SGD(MODEL.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": lambda x: x}, TypeError, "model must be an nn.Module, got <function"),
        ({"optimizer": optim.SGD}, TypeError, "optimizer must be a torch.optim.Optimizer, got <class"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be a torch.optim.Optimizer, got 0.1"),
        ({"criterion": "mse"}, TypeError, "criterion must be callable, got 'mse'"),
        ({"device": 3}, TypeError, "device must be a torch.device or its name.*got 3"),
        ({"device": "gpu"}, ValueError, "device must be a name such as 'cpu' or 'cuda:0', got 'gpu'"),
        ({"callbacks": Callback()}, TypeError, r"callbacks must be a list of callbacks.*\[it\]"),
        ({"callbacks": [Callback]}, TypeError, r"callbacks takes instances.*write Callback\(\)"),
        ({"callbacks": [3]}, TypeError, "a callback must be a Callback.*got 3"),
        ({"gradient_accumulation_steps": 0}, ValueError, "gradient_accumulation_steps must be at least 1, got 0"),
        ({"gradient_accumulation_steps": 1.5}, TypeError, "gradient_accumulation_steps must be an integer.*got 1.5"),
        ({"max_grad_norm": 0}, ValueError, "max_grad_norm must be greater than 0, or None.*got 0"),
        ({"max_grad_norm": "1"}, TypeError, "max_grad_norm must be a number.*got '1'"),
        ({"seed": 1.0}, TypeError, "seed must be an integer.*got 1.0"),
        ({"metrics": {"m": 3}}, TypeError, r"metrics\['m'\] must be a function"),
        ({"batch_transform": 3}, TypeError, "batch_transform must be callable, got 3"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        Trainer(**({"model": MODEL, "optimizer": OPTIMIZER, "criterion": nn.MSELoss(), "device": "cpu"} | arguments))
