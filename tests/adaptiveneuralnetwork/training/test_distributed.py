"""Several processes that train together: two real ones, over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rank_checks
import torch
from ranks import run_checks
from torch import nn

from adaptiveneuralnetwork.training import Trainer

CHECKS = [
    "twenty_steps",
    "uneven",
    "evaluation",
    "save",
    "resume",
    "resume_epoch",
    "resume_of_one",
    "stops",
    "interruption",
    "own_shards",
    "refusals",
    "fsdp_twenty_steps",
    "fsdp_uneven",
    "fsdp_evaluation",
    "fsdp_save",
    "fsdp_resume",
    "fsdp_resume_folder",
    "ddp_resume_folder",
    "fsdp_overflow",
    "window",
    "fsdp_window",
    "averages",
    "fsdp_averages",
    "fsdp_statistics",
    "explanation",
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What two ranks gave for each check; "saved" is what one process did whose checkpoint they have loaded."""
    folder = tmp_path_factory.mktemp("pair")
    alone = rank_checks.save(0, 1, folder)
    return {"folder": [folder], "saved": [alone], **run_checks(CHECKS, folder)}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


TOLERANCE = {"torch.float32": 1e-6, "torch.float64": 1e-12}


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_two_ranks_are_one_with_the_doubled_batch(pair: dict[str, list[Any]], strategy: str, tmp_path: Path) -> None:
    alone = rank_checks.twenty_steps(0, 1, tmp_path)
    for together in pair[f"{strategy}twenty_steps"]:
        for dtype, (parameters, history, norms) in alone.items():
            torch.testing.assert_close(together[dtype][0], parameters, rtol=0, atol=TOLERANCE[dtype])
            torch.testing.assert_close(together[dtype][1], history, rtol=0, atol=TOLERANCE[dtype])
            torch.testing.assert_close(together[dtype][2], norms, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_uneven_batches_and_short_windows_weigh_their_items(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.uneven(0, 1, tmp_path)
    for together in pair[f"{strategy}uneven"]:
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_evaluation_does_not_depend_on_the_number_of_ranks(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.evaluation(0, 1, tmp_path)
    for together in pair[f"{strategy}evaluation"]:
        torch.testing.assert_close(together["predicted"], alone["predicted"], rtol=0, atol=0)
        for name in ("record", "shuffled", "single"):
            assert together[name].pop("val_spread") == pytest.approx(alone[name]["val_spread"], rel=1e-15)
            assert together[name] == {key: value for key, value in alone[name].items() if key != "val_spread"}


def test_c10_an_overflow_in_the_part_of_one_rank_skips_the_step_of_all(pair: dict[str, list[Any]]) -> None:
    assert pair["fsdp_overflow"] == [(4, 2.0**15), (4, 2.0**15)]


@pytest.mark.parametrize("name", ["resume", "resume_epoch", "fsdp_resume", "fsdp_resume_folder", "ddp_resume_folder"])
def test_two_ranks_resume_bit_for_bit(pair: dict[str, list[Any]], name: str) -> None:
    whole = pair["fsdp_save" if "fsdp" in name or "folder" in name else "save"]
    for resumed, uninterrupted in zip(pair[name], whole, strict=True):
        assert resumed.pop("warnings") == []
        assert resumed.pop("steps") == 18
        torch.testing.assert_close(resumed, uninterrupted, rtol=0, atol=0)
    assert not torch.equal(whole[0]["draw"], whole[1]["draw"])


@pytest.mark.parametrize("name", ["ddp_2_step.pt", "ddp_2_epoch.pt", "fsdp_2_step.pt", "fsdp_folder"])
def test_one_process_goes_on_from_two(pair: dict[str, list[Any]], name: str) -> None:
    resumed = rank_checks.resume(0, 1, pair["folder"][0], name)
    assert resumed["steps"] == 18
    assert "written by 2 processes, and there are 1 now" in "".join(resumed["warnings"])
    finished = pair["save"][0]
    assert [set(record) for record in resumed["history"]] == [set(record) for record in finished["history"]]
    assert resumed["history"][0] == finished["history"][0]


def test_two_ranks_go_on_from_one(pair: dict[str, list[Any]]) -> None:
    ranks = pair["resume_of_one"]
    torch.testing.assert_close(ranks[0]["parameters"], ranks[1]["parameters"], rtol=0, atol=0)
    for resumed in ranks:
        assert resumed["steps"] == 18
        assert "written by 1 processes, and there are 2 now" in "".join(resumed["warnings"])
        assert resumed["history"][0] == pair["saved"][0]["history"][0]


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_c8_two_ranks_resume_bit_for_bit_within_a_window(pair: dict[str, list[Any]], strategy: str) -> None:
    for rank in pair[f"{strategy}window"]:
        for kind in ("sized", "unsized"):
            whole, resumed = rank[kind]
            torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
        assert rank["sized warned"] == []
        assert "may draw anew" in rank["unsized warned"][0]


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_averaged_weights_and_the_best_are_those_of_one_process(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.averages(0, 1, tmp_path)
    largest = max(record["val_loss"] for record in alone["best"]["history"])
    assert alone["best"]["after"]["val_loss"] == largest != alone["best"]["history"][-1]["val_loss"]
    for rank in pair[f"{strategy}averages"]:
        torch.testing.assert_close(rank, alone, rtol=0, atol=1e-12)
        for name in ("ema", "ema aside", "swa", "best"):
            torch.testing.assert_close(rank[f"{name} resumed"], rank[name], rtol=0, atol=0)


def test_swa_measures_the_statistics_of_a_sharded_model(pair: dict[str, list[Any]]) -> None:
    inputs = [batch for batch, _ in torch.utils.data.DataLoader(rank_checks.data_of(40, torch.float64), batch_size=8)]
    for rank in pair["fsdp_statistics"]:
        for weights, statistics in rank:
            layers = [nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)]
            model = nn.Sequential(*layers).to(torch.float64)
            with torch.no_grad():
                for parameter, weight in zip(model.parameters(), weights, strict=True):
                    parameter.copy_(weight)
            torch.optim.swa_utils.update_bn(inputs, model)
            torch.testing.assert_close(statistics, list(model.buffers()), rtol=0, atol=0)


def test_the_plan_counts_the_samples_of_all_ranks_and_is_printed_once(pair: dict[str, list[Any]]) -> None:
    plan, silence = pair["explanation"]
    assert silence == ""
    assert "2, by DDPStrategy" in plan
    assert "4 in each of 2 processes, 16 samples to a step" in plan
    assert "6 batches, 3 optimizer steps" in plan
    assert "3 epochs, 9 optimizer steps" in plan


def test_what_one_rank_wants_to_stop_all_stop(pair: dict[str, list[Any]]) -> None:
    # The step after which rank 1 asks is the 8th; rank 0 hears of it at the 9th. An epoch has 6.
    for stopped in pair["stops"]:
        assert stopped == {"step": (9, 1), "epoch": (12, 2), "once": (0, 0)}


def test_c43_a_signal_to_one_rank_lets_both_save_and_leave(pair: dict[str, list[Any]]) -> None:
    # It comes at the 8th step and is heard of at the 9th; an epoch has 6, and the evaluation is after the second.
    for interrupted, whole in zip(pair["interruption"], pair["save"], strict=True):
        assert interrupted["step"] == ("SystemExit(143)", 9)
        assert interrupted["evaluation"] == ("KeyboardInterrupt()", 12)
        for name in ("step resumed", "evaluation resumed"):
            expected = whole["parameters"], whole["history"]
            torch.testing.assert_close(interrupted[name], expected, rtol=0, atol=0)


def test_loaders_that_are_no_data_loaders_are_the_shards(pair: dict[str, list[Any]], tmp_path: Path) -> None:
    alone = rank_checks.own_shards(0, 1, tmp_path)
    for together in pair["own_shards"]:
        for name in ("list", "iterator"):
            for steps in (1, 2):
                torch.testing.assert_close(together[name, steps], alone[name, steps], rtol=0, atol=1e-12)
        assert "a list cannot be dealt out to ranks" in together["list", 1, "warned"][0]


def test_what_several_processes_cannot_do_is_refused(pair: dict[str, list[Any]]) -> None:
    for metric, parameters, state in pair["refusals"]:
        assert metric.startswith("TypeError: metrics['counter'] cannot be put together")
        assert parameters.startswith("ValueError: the optimizer holds parameters that the model does not have")
        assert state.startswith("ValueError: the optimizer has state already")


def test_c41_an_error_on_one_rank_does_not_leave_the_other_waiting(tmp_path: Path) -> None:
    waiting, failing = run_checks(["failure"], tmp_path)["failure"]
    assert failing[0] == "KeyError"
    assert failing[2] < 5, "rank 0 was still waiting when rank 1 gave up"
    assert waiting[0] == "RuntimeError"
    assert "rank 1 had failed with KeyError: 'no such thing'" in waiting[1]


def test_without_several_processes_auto_trains_alone(make_trainer: Callable[..., Trainer]) -> None:
    assert make_trainer(strategy="auto").strategy.world_size == 1


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_strategy_for_several_processes_says_how_to_start_them(
    make_trainer: Callable[..., Trainer], strategy: str
) -> None:
    with pytest.raises(ValueError, match=r"start the program with torchrun --nproc_per_node=.*strategy='auto'"):
        make_trainer(strategy=strategy)


@pytest.mark.parametrize(("strategy", "error"), [("ddpp", ValueError), (2, TypeError)])
def test_other_strategies_are_refused(make_trainer: Callable[..., Trainer], strategy: Any, error: type) -> None:
    with pytest.raises(error, match="strategy must be 'auto', 'ddp', 'fsdp', a Strategy or None, got"):
        make_trainer(strategy=strategy)


def test_torchrun_without_a_strategy_warns(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "some")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(RuntimeWarning, match=r"torchrun has started 2 processes.*Trainer\(strategy='auto'\)"):
        make_trainer()


def test_torchrun_trains_the_example_in_two_processes(tmp_path: Path) -> None:
    program = Path(__file__).parents[3] / "examples" / "distributed_digits.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(program)]
    environment = os.environ | {
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [*command, "--epochs", "2", "--folder", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # 1437 samples, 64 to a step: 23 steps an epoch.
    assert done.stdout.count("2 process(es), 46 steps, accuracy 0.") == 1
    assert done.stdout.count("Training finished") == 1
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert (state["world_size"], state["exact"], state["epochs_completed"]) == (2, True, 2)
