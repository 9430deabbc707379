import pytest

from adaptiveneuralnetwork.training import Callback, LambdaCallback, Phase


def test_functions_are_called_as_hooks(make_trainer, flat_batches):
    seen = []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, trainer, logs: seen.append((epoch, logs["train_loss"])),
        on_train_end=lambda trainer, logs: seen.append("end"),
    )
    history = make_trainer(callbacks=[callback]).fit(flat_batches, num_epochs=2)
    assert seen == [(0, history[0]["train_loss"]), (1, history[1]["train_loss"]), "end"]


def test_it_has_a_phase(make_trainer, flat_batches):
    seen = []

    class Normal(Callback):
        def on_train_begin(self, trainer, logs=None):
            seen.append("normal")

    late = LambdaCallback(phase=Phase.PERSIST, on_train_begin=lambda trainer, logs: seen.append("late"))
    make_trainer(callbacks=[late, Normal()]).fit(flat_batches, num_epochs=1)
    assert seen == ["normal", "late"]


def test_a_wrong_hook_is_refused_with_the_right_name(make_trainer):
    with pytest.raises(TypeError, match=r"knows no hook 'on_epoch_start'; did you mean on_epoch_begin\?"):
        LambdaCallback(on_epoch_start=print)
    with pytest.raises(TypeError, match="knows no hook 'before'; the hooks are on_train_begin"):
        LambdaCallback(before=print)
    with pytest.raises(TypeError, match="on_epoch_end must be callable, got 3"):
        LambdaCallback(on_epoch_end=3)
    with pytest.raises(TypeError, match=r"LambdaCallback.on_epoch_end takes \(logs\), but is called with \(epoch, tr"):
        make_trainer(callbacks=[LambdaCallback(on_epoch_end=lambda logs: None)])


def test_the_plan_names_it(make_trainer, capsys):
    make_trainer(callbacks=[LambdaCallback(on_epoch_end=print)]).explain()
    assert "LambdaCallback.on_epoch_end" in capsys.readouterr().out
