"""Checkpoint folders, read by a process alone; ``test_distributed`` has them written and read by two."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn, optim

from adaptiveneuralnetwork.training import CheckpointError, Trainer
from adaptiveneuralnetwork.training.dcp import export_checkpoint, read_folder
from adaptiveneuralnetwork.training.fsdp import FSDPStrategy

Batches = list[tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="module", autouse=True)
def _group_of_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store = dist.FileStore(str(tmp_path_factory.mktemp("group") / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1, timeout=timedelta(seconds=60))
    yield
    dist.destroy_process_group()
    del os.environ["GLOO_SOCKET_IFNAME"]


def fsdp_trainer() -> Trainer:
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    strategy = FSDPStrategy(shard_data=False)
    return Trainer(model, optim.Adam(model.parameters()), nn.CrossEntropyLoss(), device="cpu", strategy=strategy)


@pytest.fixture
def trainer(flat_batches: Batches) -> Trainer:
    trainer = fsdp_trainer()
    trainer.fit(flat_batches, 1)
    return trainer


def test_export_makes_the_file_of_a_single_process(trainer: Trainer, tmp_path: Path) -> None:
    trainer.save_checkpoint(tmp_path / "folder")
    trainer.save_checkpoint(tmp_path / "file.pt")
    export_checkpoint(tmp_path / "folder", tmp_path / "exported.pt")
    exported, file = (torch.load(tmp_path / name, weights_only=True) for name in ("exported.pt", "file.pt"))
    assert same(exported, file)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_a_folder_is_replaced_and_the_one_before_is_kept(
    trainer: Trainer, tmp_path: Path, flat_batches: Batches
) -> None:
    trainer.save_checkpoint(tmp_path / "folder")
    trainer.fit(flat_batches, 1)
    trainer.save_checkpoint(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "folder.previous"]
    assert read_folder(tmp_path / "folder")["global_step"] == 6
    assert read_folder(tmp_path / "folder.previous")["global_step"] == 3


def test_c30_a_flipped_bit_in_any_file_is_found(trainer: Trainer, tmp_path: Path) -> None:
    trainer.save_checkpoint(tmp_path / "folder")
    for file in (tmp_path / "folder").iterdir():
        content = bytearray(file.read_bytes())
        for place in range(0, len(content), max(1, len(content) // 40)):
            content[place] ^= 1
            file.write_bytes(content)
            with pytest.raises(CheckpointError, match="damaged"):
                read_folder(tmp_path / "folder")
            content[place] ^= 1
        file.write_bytes(content)
    assert read_folder(tmp_path / "folder")["global_step"] == 3


def test_c31_metadata_that_would_run_code_is_refused(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    trainer.save_checkpoint(tmp_path / "folder")
    (tmp_path / "folder" / ".metadata").write_bytes(pickle.dumps(Malicious()))
    # Whoever can write the metadata can write the checksums too.
    monkeypatch.setattr("adaptiveneuralnetwork.training.dcp._digest", lambda file: _Any())
    with pytest.raises(CheckpointError, match="mkdir does not describe tensors"):
        read_folder(tmp_path / "folder")
    assert not (tmp_path / "ran").exists()


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def test_a_missing_folder_and_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "nothing")


def test_an_optimizer_that_has_stepped_is_refused(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match="has state already"):
        Trainer(trainer.model, trainer.optimizer, nn.CrossEntropyLoss(), device="cpu", strategy=FSDPStrategy())


def test_load_is_exact_and_changes_nothing_where_it_fails(trainer: Trainer, tmp_path: Path) -> None:
    trainer.save_checkpoint(tmp_path / "folder")
    other = fsdp_trainer()
    state = other.load_checkpoint(tmp_path / "folder")
    assert state["global_step"] == other.global_step == 3
    for mine, saved in zip(other.model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(mine.full_tensor(), saved.full_tensor())
    (tmp_path / "folder" / "__0_0.distcp").unlink()
    fresh = fsdp_trainer()
    before = [parameter.full_tensor() for parameter in fresh.model.parameters()]
    with pytest.raises(CheckpointError, match=r"__0_0\.distcp is missing"):
        fresh.load_checkpoint(tmp_path / "folder")
    assert all(torch.equal(p.full_tensor(), b) for p, b in zip(fresh.model.parameters(), before, strict=True))
