"""Hooks: their order, their dispatch, what they receive, and what happens when one raises."""

import re
from unittest.mock import Mock, create_autospec

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, CallbackList, Phase
from adaptiveneuralnetwork.training.callbacks import base
from adaptiveneuralnetwork.training.callbacks.base import HOOKS, RunHooks


class Events(Callback):
    """Records each hook with the keys of its logs; no super().__init__() anywhere."""

    def __init__(self, events, name=""):
        self.events = events
        self.name = name


def record(hook):
    def method(self, *arguments):
        logs = arguments[-1] if isinstance(arguments[-1], dict) else {}
        self.events.append((self.name + hook, *(a for a in arguments if isinstance(a, int)), tuple(logs)))

    return method


for hook in HOOKS:
    setattr(Events, hook, record(hook))


def test_c41_the_order_is_the_documented_one(make_trainer, flat_batches):
    events = []
    make_trainer(callbacks=[Events(events)]).fit(flat_batches[:2], num_epochs=1, val_loader=flat_batches[:1])

    def batch(index):
        return [
            ("on_batch_begin", index, ("batch_size",)),
            ("on_forward_end", index, ("batch_size", "loss")),
            ("on_backward_end", index, ("batch_size", "loss")),
            ("on_before_optimizer_step", ()),
            ("on_optimizer_step_end", ("skipped",)),
            ("on_batch_end", index, ("batch_size", "loss", "accuracy")),
        ]

    row = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    assert events == [
        ("on_train_begin", ()),
        ("on_epoch_begin", 0, ()),
        *batch(0),
        *batch(1),
        ("on_evaluate_begin", ()),
        ("on_evaluate_end", ("val_loss", "val_accuracy")),
        ("on_epoch_end", 0, row),
        ("on_train_end", row),
    ]


def test_c41_the_pseudo_code_names_each_hook_once_in_the_order_of_the_calls(make_trainer, flat_batches):
    events = []
    make_trainer(callbacks=[Events(events)]).fit(flat_batches[:1], num_epochs=1, val_loader=flat_batches[:1])
    documented = re.findall(r"^ +(on_\w+)", base.__doc__, flags=re.MULTILINE)
    assert documented == [event[0] for event in events] + ["on_exception"]
    assert sorted(documented) == sorted(HOOKS)


def phased(phase):
    return type("Phased", (Events,), {"phase": phase})


def test_phases_come_before_the_order_of_the_list(make_trainer, flat_batches):
    events = []
    given = [
        phased(Phase.PERSIST)(events, "checkpoint "),
        phased(Phase.RECORD)(events, "logger "),
        phased(Phase.NORMAL)(events, "a "),
        phased(Phase.DECIDE)(events, "scheduler "),
        phased(Phase.SETUP)(events, "timer "),
        Events(events, "b "),
    ]
    stopping = phased(Phase.DECIDE)(events, "stopping ")
    trainer = make_trainer(callbacks=given)
    history = trainer.fit(flat_batches[:1], num_epochs=1, early_stopping=stopping)
    order = ["timer", "a", "b", "scheduler", "stopping", "logger", "checkpoint"]
    names = [event[0].split() for event in events]
    assert [name for name, _ in names] == order * (len(events) // 7)
    assert len({hook for _, hook in names}) == len(HOOKS) - 3, "all but those of evaluation and exceptions"
    assert list(trainer.callbacks) == given, "the list itself stays as it was given"
    assert history.callbacks == (*given, stopping)


def test_a_phase_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"Phased\.phase must be one of SETUP, NORMAL, .* of Phase, got 'decide'"):
        CallbackList([phased("decide")([])])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("on_epoch_ended", "on_epoch_end"),
        ("on_epochs_end", "on_epoch_end"),
        ("on_epoch_start", "on_epoch_begin"),
        ("on_batch_started", "on_batch_begin"),
        ("onEpochEnd", "on_epoch_end"),
        ("on_train_start", "on_train_begin"),
        ("on_evaluation_end", "on_evaluate_end"),
        ("on_validation_start", "on_evaluate_begin"),
        ("on_val_end", "on_evaluate_end"),
        ("on_train_batch_end", "on_batch_end"),
        ("on_after_backward", "on_backward_end"),
        ("on_before_optimizer_steps", "on_before_optimizer_step"),
        ("on_optimizer_step_begin", "on_before_optimizer_step"),
        ("on_exceptions", "on_exception"),
    ],
)
def test_near_misses_are_refused_with_the_right_name(name, meant):
    message = rf"Mine\.{name} is no hook and would never be called; did you mean {meant}\?"
    with pytest.raises(TypeError, match=message):
        CallbackList([type("Mine", (Callback,), {name: lambda self, *arguments: None})()])
    with pytest.raises(TypeError, match=message):
        CallbackList([type("Mine", (), {name: lambda self, *arguments: None})()])
    callback = type("Mine", (Callback,), {})()
    setattr(callback, name, lambda *arguments: None)
    with pytest.raises(TypeError, match=message):
        CallbackList([callback])


