import io
import sys

import pytest

from adaptiveneuralnetwork.training import Callback, ProgressBarCallback


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_is_silent_where_stderr_is_no_terminal(make_trainer, flat_batches, capsys):
    make_trainer(progress_bar=True).fit(flat_batches, num_epochs=2)
    assert capsys.readouterr() == ("", "")


def test_it_draws_a_bar_for_each_epoch_on_a_terminal(make_trainer, flat_batches, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    make_trainer(callbacks=[ProgressBarCallback()]).fit(flat_batches, num_epochs=2)
    assert "Epoch 1/2" in terminal.getvalue()
    assert "3/3" in terminal.getvalue().split("Epoch 2/2")[-1]


def test_it_is_closed_when_training_fails(make_trainer, flat_batches, monkeypatch):
    class Failing(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            raise OSError("full")

    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = ProgressBarCallback()
    with pytest.raises(OSError, match="full"):
        make_trainer(callbacks=[bar, Failing()]).fit(flat_batches, num_epochs=1)
    assert bar._bar is None


def test_only_the_main_process_draws(make_trainer, flat_batches, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("RANK", "1")
    make_trainer(progress_bar=True).fit(flat_batches, num_epochs=1)
    assert terminal.getvalue() == ""
