"""Checkpoint files under damage, kills and errors: nothing lost, nothing silently wrong."""

import contextlib
import errno
import os
import random
import signal
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import CheckpointError, Trainer
from adaptiveneuralnetwork.training.checkpoint import previous_path, read_checkpoint, write_checkpoint
from adaptiveneuralnetwork.training.model_state import load_model_state, model_state
from adaptiveneuralnetwork.training.plain import plain


@pytest.fixture
def file(make_trainer, tmp_path):
    path = tmp_path / "run.pt"
    make_trainer().save_checkpoint(path)
    return path


def test_every_flipped_bit_is_a_named_error(file):
    """1,500 flips spread over the file and every bit of its last 200 bytes, where archive and checksum end."""
    whole = file.read_bytes()
    generator = random.Random(0)
    flips = {generator.randrange(len(whole) * 8) for _ in range(1500)} | set(
        range((len(whole) - 200) * 8, len(whole) * 8)
    )
    assert len(flips) > 3000
    damaged = bytearray(whole)
    for bit in flips:
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"run\.pt: it is damaged|run\.pt: it holds more than"):
            read_checkpoint(file)
        damaged[bit // 8] = whole[bit // 8]


def test_every_truncation_and_every_addition_is_a_named_error(file):
    whole = file.read_bytes()
    for end in [*range(0, len(whole) - 400, 97), *range(len(whole) - 400, len(whole))]:
        file.write_bytes(whole[:end])
        with pytest.raises(CheckpointError, match=r"run\.pt: it"):
            read_checkpoint(file)
    file.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match=r"run\.pt: it"):
        read_checkpoint(file)


def test_plain_torch_reads_the_files_too(file):
    assert torch.load(file, weights_only=True)["format_version"] == 1


def test_the_previous_file_is_kept_named_and_taken_when_asked(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.pt"
    trainer = make_trainer()
    trainer.fit(flat_batches, 1)
    trainer.save_checkpoint(path)
    first = path.read_bytes()
    assert not previous_path(path).exists(), "there is none before the first"
    trainer.fit(flat_batches, 2)
    trainer.save_checkpoint(path)
    assert previous_path(path).read_bytes() == first
    path.write_bytes(b"PK" + path.read_bytes()[2:1000])

    again = make_trainer()
    with pytest.raises(CheckpointError, match=r"; the one before it is whole: .*run\.pt\.previous") as caught:
        again.load_checkpoint(path)
    assert caught.value.previous == previous_path(path)
    with pytest.warns(RuntimeWarning, match="it is taken instead"):
        state = again.load_checkpoint(path, fallback=True)
    assert state["epochs_completed"] == 1
    assert len(again.fit(flat_batches, 2)) == 2

    previous_path(path).write_bytes(b"")
    with pytest.raises(CheckpointError) as caught:
        make_trainer().load_checkpoint(path, fallback=True)
    assert caught.value.previous is None


WRITE_CALLS = ("fsync", "link", "rename", "replace", "chmod", "open", "unlink")


class FailAt:
    """Makes the ``number``-th call into the operating system fail, or kill the process."""

    def __init__(self, monkeypatch, number, act):
        self.left, self.act, self.fired = number, act, False
        for name in WRITE_CALLS:
            real = getattr(os, name)
            monkeypatch.setattr(os, name, self.wrapped(real))
        monkeypatch.setattr("torch.save", self.wrapped(torch.save))

    def wrapped(self, real):
        def call(*arguments, **named):
            self.left -= 1
            if self.left == 0:
                self.fired = True
                self.act()
            return real(*arguments, **named)

        return call


def fail_with(number):
    def act():
        raise OSError(number, os.strerror(number))

    return act


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_c30_an_error_at_any_call_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch, number):
    path = tmp_path / "run.pt"
    tried = 0
    for step in range(1, 50):
        write_checkpoint(path, {"value": "old"})
        with monkeypatch.context() as patch:
            failing = FailAt(patch, step, fail_with(number))
            with contextlib.suppress(OSError, CheckpointError):
                write_checkpoint(path, {"value": "new"})
        if not failing.fired:
            break
        tried += 1
        assert read_checkpoint(path)["value"] in ("old", "new")
    assert tried >= 8
    write_checkpoint(path, {"value": "again"})
    assert read_checkpoint(path) == {"value": "again"}


def test_c30_a_kill_at_any_call_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    write_checkpoint(path, {"value": "old"})
    outcomes = []
    for step in range(1, 50):
        child = os.fork()
        if child == 0:
            try:
                FailAt(monkeypatch, step, lambda: os.kill(os.getpid(), signal.SIGKILL))
                write_checkpoint(path, {"value": f"new {step}"})
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        outcomes.append(read_checkpoint(path)["value"])
        previous = previous_path(path)
        assert not previous.exists() or read_checkpoint(previous)["value"]
        if not os.WIFSIGNALED(status):
            break
    assert len(outcomes) > 8
    assert outcomes[0] == "old"
    assert outcomes[-1] == f"new {len(outcomes)}"