@pytest.mark.parametrize("name", ["on_plateau", "on_step", "on_stop", "on_metric", "on_save", "one_epoch", "online"])
def test_names_of_ones_own_are_not(name):
    CallbackList([type("Mine", (Callback,), {name: lambda self: None})()])
    CallbackList([type("Mine", (Callback,), {"on_epoch_ended": True})()])  # no method


def test_parameters_that_do_not_fit_are_refused():
    def refused(hook, method):
        with pytest.raises(TypeError) as caught:
            CallbackList([type("Mine", (Callback,), {hook: method})()])
        return str(caught.value)

    assert refused("on_epoch_end", lambda self, trainer, logs=None: None) == (
        "Mine.on_epoch_end takes (trainer, logs=None), but is called with (epoch, trainer, logs); "
        "write def on_epoch_end(self, epoch, trainer, logs=None)"
    )
    assert "write def on_train_begin(self, trainer, logs=None)" in refused("on_train_begin", lambda self: None)
    assert "takes (trainer, epoch, logs)" in refused("on_epoch_begin", lambda self, trainer, epoch, logs: None)
    assert "def on_exception(self, trainer, exception)" in refused("on_exception", lambda self, trainer: None)
    assert "is called with" in refused("on_batch_end", lambda self, batch_idx, trainer, logs, more: None)


@pytest.mark.parametrize(
    "method",
    [
        lambda self, epoch, trainer, logs=None: None,
        lambda self, *arguments: None,
        lambda self, number, trainer, values, more=None, **rest: None,
        lambda self, e, t, l: None,  # noqa: E741
        staticmethod(lambda epoch, trainer, logs: None),
        print,
    ],
)
def test_parameters_that_fit_are_accepted(method):
    CallbackList([type("Mine", (Callback,), {"on_epoch_end": method})()])


def test_state_is_empty_by_default():
    callback = Callback()
    assert callback.state_dict() == {}
    callback.load_state_dict({})


def test_callbacks_are_called_in_their_order_in_every_hook(make_trainer, flat_batches):
    events = []
    make_trainer(callbacks=[Events(events, "a "), Events(events, "b ")]).fit(flat_batches, num_epochs=1)
    names = [event[0] for event in events]
    assert names[0::2] == ["a " + name[2:] for name in names[1::2]]


def test_hooks_see_numbers_that_are_right(make_trainer, flat_batches):
    seen = []

    class Reader(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            seen.append((f"{logs['loss']:.4f}", logs["batch_size"], logs["accuracy"]))
            assert isinstance(logs["loss"], float)
            assert isinstance(logs["accuracy"], float)

    trainer = make_trainer(callbacks=[Reader()])
    history = trainer.fit(flat_batches, num_epochs=1)
    assert [size for _, size, _ in seen] == [8, 8, 3]
    assert sum(float(loss) for loss, _, _ in seen) / 3 == pytest.approx(history[0]["train_loss"], abs=1e-4)
    assert seen[-1][2] == history[0]["train_accuracy"], "the accuracy so far"


def test_c42_what_a_callback_writes_the_next_sees_and_the_history_does_not(make_trainer, flat_batches):
    seen = []

    class Writer(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None):
            logs["train_loss"] = -1.0
            logs["mine"] = 1

    class Reader(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None):
            seen.append((logs["train_loss"], logs["mine"]))

    history = make_trainer(callbacks=[Writer(), Reader()]).fit(flat_batches, num_epochs=1)
    assert seen == [(-1.0, 1)]
    assert history[0]["train_loss"] > 0
    assert "mine" not in history[0]


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook not in ("on_exception", "on_train_end")])
def test_c41_when_a_hook_raises_everyone_is_told_and_nobody_hears_of_an_end(make_trainer, flat_batches, hook):
    events = []

    class Failing(Callback):
        pass

    def fail(self, *arguments):
        raise OSError("full")

    setattr(Failing, hook, fail)
    trainer = make_trainer(callbacks=[Events(events, "a "), Failing(), Events(events, "b ")])
    with pytest.raises(OSError, match="full") as caught:
        trainer.fit(flat_batches, num_epochs=1, val_loader=flat_batches)
    names = [event[0] for event in events]
    assert names[-2:] == ["a on_exception", "b on_exception"]
    assert not any("on_train_end" in name for name in names)
    assert caught.traceback[-1].name == "fail", "the original traceback is kept"
    trainer.callbacks = CallbackList()
    assert len(trainer.fit(flat_batches, num_epochs=1)) == 1, "and the trainer can be used again"


