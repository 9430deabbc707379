import dataclasses
import math
from pathlib import Path

import pytest
import torch

from adaptiveneuralnetwork import api
from adaptiveneuralnetwork.api.config import AdaptiveConfig

FIELDS_AND_DEFAULTS = {
    "num_nodes": 100,
    "hidden_dim": 64,
    "input_dim": 784,
    "output_dim": 10,
    "spatial_dim": 2,
    "energy_decay": 0.01,
    "activity_threshold": 0.5,
    "connection_radius": 1.0,
    "learning_rate": 0.001,
    "batch_size": 64,
    "num_epochs": 10,
    "adaptation_rate": 0.1,
    "circadian_period": 100,
    "phase_weights": {"active": 0.6, "interactive": 0.25, "sleep": 0.1, "inspired": 0.05},
    "backend": "pytorch",
    "device": "cpu",
    "dtype": "float32",
    "seed": 42,
    "log_interval": 100,
    "save_checkpoint": True,
    "checkpoint_dir": "checkpoints",
    "metrics_file": "metrics.json",
    "enable_continual_learning": False,
    "enable_ablation_study": False,
}


def test_fields_defaults_and_order():
    # Lists, so that the order counts: programs pass fields by position.
    assert list(dataclasses.asdict(AdaptiveConfig()).items()) == list(FIELDS_AND_DEFAULTS.items())


def test_both_import_paths_give_one_class():
    assert api.AdaptiveConfig is AdaptiveConfig


def test_defaults_are_not_shared_between_configs():
    first, second = AdaptiveConfig(), AdaptiveConfig()
    first.phase_weights["sleep"] = 9.0
    assert second.phase_weights["sleep"] == 0.1


def test_assignment_is_free():
    config = AdaptiveConfig()
    config.num_epochs = 3
    config.learning_rate = 5.0  # only building a config checks
    assert (config.num_epochs, config.learning_rate) == (3, 5.0)


@pytest.mark.parametrize("name", ["num_nodes", "hidden_dim", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan])
def test_not_positive_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be positive, got {value!r}$"):
        AdaptiveConfig(**{name: value})


@pytest.mark.parametrize("value", [0, 0.0, 1, 1.0, -0.1, 2, math.inf, math.nan])
def test_learning_rate_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=rf"^learning_rate must be above 0 and below 1, got {value!r}$"):
        AdaptiveConfig(learning_rate=value)


@pytest.mark.parametrize("name", ["num_nodes", "hidden_dim", "batch_size", "learning_rate"])
@pytest.mark.parametrize("value", [None, "64", [64], {}])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(TypeError, match=rf"^{name} must be a number .*, got "):
        AdaptiveConfig(**{name: value})


@pytest.mark.parametrize(
    "values",
    [
        {"num_epochs": 0},
        {"num_epochs": -1},
        {"num_epochs": None},
        {"metrics_file": None},
        {"metrics_file": ""},
        {"phase_weights": {}},
        {"phase_weights": None},
        {"input_dim": -5},
        {"energy_decay": -1.0},
        {"activity_threshold": 7.0},
        {"circadian_period": 0},
        {"learning_rate": torch.tensor(0.5)},
        {"dtype": "anything"},
        {"device": torch.device("cpu")},
        {"checkpoint_dir": Path("somewhere")},
    ],
)
def test_everything_else_is_accepted(values):
    config = AdaptiveConfig(**values)
    for name, value in values.items():
        assert getattr(config, name) is value


def test_to_dict_is_shallow_and_in_order():
    config = AdaptiveConfig(num_nodes=7)
    data = config.to_dict()
    assert list(data) == list(FIELDS_AND_DEFAULTS)
    assert data["num_nodes"] == 7
    assert data["phase_weights"] is config.phase_weights
    data["num_nodes"] = 8
    assert config.num_nodes == 7


def test_update_gives_a_new_config():
    config = AdaptiveConfig(num_nodes=7)
    config.num_epochs = 4
    changed = config.update(learning_rate=0.5)
    assert (changed.learning_rate, changed.num_nodes, changed.num_epochs) == (0.5, 7, 4)
    assert config.learning_rate == 0.001
    assert changed.phase_weights is config.phase_weights
    assert config.update() == config
    assert config.update() is not config


