"""Defects of the bridge: of the legacy records, files, checkpoints and console lines that migrated code keeps."""

from __future__ import annotations

from ann_compat.equivalence.planting import Mutant

_RECORD = "ann_compat.bridge:LegacyCallback.on_epoch_end"

BRIDGE_MUTANTS = (
    Mutant(
        "fraction-for-percent",
        "training accuracy is a fraction",
        ((_RECORD, 'logs[f"train_{_ACCURACY}"]', 'logs[f"train_{_ACCURACY}"] / 100'),),
    ),
    Mutant("no-timestamp", "records lack the time", ((_RECORD, '"timestamp": self._timestamp,', ""),)),
    Mutant(
        "history-of-last-epoch",
        "only the last record is returned",
        (("ann_compat.bridge:legacy_history", ".history", ".history[-1:]"),),
    ),
    Mutant(
        "history-starts-anew",
        "a second call of fit forgets the records of the first",
        (
            (
                "ann_compat.bridge:LegacyCallback.on_train_begin",
                "console.training_starts(",
                "self.history = []; console.training_starts(",
            ),
        ),
    ),
    # Files and console.
    Mutant(
        "checkpoint-off-by-one",
        "checkpoints are written after epochs 0 and 5 instead of 4",
        ((_RECORD, "(epoch + 1) % 5", "epoch % 5"),),
    ),
    Mutant(
        "checkpoint-each-epoch", "each epoch writes a checkpoint", ((_RECORD, "(epoch + 1) % 5", "(epoch + 1) % 1"),)
    ),
    Mutant(
        "checkpoint-without-buffers",
        "checkpoints hold parameters only",
        (
            (
                "ann_compat.bridge:LegacyCallback.save_checkpoint",
                "_legacy_model(trainer).get_state_dict_full()",
                "{'state_dict': dict(trainer.model.named_parameters())}",
            ),
        ),
    ),
    Mutant(
        "load-forgets-optimizer",
        "a checkpoint is loaded without the optimizer's state",
        (
            (
                "ann_compat.bridge:LegacyCallback.load_checkpoint",
                'trainer.optimizer.load_state_dict(state["optimizer_state_dict"])',
                "",
            ),
        ),
    ),
    Mutant(
        "no-metrics-file",
        "no metrics file is written",
        (("ann_compat.bridge:LegacyCallback.on_train_end", "self.save_metrics()", "pass"),),
    ),
    Mutant(
        "no-checkpoint-folder",
        "the checkpoint folder is not made beforehand",
        (("ann_compat.bridge:LegacyCallback.__init__", "if config.save_checkpoint:", "if False:"),),
    ),
    Mutant(
        "console-line-missing",
        "the line at the end is not printed",
        (("ann_compat.bridge:LegacyCallback.on_train_end", "console.training_ends()", ""),),
    ),
)
