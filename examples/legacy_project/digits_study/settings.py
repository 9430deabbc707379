"""One place for the numbers that the runs share."""

from adaptiveneuralnetwork.api.config import AdaptiveConfig


def make_config(name, out, **changes):
    """The config of one run; its files go to a folder of its own below ``out``."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = AdaptiveConfig(
        input_dim=64,
        output_dim=10,
        num_nodes=50,
        hidden_dim=32,
        log_interval=10,
        checkpoint_dir=str(folder / "checkpoints"),
        metrics_file=str(folder / "metrics.json"),
    )
    return config.update(**changes)
