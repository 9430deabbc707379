"""AdaptiveModel against an MLP with as many parameters, on scikit-learn's digits: accuracy and time per training step.

Prints test accuracy for each seed (of the split, the initial parameters and the order of the batches), with the node
population at work and frozen, then the time of a training step, from runs that take turns so that whatever else the
machine does hits all alike.

    python benchmarks/digits.py [--seeds 5] [--epochs 30] [--learning-rate 0.001]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import Trainer, load_digits

CONFIG = AdaptiveConfig(input_dim=64, output_dim=10, num_nodes=50, hidden_dim=32, batch_size=64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of each run (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=CONFIG.learning_rate, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=60, help="rounds of the step timing (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)

    print(f"digits, 80/20 split, batch {CONFIG.batch_size}, Adam at {options.learning_rate}, {options.epochs} epochs")
    print(f"{'model':24}{'parameters':>11}{'mean':>9}   accuracy in percent, seed by seed")
    for name, build in MODELS.items():
        scores = [accuracy(build, seed, options.epochs, options.learning_rate) for seed in range(options.seeds)]
        each = " ".join(f"{score:6.2f}" for score in scores)
        print(f"{name:24}{num_parameters(build()):>11,}{statistics.mean(scores):>9.2f}   {each}", flush=True)

    print(f"\ntime per training step, median of {options.rounds} interleaved rounds, 1 thread")
    times = step_times({name: build() for name, build in MODELS.items()}, options.rounds)
    for name, seconds in times.items():
        print(f"{name:24}{1e6 * seconds:>8.0f} us   {seconds / times[MLP]:.2f} times the MLP's")


def adaptive() -> nn.Module:
    return AdaptiveModel(CONFIG)


def frozen() -> nn.Module:
    return AdaptiveModel(CONFIG).freeze_population()


def mlp() -> nn.Module:
    """One hidden layer, as wide as gives the number of parameters that the adaptive model has."""
    inputs, outputs = CONFIG.input_dim, CONFIG.output_dim
    width = round((num_parameters(adaptive()) - outputs) / (inputs + 1 + outputs))
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def deep_mlp() -> nn.Module:
    """Two hidden layers, the depth of the adaptive model, of one width chosen in the same way."""
    inputs, outputs, wanted = CONFIG.input_dim, CONFIG.output_dim, num_parameters(adaptive())

    def size(width: int) -> int:
        return (inputs + 1) * width + (width + 1) * width + (width + 1) * outputs

    width = min(range(1, wanted), key=lambda width: abs(size(width) - wanted))
    layers = nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    return nn.Sequential(*layers)


MLP = "MLP"
MODELS: dict[str, Callable[[], nn.Module]] = {
    MLP: mlp,
    "MLP, two hidden layers": deep_mlp,
    "AdaptiveModel": adaptive,
    "AdaptiveModel, frozen": frozen,
}


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def accuracy(build: Callable[[], nn.Module], seed: int, epochs: int, learning_rate: float) -> float:
    """Train a fresh model and return its test accuracy in percent."""
    train_loader, test_loader = load_digits(batch_size=CONFIG.batch_size, test_size=0.2, seed=seed)
    torch.manual_seed(seed)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), device=CONFIG.device)
    trainer.fit(train_loader, num_epochs=epochs)
    return 100 * trainer.evaluate(test_loader)["val_accuracy"]


def step_times(models: dict[str, nn.Module], rounds: int, steps: int = 20) -> dict[str, float]:
    """Return seconds per training step of each model; each round gives every model a turn of ``steps`` steps."""
    (data, target), *_ = load_digits(batch_size=CONFIG.batch_size)[0]
    optimizers = {name: torch.optim.Adam(model.parameters(), lr=1e-3) for name, model in models.items()}
    samples: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            for _ in range(steps):
                step(model, optimizers[name], data, target)
            if turn:  # the first round warms up
                samples[name].append((time.perf_counter() - start) / steps)
    return {name: statistics.median(values) for name, values in samples.items()}


def step(model: nn.Module, optimizer: torch.optim.Optimizer, data: torch.Tensor, target: torch.Tensor) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(data), target).backward()
    optimizer.step()


if __name__ == "__main__":
    main()
