import json

import pytest

from adaptiveneuralnetwork.training import Callback, TorchProfilerCallback


def events(path):
    """The trace's complete events, as a viewer reads them."""
    trace = json.loads(path.read_text())
    found = [event for event in trace["traceEvents"] if event.get("ph") == "X"]
    assert all({"name", "ts", "dur", "pid", "tid"} <= event.keys() for event in found)
    return found


def test_the_trace_has_the_active_batches_with_their_ranges(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "new" / "trace.json"
    profiler = TorchProfilerCallback(path, wait=1, warmup=1, active=2)
    make_trainer(callbacks=[profiler]).fit(flat_batches, num_epochs=3)
    found = events(path)
    names = [event["name"] for event in found]
    assert [names.count(name) for name in ("forward", "backward", "optimizer")] == [2, 2, 2]
    (forward, *_) = [event for event in found if event["name"] == "forward"]
    inside = [
        event["name"]
        for event in found
        if forward["ts"] <= event["ts"] and event["ts"] + event["dur"] <= forward["ts"] + forward["dur"]
    ]
    assert "aten::linear" in inside
    assert profiler.written
    assert [file.name for file in path.parent.iterdir()] == ["trace.json"]


def test_a_run_that_is_over_sooner_writes_what_there_is(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "trace.json"
    make_trainer(callbacks=[TorchProfilerCallback(path, wait=0, active=50)]).fit(flat_batches, num_epochs=1)
    assert [event["name"] for event in events(path)].count("forward") == 2


def test_it_is_stopped_when_training_fails(make_trainer, flat_batches, tmp_path):
    class Fail(Callback):
        def on_forward_end(self, batch_idx, trainer, logs=None):
            if batch_idx == 1:
                raise OSError("full")

    profiler = TorchProfilerCallback(tmp_path / "trace.json", wait=0)
    with pytest.raises(OSError, match="full"):
        make_trainer(callbacks=[profiler, Fail()]).fit(flat_batches, num_epochs=1)
    assert profiler._profile is None
    # Another profile can be made in the same process.
    again = TorchProfilerCallback(tmp_path / "again.json", wait=0, active=1)
    make_trainer(callbacks=[again]).fit(flat_batches, num_epochs=1)
    assert again.written


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="active must be at least 1, got 0"):
        TorchProfilerCallback(tmp_path / "trace.json", active=0)
    with pytest.raises(ValueError, match="wait must be at least 0, got -1"):
        TorchProfilerCallback(tmp_path / "trace.json", wait=-1)