def test_a_failing_on_exception_hides_neither_the_error_nor_the_others(make_trainer):
    told = []

    class Bad(Callback):
        def on_exception(self, trainer, exception):
            raise RuntimeError("again")

    class Good(Callback):
        def on_exception(self, trainer, exception):
            told.append(exception)

    with pytest.raises(TypeError) as caught:
        make_trainer(callbacks=[Bad(), Good()]).fit([3], num_epochs=1)
    assert told == [caught.value]
    assert any("on_exception failed as well: RuntimeError: again" in note for note in caught.value.__notes__)


def test_keyboard_interrupt_is_reported_and_keeps_the_finished_epochs(make_trainer, flat_batches):
    told = []

    class Interrupt(Callback):
        def on_epoch_begin(self, epoch, trainer, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

        def on_exception(self, trainer, exception):
            told.append(type(exception))

    trainer = make_trainer(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(flat_batches, num_epochs=3)
    assert told == [KeyboardInterrupt]
    assert len(trainer.metrics_history) == 1


def test_only_overridden_hooks_are_dispatched():
    class Mine(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None): ...

    class Derived(Mine): ...

    by_hand = Callback()
    by_hand.on_batch_end = lambda batch_idx, trainer, logs=None: None
    hooks = RunHooks(CallbackList([Callback(), Mine(), Derived(), by_hand]))
    assert {name: len(getattr(hooks, name)) for name in HOOKS if getattr(hooks, name)} == {
        "on_epoch_end": 2,
        "on_batch_end": 1,
    }


def test_objects_with_hooks_and_mocks_count(make_trainer, flat_batches):
    class Duck:
        epochs = 0

        def on_epoch_end(self, epoch, trainer, logs=None):
            self.epochs += 1

    duck, mock, spec = Duck(), Mock(spec=Callback), create_autospec(Callback, instance=True)
    mock.metrics = spec.metrics = {}
    make_trainer(callbacks=[duck, mock, spec]).fit(flat_batches, num_epochs=2)
    assert duck.epochs == mock.on_epoch_end.call_count == spec.on_epoch_end.call_count == 2


def test_metrics_of_a_callback_are_in_the_logs_only(make_trainer, flat_batches):
    seen = []

    class Needs(Callback):
        def __init__(self):
            self.metrics = {"largest": lambda outputs, targets: outputs.max()}

        def on_batch_end(self, batch_idx, trainer, logs=None):
            assert "largest" in logs

        def on_epoch_end(self, epoch, trainer, logs=None):
            seen.append((logs["train_largest"], logs["val_largest"]))

    (record,) = make_trainer(callbacks=[Needs()]).fit(flat_batches, num_epochs=1, val_loader=flat_batches)
    assert all(type(value) is float for value in seen[0])
    assert not any("largest" in key for key in record)


@pytest.mark.usefixtures("as_on_an_accelerator")
def test_nobody_reading_means_no_wait_for_the_device(make_trainer, flat_batches, monkeypatch):
    class Silent(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None): ...

    reads = []
    item, to_float = torch.Tensor.item, torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "item", lambda self: (reads.append("item"), item(self))[1])
    monkeypatch.setattr(torch.Tensor, "__float__", lambda self: (reads.append("float"), to_float(self))[1])
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: pytest.fail("a step asked a tensor for its truth"))
    make_trainer(callbacks=[Silent()], optimizer=None).fit(flat_batches * 5, num_epochs=1)
    assert len(reads) <= 2, "one for the loss of the epoch, one for its accuracy"


def test_a_callback_list_can_be_used_by_itself():
    events = []
    callbacks = CallbackList([Events(events)])
    callbacks.append(Events(events, "b "))
    callbacks.call("on_train_begin", None, {})
    assert [event[0] for event in events] == ["on_train_begin", "b on_train_begin"]
    assert len(callbacks) == 2
    assert callbacks[0] in callbacks
    assert list(callbacks) == callbacks.callbacks
    with pytest.raises(ValueError, match="there is no hook 'on_start'; the hooks are on_train_begin"):
        callbacks.call("on_start")
