import os
import pickle
import stat

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Callback, CheckpointError
from adaptiveneuralnetwork.training.checkpoint import read_checkpoint, write_checkpoint


class SaveAt(Callback):
    def __init__(self, epoch, path):
        self.epoch = epoch
        self.path = path

    def on_epoch_end(self, epoch, trainer, logs=None):
        if epoch == self.epoch:
            trainer.save_checkpoint(self.path)


def states_equal(one: dict, other: dict) -> bool:
    if one.keys() != other.keys():
        return False
    return all(
        torch.equal(value, other[key])
        if isinstance(value, torch.Tensor)
        else states_equal(value, other[key])
        if isinstance(value, dict)
        else value == other[key]
        for key, value in one.items()
    )


def test_a_resumed_run_ends_as_the_run_that_was_never_stopped(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "folder" / "run.pt"
    whole = make_trainer(callbacks=[SaveAt(1, path)])
    torch.manual_seed(5)
    scheduler = optim.lr_scheduler.StepLR(whole.optimizer, step_size=2, gamma=0.5)
    history = whole.fit(flat_batches, num_epochs=5, val_loader=flat_batches, scheduler=scheduler)

    torch.manual_seed(999)
    resumed = make_trainer()
    state = resumed.load_checkpoint(path)
    assert state["epochs_completed"] == 2
    scheduler = optim.lr_scheduler.StepLR(resumed.optimizer, step_size=2, gamma=0.5)
    assert resumed.fit(flat_batches, num_epochs=5, val_loader=flat_batches, scheduler=scheduler) == history
    assert states_equal(resumed.model.state_dict(), whole.model.state_dict())
    assert states_equal(resumed.optimizer.state_dict()["state"], whole.optimizer.state_dict()["state"])
    assert resumed.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"]
    assert resumed.global_step == whole.global_step == 15


def test_c7_only_the_first_fit_after_loading_continues(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer()
    trainer.fit(flat_batches, num_epochs=2)
    trainer.save_checkpoint(tmp_path / "run.pt")
    resumed = make_trainer()
    resumed.load_checkpoint(tmp_path / "run.pt")
    assert [record["epoch"] for record in resumed.fit(flat_batches, num_epochs=3)] == [0, 1, 2]
    assert [record["epoch"] for record in resumed.fit(flat_batches, num_epochs=1)] == [0]
    again = make_trainer()
    again.load_checkpoint(tmp_path / "run.pt")
    assert len(again.fit(flat_batches, num_epochs=1)) == 2, (
        "a run that is already longer keeps its history and trains nothing"
    )


def test_checkpoints_of_the_earlier_public_trainer_are_read_and_not_continued(make_trainer, flat_batches, tmp_path):
    source = make_trainer()
    source.fit(flat_batches, num_epochs=2)
    torch.save(
        {
            "epoch": 1,
            "model_state_dict": source.model.state_dict(),
            "optimizer_state_dict": source.optimizer.state_dict(),
            "metrics_history": [dict(record) for record in source.metrics_history],
        },
        tmp_path / "public.pt",
    )
    trainer = make_trainer()
    assert trainer.load_checkpoint(tmp_path / "public.pt")["epoch"] == 1
    assert states_equal(trainer.model.state_dict(), source.model.state_dict())
    assert trainer.metrics_history == source.metrics_history
    assert len(trainer.fit(flat_batches, num_epochs=1)) == 1


def test_c29_files_hold_only_what_weights_only_loading_accepts(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer(metrics={"mean": lambda outputs, targets: outputs.mean()})
    trainer.fit(flat_batches, num_epochs=1)
    trainer.save_checkpoint(tmp_path / "run.pt")
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    assert {"epoch", "model_state_dict", "optimizer_state_dict", "metrics_history"} <= state.keys()


def test_what_could_not_be_loaded_safely_is_not_written_and_the_old_file_stays(tmp_path):
    path = tmp_path / "run.pt"
    write_checkpoint(path, {"value": 1})
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"run\.pt: not written"):
        write_checkpoint(path, {"value": object()})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_c31_code_in_a_file_is_refused_and_not_run(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "run.pt"
    path.write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(CheckpointError, match=r"run\.pt"):
        read_checkpoint(path)
    torch.save({"model_state_dict": Malicious()}, path)
    with pytest.raises(CheckpointError, match=r"run\.pt"):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 not a zip"])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"run\.pt: it"):
        read_checkpoint(path)


def test_every_truncation_is_named(make_trainer, tmp_path):
    path = tmp_path / "run.pt"
    make_trainer().save_checkpoint(path)
    whole = path.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:end])
        with pytest.raises(CheckpointError):
            read_checkpoint(path)


def test_a_missing_file_is_a_file_not_found_error(make_trainer, tmp_path):
    with pytest.raises(FileNotFoundError):
        make_trainer().load_checkpoint(tmp_path / "none.pt")


def test_a_checkpoint_that_does_not_fit_changes_nothing(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer()
    trainer.fit(flat_batches, num_epochs=1)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    momentum = trainer.optimizer.state_dict()["state"][0]["momentum_buffer"].clone()

    write_checkpoint(
        tmp_path / "model.pt", {"model_state_dict": nn.Linear(2, 2).state_dict(), "optimizer_state_dict": {}}
    )
    write_checkpoint(
        tmp_path / "optimizer.pt",
        {
            "model_state_dict": {key: torch.zeros_like(value) for key, value in before.items()},
            "optimizer_state_dict": optim.SGD(nn.Linear(2, 2).parameters()).state_dict(),
        },
    )
    write_checkpoint(tmp_path / "other.pt", {"weights": 1})
    for name, reason in [
        ("model.pt", "does not fit"),
        ("optimizer.pt", "does not fit"),
        ("other.pt", "it lacks model_state_dict, optimizer_state_dict; it has weights"),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            trainer.load_checkpoint(tmp_path / name)
        assert states_equal(trainer.model.state_dict(), before)
        assert torch.equal(trainer.optimizer.state_dict()["state"][0]["momentum_buffer"], momentum)


def test_new_files_have_the_permissions_of_any_new_file(tmp_path):
    path = tmp_path / "run.pt"
    write_checkpoint(path, {"value": 1})
    other = tmp_path / "other"
    other.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
