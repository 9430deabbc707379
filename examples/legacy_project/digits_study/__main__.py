"""Command line: train the baseline, the variants and the learning-rate sweep, then judge them."""

import argparse
import json
from pathlib import Path

import torch

from . import report, sweep
from .data import digit_loaders
from .experiment import Experiment
from .settings import make_config
from .variants import train_with_sgd, train_on_images


def parse_args(argv=None):
    parser = argparse.ArgumentParser(prog="digits_study")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=0.005)
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--target", type=float, default=80.0, help="test accuracy to reach, in percent")
    parser.add_argument("--fine-tune", type=int, default=1, help="extra epochs at a tenth of the learning rate")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)

    config = make_config("baseline", args.out, num_epochs=args.epochs, learning_rate=args.lr)
    experiment = Experiment(config, target=args.target)
    experiment.run(*digit_loaders())
    if args.fine_tune:
        experiment.fine_tune(digit_loaders()[0], args.fine_tune)

    histories = {"baseline": experiment.history}
    histories["sgd"] = train_with_sgd(make_config("sgd", args.out, num_epochs=3), *digit_loaders())
    histories["images"] = train_on_images(make_config("images", args.out, num_epochs=3), *digit_loaders(flatten=False))
    histories.update(sweep.learning_rates(args.out, (0.001, 0.02)))

    print(report.table(histories))
    print(experiment.verdict())
    summary = {
        "runs": list(histories),
        "passed": experiment.passed,
        "best": report.best_run(histories),
        "scores": {name: rows[-1]["val_accuracy"] for name, rows in histories.items()},
    }
    (args.out / "summary.json").write_text(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