def test_update_checks_values():
    with pytest.raises(ValueError, match="batch_size must be positive, got 0"):
        AdaptiveConfig().update(batch_size=0)


def test_update_names_the_fields_that_exist():
    with pytest.raises(TypeError, match=r"unknown field 'hiden_dim'; the fields are num_nodes, hidden_dim, "):
        AdaptiveConfig().update(hiden_dim=3)


def test_update_keeps_a_subclass():
    @dataclasses.dataclass
    class Mine(AdaptiveConfig):
        extra: int = 1

    assert Mine(extra=2).update(num_nodes=3) == Mine(extra=2, num_nodes=3)


def test_yaml_round_trip(tmp_path):
    config = AdaptiveConfig(
        num_nodes=7, learning_rate=1e-5, metrics_file=None, save_checkpoint=False, checkpoint_dir="über/ck: #1"
    )
    config.to_yaml(tmp_path / "config.yaml")
    assert AdaptiveConfig.from_yaml(str(tmp_path / "config.yaml")) == config


def test_yaml_turns_paths_devices_and_dtypes_into_text(tmp_path):
    config = AdaptiveConfig(checkpoint_dir=Path("some") / "where", device=torch.device("cpu"), dtype=torch.float64)
    config.to_yaml(tmp_path / "config.yaml")
    read = AdaptiveConfig.from_yaml(tmp_path / "config.yaml")
    assert (read.checkpoint_dir, read.device, read.dtype) == (str(Path("some") / "where"), "cpu", "float64")


def test_yaml_that_cannot_be_written_leaves_the_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("num_nodes: 3\n")
    config = AdaptiveConfig()
    config.seed = object()
    with pytest.raises(TypeError, match="seed must be a plain value to be written as YAML, got <object"):
        config.to_yaml(path)
    assert path.read_text() == "num_nodes: 3\n"


def test_yaml_may_leave_fields_out(tmp_path):
    (tmp_path / "c.yaml").write_text("num_nodes: 3\nphase_weights: {active: 1.0}\n")
    expected = AdaptiveConfig(num_nodes=3, phase_weights={"active": 1.0})
    assert AdaptiveConfig.from_yaml(tmp_path / "c.yaml") == expected


def test_yaml_exponent_without_a_point_is_a_number(tmp_path):
    (tmp_path / "c.yaml").write_text("learning_rate: 1e-3\nseed: 1\nbackend: 1e3\n")
    config = AdaptiveConfig.from_yaml(tmp_path / "c.yaml")
    assert config.learning_rate == 1e-3
    assert config.backend == "1e3"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("num_nodes: 3\nbogus: 1\n", TypeError, r"c\.yaml: unknown field 'bogus'; the fields are num_nodes, "),
        ("num_nodes: 0\n", ValueError, "num_nodes must be positive, got 0"),
        ("learning_rate: fast\n", TypeError, "learning_rate must be a number above 0 and below 1, got 'fast'"),
        ("- 1\n", ValueError, "must name a YAML mapping of field names to values, got a list"),
        ("", ValueError, "must name a YAML mapping of field names to values, got an empty file"),
        ("{", ValueError, r"path must name a YAML file, got .*c\.yaml"),
    ],
)
def test_yaml_that_is_no_config_is_refused(tmp_path, text, error, message):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(error, match=message):
        AdaptiveConfig.from_yaml(tmp_path / "c.yaml")


def test_yaml_runs_no_code(tmp_path):
    marker = tmp_path / "marker"
    (tmp_path / "c.yaml").write_text(f"num_nodes: !!python/object/apply:os.mkdir ['{marker}']\n")
    with pytest.raises(ValueError, match="path must name a YAML file"):
        AdaptiveConfig.from_yaml(tmp_path / "c.yaml")
    assert not marker.exists()


def test_yaml_file_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        AdaptiveConfig.from_yaml(tmp_path / "none.yaml")
