"""Where the legacy records are needed, and what else a constructor is given for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ann_migrate.running.engine import migrate_bytes

HEAD = (
    "from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel\n"
    "from adaptiveneuralnetwork.training import TrainingLoop\n"
)
LOOP = HEAD + "loop = TrainingLoop(model, config)\n"
OFF = HEAD + (
    "config = AdaptiveConfig(save_checkpoint=False, metrics_file=None)\n"
    "model = AdaptiveModel(config)\n"
    "loop = TrainingLoop(model, config)\n"
)


def _after(source: str) -> str:
    result = migrate_bytes(source.encode(), path=Path("program.py"))
    assert result.problem is None
    assert result.changed, result.sites
    return result.after.decode()


def _indented(source: str) -> str:
    return "def run(model, config, l):\n" + "".join(f"    {line}\n" for line in source.splitlines())


@pytest.mark.parametrize(
    "use",
    [
        "loop.train(l)\n",
        "h = loop.train(l)\n",
        "h = loop.train(l)\nprint(len(h))\n",
        "h = loop.train(l)\nprint(h[-1]['train_loss'], h[0].get('val_loss'))\n",
        "h = loop.train(l)\nfor row in h[1:]:\n    print(row['epoch'])\n",
        "losses = [row['train_loss'] for row in loop.train(l)]\n",
        "h = loop.train(l)\nif h and not h[:1]:\n    pass\n",
        "best = loop.train(l)[-1]['val_loss']\n",
        "loop.train(l)\nloop.train(l)\n",
    ],
)
def test_the_bridge_is_left_out_where_nobody_needs_it(use: str) -> None:
    assert "legacy_history" not in _after(LOOP + use)


@pytest.mark.parametrize(
    "use",
    [
        "h = loop.train(l)\nprint(h)\n",
        "h = loop.train(l)\nprint(h[-1])\n",
        "h = loop.train(l)\nprint(h[-1]['train_accuracy'])\n",
        "h = loop.train(l)\nprint(h[-1].get(key))\n",
        "h = loop.train(l)\nh.append(1)\n",
        "h = loop.train(l)\nlen = print\nlen(h)\n",
        "h = loop.train(l)\nprint(len(h))\nloop.train(l)\n",
        "for _ in range(2):\n    print(len(loop.train(l)))\n",
        "h = loop.train(l)\nfor row in h:\n    print(row)\n",
        "h = loop.train(l)\ndef f():\n    return h\n",
        "h, n = loop.train(l), 1\n",
        "rows = [loop.train(l)]\n",
        "a.h = loop.train(l)\n",
        "__all__ = ['h']\nh = loop.train(l)\n",
        "class C:\n    h = loop.train(l)\n",
    ],
)
def test_the_bridge_gives_the_legacy_records_where_they_may_be_read(use: str) -> None:
    assert "legacy_history(loop.fit(l, num_epochs=config.num_epochs))" in _after(LOOP + use)


def test_a_returned_history_is_the_legacy_one() -> None:
    source = HEAD + _indented("loop = TrainingLoop(model, config)\nreturn loop.train(l)")
    assert "return legacy_history(loop.fit(l, num_epochs=config.num_epochs))" in _after(source)


def test_a_config_that_writes_nothing_gets_the_logging_callback() -> None:
    after = _after(OFF + "loop.train(l)\n")
    assert "callbacks=[LoggingCallback(log_interval=config.log_interval)]" in after
    assert "ann_compat" not in after


@pytest.mark.parametrize(
    "change",
    [
        (", metrics_file=None", ""),
        ("save_checkpoint=False", "save_checkpoint=flag"),
        ("metrics_file=None", "metrics_file=None, **more"),
        ("metrics_file=None", "metrics_file=None, log_interval=2.5"),
        ("AdaptiveModel(config)", "build(config)"),
        ("loop = ", "tweak(config)\nloop = "),
        ("loop = ", "config.metrics_file = path\nloop = "),
        ("loop = ", "config = config.update(seed=1)\nloop = "),
        ("loop = ", "model.get_metrics = mine\nloop = "),
        ("loop.train(l)", "print(loop.train(l))"),
        ("loop.train(l)", "loop.evaluate(l)"),
    ],
)
def test_the_bridge_keeps_files_and_records_where_they_may_be_wanted(change: tuple[str, str]) -> None:
    after = _after((OFF + "loop.train(l)\n").replace(*change))
    assert "callbacks=legacy_callbacks(config)" in after
    assert "LoggingCallback" not in after


@pytest.mark.parametrize(
    ("model", "flattened"),
    [
        ("AdaptiveModel(config)", False),
        ("build(config)", True),
        ("AdaptiveModel(config) if small else build(config)", True),
        ("AdaptiveModel(config)\nmodel.register_forward_hook(f)", True),
        ("AdaptiveModel(config)\nmodel.forward = f", True),
        ("AdaptiveModel(config)\nmodel = compile(model)", True),
    ],
)
def test_batches_are_flattened_unless_the_model_does_it_unseen(model: str, flattened: bool) -> None:
    after = _after((OFF + "loop.train(l)\n").replace("AdaptiveModel(config)", model))
    assert ("batch_transform=flatten_images" in after) is flattened


@pytest.mark.parametrize(
    ("argument", "epochs"),
    [
        ("", "config.num_epochs"),
        (", num_epochs=None", "config.num_epochs"),
        (", num_epochs=0", "config.num_epochs"),
        (", num_epochs=False", "config.num_epochs"),
        (", num_epochs=3", "3"),
        (", num_epochs=-1", "-1"),
        (", num_epochs=True", "True"),
        (", num_epochs=n", "n or config.num_epochs"),
        (", num_epochs=a and b", "a and b or config.num_epochs"),
        (", num_epochs=(a if b else c)", "((a if b else c)) or config.num_epochs"),
        (", num_epochs=config.num_epochs", "config.num_epochs"),
        (", num_epochs=FIVE", "FIVE"),
        (", num_epochs=ZERO", "ZERO or config.num_epochs"),
        (", None, 2", "2"),
    ],
)
def test_number_of_epochs(argument: str, epochs: str) -> None:
    assert f"loop.fit(l, num_epochs={epochs})\n" in _after("FIVE = 5\nZERO = 0\n" + LOOP + f"loop.train(l{argument})\n")
