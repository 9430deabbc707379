import json
import math

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, JSONLLogger, LinearWarmup, Phase
from adaptiveneuralnetwork.training.digests import digest, rng_digest


def read(path):
    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def of_type(path, kind):
    return [record for record in read(path) if record["type"] == kind]


def test_a_header_epochs_and_an_end(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "new" / "run.jsonl"
    trainer = make_trainer(callbacks=[JSONLLogger(path)], max_grad_norm=2.0)
    before = digest(trainer.model.state_dict())
    history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches)
    header, *epochs, end = read(path)
    assert [header["type"], *(record["type"] for record in epochs), end["type"]] == ["header", "epoch", "epoch", "end"]
    assert (header["model"], header["optimizer"], header["criterion"]) == ("Sequential", "SGD", "CrossEntropyLoss")
    assert header["optimizer_settings"][0]["momentum"] == 0.9
    assert (header["parameters"], header["max_grad_norm"], header["num_epochs"]) == (before, 2.0, 2)
    assert header["torch"] == torch.__version__
    for record, epoch in zip(epochs, history, strict=True):
        metrics = {name: float.fromhex(value) for name, value in record["metrics_hex"].items()}
        assert {"epoch": record["epoch"], **metrics} == epoch
        assert record["metrics"] == metrics
    assert epochs[-1]["rng"] == rng_digest()
    assert end == {"type": "end", "reason": "finished", "step": 6}


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_record_for_each_step_says_what_the_step_was(make_trainer, flat_batches, tmp_path, accumulation):
    seen = []

    class See(Callback):
        def on_forward_end(self, batch_idx, trainer, logs=None):
            seen.append(logs["loss"])

    logger = JSONLLogger(tmp_path / "run.jsonl", every_n_steps=1, digest_parameters=True, digest_batches=True)
    trainer = make_trainer(callbacks=[logger, See(), LinearWarmup(2, 0.5)], gradient_accumulation_steps=accumulation)
    trainer.fit(flat_batches, num_epochs=1, val_loader=flat_batches)
    steps = of_type(tmp_path / "run.jsonl", "step")
    assert [float.fromhex(loss) for record in steps for loss in record["losses_hex"]] == seen
    assert [record["losses"] for record in steps] == ([seen[:1], seen[1:2], seen[2:]], [seen[:2], seen[2:]])[
        accumulation - 1
    ]
    inputs = [digest([inputs]) for inputs, _ in flat_batches]
    assert [name for record in steps for name in record["inputs"]] == inputs, "validation's are not among them"
    assert [record["step"] for record in steps] == list(range(1, len(steps) + 1))
    assert [record["batch"] for record in steps] == ([0, 1, 2], [1, 2])[accumulation - 1]
    assert [record["lr"] for record in steps][:2] == [[0.05], [0.1 * 0.75]], "as the step used it"
    assert steps[-1]["parameters"] == digest({**trainer.model.state_dict()}), "validation does not change them"
    assert len({record["rng"] for record in steps}) == len(steps), "dropout draws"
    assert all(record["grad_norm"] > 0 for record in steps)


