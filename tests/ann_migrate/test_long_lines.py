"""Lines of new code that are too long are broken, as black breaks them; other lines stay."""

from __future__ import annotations

from pathlib import Path

from ann_migrate.rewriting.styles import Style
from ann_migrate.running.engine import Options, migrate_bytes

HEAD = "from adaptiveneuralnetwork.training import TrainingLoop\n\nloop = TrainingLoop(model, config)\n"


def migrated(source: str, style: Style = "faithful") -> str:
    result = migrate_bytes(source.encode(), path=Path("program.py"), options=Options(style=style))
    assert result.problem is None
    assert result.changed, result.sites
    return result.after.decode()


def test_the_brackets_content_goes_to_its_own_line_if_it_fits() -> None:
    source = (
        HEAD + "losses_of_the_first_experiment = [row['val_loss'] for row in loop.train(train_loader, test_loader)]\n"
    )
    assert migrated(source, "guide").endswith(
        "losses_of_the_first_experiment = [row['val_loss'] for row in loop.fit(\n"
        "    train_loader=train_loader, num_epochs=config.num_epochs, val_loader=test_loader\n"
        ")]\n"
    )


def test_else_each_argument_has_a_line() -> None:
    source = HEAD + (
        "if True:\n\thistory = loop.train(DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True), "
        "DataLoader(held_out, batch_size=64))\n\tprint(history[-1]['val_accuracy'])\n"
    )
    assert migrated(source).endswith(
        "if True:\n"
        "\thistory = legacy_history(\n"
        "\t\tloop.fit(\n"
        "\t\t\tDataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True),\n"
        "\t\t\tval_loader=DataLoader(held_out, batch_size=64),\n"
        "\t\t\tnum_epochs=config.num_epochs,\n"
        "\t\t)\n"
        "\t)\n"
        "\tprint(history[-1]['val_accuracy'])\n"
    )


def test_an_f_string_is_no_place_for_line_ends() -> None:
    loader = "a_very_long_name_of_a_loader_that_fills_the_line_to_its_end_and_more_than_that"
    after = migrated(HEAD + f"text = f'{{loop.evaluate({loader})}} and then some more text'\n")
    assert f"\ntext = f'{{legacy_evaluate(loop, {loader})}} and then some more text'\n" in after


def test_newlines_are_the_files_own() -> None:
    source = (HEAD + f"{'x' * 60} = loop.train(train_loader, test_loader)\n").replace("\n", "\r\n")
    after = migrated(source, "guide")
    assert after.count("\n") == after.count("\r\n")
    assert ".fit(\r\n    train_loader=" in after


def test_a_long_line_of_the_author_stays() -> None:
    source = HEAD + f"x = f({'a' * 130})\nloop.train(loader, num_epochs=2)\n"
    assert f"x = f({'a' * 130})\n" in migrated(source)


def test_long_imports_are_broken() -> None:
    names = ", ".join(f"a_name_of_some_length_{number}" for number in range(4))
    source = f"from adaptiveneuralnetwork.training import TrainingLoop, {names}\nTrainingLoop(model, config).train(x)\n"
    after = migrated(source, "guide")
    assert after.startswith("from adaptiveneuralnetwork.training import (\n    ")
    assert "    a_name_of_some_length_3,\n" in after
