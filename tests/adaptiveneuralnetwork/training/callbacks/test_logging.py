import io
import re
import sys

import pytest

from adaptiveneuralnetwork.training import LoggingCallback


def test_a_line_every_interval_and_a_summary_each_epoch(make_trainer, flat_batches, capsys):
    make_trainer(callbacks=[LoggingCallback(log_interval=2)]).fit(flat_batches, num_epochs=2, val_loader=flat_batches)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Training Sequential (69 parameters) on cpu"
    assert lines[-1] == "Training finished"
    assert [
        re.match(r"Epoch (\d), batch (\d): loss \d+\.\d{4}, accuracy \d\.\d{4}$", line).groups()
        for line in lines
        if "batch" in line
    ] == [("1", "0"), ("1", "2"), ("2", "0"), ("2", "2")]
    summaries = [line for line in lines if re.match(r"Epoch \d/2: ", line)]
    assert len(summaries) == 2
    assert all(name in summaries[0] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", " s)"))


def test_not_verbose_leaves_the_summaries(make_trainer, flat_batches, capsys):
    make_trainer(callbacks=[LoggingCallback(1, verbose=False)]).fit(flat_batches, num_epochs=1)
    assert ", batch " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("10", TypeError), (True, TypeError)]
)
def test_a_wrong_interval_is_named(value, error):
    with pytest.raises(error, match=r"log_interval must be .*got"):
        LoggingCallback(log_interval=value)


def test_only_the_main_process_prints_and_every_line_comes_at_once(make_trainer, flat_batches, monkeypatch):
    class Pipe(io.StringIO):
        flushed = 0

        def flush(self):
            self.flushed = len(self.getvalue().splitlines())

    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", pipe)
    make_trainer(callbacks=[LoggingCallback()]).fit(flat_batches, num_epochs=1)
    assert pipe.flushed == len(pipe.getvalue().splitlines()) > 0
    monkeypatch.setenv("RANK", "1")
    before = pipe.getvalue()
    make_trainer(callbacks=[LoggingCallback()]).fit(flat_batches, num_epochs=1)
    assert pipe.getvalue() == before