def test_two_runs_agree_until_they_part(make_trainer, flat_batches, tmp_path):
    class Disturb(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            if trainer.global_step == 4:
                torch.rand(1)

    def run(name, *callbacks):
        logger = JSONLLogger(tmp_path / name, every_n_steps=1, digest_parameters=True, digest_batches=True)
        trainer = make_trainer(callbacks=[*callbacks, logger])
        torch.manual_seed(5)
        trainer.fit(flat_batches, num_epochs=2)
        return of_type(tmp_path / name, "step")

    one, same, other = run("a"), run("b"), run("c", Disturb())
    assert one == same
    assert [a == b for a, b in zip(one, other, strict=True)] == [True] * 4 + [False] * 2
    assert one[4]["inputs"] == other[4]["inputs"]
    assert one[4]["rng"] != other[4]["rng"]


def test_numbers_that_json_lacks_are_null(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.jsonl"
    broken = [(torch.full((2, 6), math.nan), torch.tensor([0, 1]))]
    make_trainer(callbacks=[JSONLLogger(path, every_n_steps=1)]).fit(broken, num_epochs=1)
    (step,) = of_type(path, "step")
    assert (step["losses"], step["losses_hex"], step["grad_norm"]) == ([None], ["nan"], None)
    (epoch,) = of_type(path, "epoch")
    assert (epoch["metrics"]["train_loss"], epoch["metrics_hex"]["train_loss"]) == (None, "nan")


def test_every_n_steps(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.jsonl"
    make_trainer(callbacks=[JSONLLogger(path, every_n_steps=4)]).fit(flat_batches, num_epochs=3)
    assert [record["step"] for record in of_type(path, "step")] == [4, 8]


def test_c10_a_skipped_step_is_recorded_as_such(make_trainer, flat_batches, tmp_path):
    class Overflow(Callback):
        def on_backward_end(self, batch_idx, trainer, logs=None):
            if batch_idx == 0:
                trainer.model[0].weight.grad.fill_(torch.inf)

    trainer = make_trainer(callbacks=[Overflow(), JSONLLogger(tmp_path / "run.jsonl", every_n_steps=1)])
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.fit(flat_batches, num_epochs=1)
    steps = of_type(tmp_path / "run.jsonl", "step")
    assert [(record["step"], record["skipped"]) for record in steps] == [(1, True), (1, False), (2, False)]


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_an_exception_is_the_end(make_trainer, flat_batches, tmp_path, error):
    class Fail(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            raise error

    path = tmp_path / "run.jsonl"
    with pytest.raises(type(error)):
        make_trainer(callbacks=[JSONLLogger(path, every_n_steps=1), Fail()]).fit(flat_batches, num_epochs=1)
    assert [record["type"] for record in read(path)] == ["header", "step", "end"]
    assert read(path)[-1]["reason"].startswith(type(error).__name__)


def test_c21_it_changes_nothing(make_trainer, flat_batches, tmp_path):
    def run(*callbacks):
        trainer = make_trainer(callbacks=callbacks)
        torch.manual_seed(3)
        history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches)
        hooks = trainer.model._forward_pre_hooks
        return history, digest(trainer.model.state_dict()), rng_digest(), len(hooks)

    logger = JSONLLogger(tmp_path / "a", every_n_steps=1, digest_parameters=True, digest_batches=True)
    assert run(logger) == run()


def test_a_continued_run_cuts_off_what_came_after_its_checkpoint(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.jsonl"
    states = []

    class Keep(Callback):
        phase = Phase.PERSIST

        def on_batch_end(self, batch_idx, trainer, logs=None):
            states.append(logger.state_dict())

    logger = JSONLLogger(path, every_n_steps=1)
    make_trainer(callbacks=[Keep(), logger]).fit(flat_batches, num_epochs=2)
    again = JSONLLogger(path, every_n_steps=1)
    again.load_state_dict(states[1])
    make_trainer(callbacks=[again]).fit(flat_batches[:1], num_epochs=1)
    assert [record["type"] for record in read(path)] == ["header", "step", "step", "continued", "step", "epoch", "end"]
    again.load_state_dict(states[1] | {"size": 10**9})
    with pytest.warns(UserWarning, match="shorter than when the checkpoint was written"):
        make_trainer(callbacks=[again]).fit(flat_batches[:1], num_epochs=1)
    assert len(read(path)) == 11, "nothing is thrown away then"


def test_a_run_continued_within_a_window_records_all_its_batches(make_trainer, flat_batches, tmp_path):
    states = []

    class Keep(Callback):
        phase = Phase.PERSIST

        def on_batch_end(self, batch_idx, trainer, logs=None):
            states.append(logger.state_dict())

    logger = JSONLLogger(tmp_path / "run.jsonl", every_n_steps=1, digest_batches=True)
    make_trainer(callbacks=[Keep(), logger], gradient_accumulation_steps=3).fit(flat_batches, num_epochs=1)
    (whole,) = of_type(tmp_path / "run.jsonl", "step")
    again = JSONLLogger(tmp_path / "run.jsonl", every_n_steps=1, digest_batches=True)
    again.load_state_dict(states[1])
    make_trainer(callbacks=[again]).fit(flat_batches[2:], num_epochs=1)
    (step,) = of_type(tmp_path / "run.jsonl", "step")
    assert step["losses"][:2] == whole["losses"][:2]
    assert step["inputs"] == whole["inputs"]


def test_a_new_run_replaces_the_file_unless_it_is_to_append(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "run.jsonl"
    trainer = make_trainer(callbacks=[JSONLLogger(path)])
    for _ in range(2):
        trainer.fit(flat_batches, num_epochs=1)
    assert len(read(path)) == 3
    make_trainer(callbacks=[JSONLLogger(path, append=True)]).fit(flat_batches, num_epochs=1)
    assert len(read(path)) == 6


def test_only_the_main_process_writes(make_trainer, flat_batches, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    make_trainer(callbacks=[JSONLLogger(tmp_path / "a", every_n_steps=1)]).fit(flat_batches, num_epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="every_n_steps must be at least 1, got 0"):
        JSONLLogger(tmp_path / "a", every_n_steps=0)
    with pytest.raises(ValueError, match=r"digest_batches .* needs every_n_steps"):
        JSONLLogger(tmp_path / "a", digest_batches=True)
