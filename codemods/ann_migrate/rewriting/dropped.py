"""What the guide style leaves behind: a code for each behaviour, to be listed in reports and refused by ``--ignore``.

Training numbers are never among them: losses, parameters, optimizer state and random states stay bit for bit.
"""

from __future__ import annotations

PERCENT = "ANN601"
LEGACY_KEYS = "ANN602"
ACCUMULATION = "ANN603"
METRICS_FILE = "ANN604"
CONSOLE = "ANN605"
CHECKPOINT_FORMAT = "ANN606"
MODEL_METRICS = "ANN607"
ACCURACY_OF_CLASSES = "ANN608"
LAST_DIGIT = "ANN609"
WHOLE_RECORDS = "ANN610"

DROPPED = {
    PERCENT: (
        "Accuracy in percent.",
        "accuracies are fractions of 1",
        "`Trainer` reports accuracies as fractions. Every reader in reach is turned with it: `:.2f}%` into `:.2%}`, "
        "`> 90.0` into `> 0.9`, `acc / 100` into `acc`; comparisons decide as before. A percentage that lies exactly "
        "between two last digits that are printed (93.25 with one digit) may round the other way: with "
        "one digit and 10,000 samples 2.2 % of all counts, with two digits none. The fraction in the place of "
        "`acc / 100`, which rounded twice, may differ in the 16th digit.",
    ),
    LEGACY_KEYS: (
        "Keys of the records that only the legacy loop has.",
        "records have no timestamp, epoch_time or model metrics",
        "The rows of `fit` have `epoch`, losses and accuracies. A program that reads another key is declined (ANN703).",
    ),
    ACCUMULATION: (
        "One list of records for all calls.",
        "each call of fit returns a list of its own rows; the legacy list held those of all calls",
        "`train` returned the same list each time. It is told where the object may be trained more than once; where "
        "that is seen and the whole list is read, the object is declined (ANN702).",
    ),
    METRICS_FILE: (
        "The metrics file.",
        "config.metrics_file is not written",
        "`fit` returns the rows; `JSONLLogger` or `CSVLogger` writes them. A program that reads the file is declined "
        "(ANN704).",
    ),
    CONSOLE: (
        "The words on the console.",
        "the lines on the console are those of LoggingCallback",
        "They come after each `config.log_interval` batches and at the end of each epoch, as before, in other words.",
    ),
    CHECKPOINT_FORMAT: (
        "The format and the names of checkpoints.",
        "checkpoints are the trainer's own: another format, named by ModelCheckpoint",
        "`ModelCheckpoint` saves after the same epochs, as `epoch_0005.pt` and `last.pt`, what "
        "`Trainer.load_checkpoint` continues from. It reads old checkpoints too. A program that looks for the old "
        "names is declined (ANN704).",
    ),
    MODEL_METRICS: (
        "Calls of the model's own metrics.",
        "model.get_metrics() is no longer called after each epoch",
        "Told where the model is not visibly an `AdaptiveModel`. A model that has no `get_metrics`, or whose metrics "
        "lack what the legacy summary printed, no longer ends training by an error. Where `get_metrics` is seen and "
        "does more than read, the object is declined (ANN706).",
    ),
    ACCURACY_OF_CLASSES: (
        "Accuracy of what is no classification.",
        "rows have accuracies only where the targets are class numbers",
        "The legacy loop counted hits for any targets, also in a regression. Told where an accuracy is read and the "
        "criterion is not seen to be one of classes; where it is seen to be another, the object is declined (ANN702).",
    ),
    LAST_DIGIT: (
        "The last digit of a percentage that stays one.",
        "a reader gets 100 times the fraction, which may differ in the 16th digit",
        "Where a reader cannot take a fraction (a bare `print`, a plot, a function that is not seen), it gets "
        "`100 * ...`. The legacy loop divided last, so about a quarter of all such numbers differ in the last bit.",
    ),
    WHOLE_RECORDS: (
        "Whole records that are printed or stored.",
        "whole rows are printed or stored: Trainer's keys, accuracies as fractions",
        "`print(history)`, `json.dump(history, file)` and lists that nobody in reach reads hold the rows of `fit`.",
    ),
}
"""By code: the title, what the report says, and the page."""

CHANNELS = {
    METRICS_FILE: ("files",),
    CHECKPOINT_FORMAT: ("files",),
    LAST_DIGIT: ("files", "output"),
    WHOLE_RECORDS: ("files", "output"),
}
"""Where it shows in a run, beside the records and the lines of the library itself."""

SHORT = {code: short for code, (_, short, _) in DROPPED.items()}