def test_c30_the_order_is_sync_then_rename_then_sync_of_the_folder(tmp_path, monkeypatch):
    events = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        events.append("folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file")
        real_fsync(descriptor)

    def replace(self, target):
        events.append(f"to {Path(target).name}")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    for _ in range(2):
        write_checkpoint(tmp_path / "run.pt", {})
    assert events == ["file", "to run.pt", "folder", "file", "to run.pt.previous", "to run.pt", "folder"]


def test_the_previous_file_is_kept_where_there_are_no_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "hardlink_to", lambda self, target: fail_with(errno.EPERM)())
    for value in (1, 2):
        write_checkpoint(tmp_path / "run.pt", {"value": value})
    assert read_checkpoint(tmp_path / "run.pt.previous") == {"value": 1}


@pytest.mark.parametrize("wrap", ["parallel", "compiled", "part"])
def test_c34_prefixes_of_wrappers_are_stripped_and_accepted(make_trainer, flat_batches, tmp_path, wrap):
    def wrapped():
        torch.manual_seed(7)
        model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 4))
        if wrap == "parallel":
            return nn.DataParallel(model)
        if wrap == "compiled":
            return torch.compile(model, backend="eager")
        model[0] = torch.compile(model[0], backend="eager")
        return model

    plain_model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 4))
    trainer = make_trainer(wrapped())
    trainer.fit(flat_batches, 1)
    trainer.save_checkpoint(tmp_path / "run.pt")
    state = read_checkpoint(tmp_path / "run.pt")
    assert list(state["model_state_dict"]) == list(plain_model.state_dict())
    bare = make_trainer(plain_model)
    bare.load_checkpoint(tmp_path / "run.pt")
    assert torch.equal(bare.model[0].weight, model_state(trainer.model)["0.weight"])
    bare.save_checkpoint(tmp_path / "bare.pt")
    again = make_trainer(wrapped())
    again.load_checkpoint(tmp_path / "bare.pt")
    assert torch.equal(model_state(again.model)["2.bias"], bare.model[2].bias)
    # A file that was saved with the prefixes, by other code.
    load_model_state(
        bare.model, OrderedDict((f"module.{name}", value + 1) for name, value in bare.model.state_dict().items())
    )
    assert torch.equal(bare.model[0].weight, model_state(trainer.model)["0.weight"] + 1)


def test_plain_converts_what_it_can_and_names_what_it_cannot():
    given = {
        "numbers": [np.float64(0.5), np.int32(3), np.bool_(True)],
        "array": np.arange(3),
        "path": Path("a/b"),
        "nested": ({"x": torch.ones(1)}, {1, 2}),
        np.int64(4): None,
    }
    content = plain(given)
    assert content["numbers"] == [0.5, 3, True]
    assert [type(number) for number in content["numbers"]] == [float, int, bool]
    assert torch.equal(content["array"], torch.arange(3))
    assert content["path"] == "a/b"
    assert type(next(reversed(content))) is int
    with pytest.raises(TypeError, match=r"state\['a'\]\[1\] is a builtins\.object"):
        plain({"a": [1, object()]})


def test_every_scheduler_of_torch_is_saved_and_restored(tmp_path):
    schedulers = optim.lr_scheduler
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)
    for number, scheduler in enumerate(
        [
            schedulers.MultiStepLR(optimizer, [1, 2, 2]),
            schedulers.OneCycleLR(optimizer, 0.1, total_steps=10),
            schedulers.ReduceLROnPlateau(optimizer),
            schedulers.SequentialLR(
                optimizer, [schedulers.ConstantLR(optimizer), schedulers.StepLR(optimizer, 1)], [1]
            ),
            schedulers.CosineAnnealingWarmRestarts(optimizer, 3),
        ]
    ):
        path = tmp_path / f"{number}.pt"
        write_checkpoint(path, {"scheduler": scheduler.state_dict()})
        read = read_checkpoint(path)["scheduler"]
        assert read == scheduler.state_dict()
        assert [type(value) for value in read.values()] == [type(value) for value in scheduler.state_dict().values()]


def test_a_models_full_state_goes_along(flat_batches, tmp_path):
    class Stateful(nn.Linear):
        """The legacy protocol: what is kept beside parameters and buffers is in the full state alone."""

        steps = 0

        def forward(self, inputs):
            self.steps += self.training
            return super().forward(inputs)

        def get_state_dict_full(self):
            return {"state": self.state_dict(), "steps": self.steps}

        def load_state_dict_full(self, state):
            self.load_state_dict(state["state"])
            self.steps = state["steps"]

    def trainer():
        model = Stateful(6, 4)
        return Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss(), device="cpu")

    one, other = trainer(), trainer()
    one.fit(flat_batches, 2)
    one.save_checkpoint(tmp_path / "run.pt")
    other.load_checkpoint(tmp_path / "run.pt")
    assert other.model.steps == 6
    assert torch.equal(one.model.weight, other.model.weight)
