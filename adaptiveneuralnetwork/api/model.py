"""``AdaptiveModel``: a classifier or regressor around a population of adaptive nodes."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.arguments import as_count
from adaptiveneuralnetwork.core.nodes import NodePopulation


class AdaptiveModel(nn.Module):
    """An adaptive network: features of the input drive a population of nodes, whose responses give the output.

    ``x (N, input_dim) -> encoder, tanh -> features (N, hidden_dim) -> population -> responses (N, num_nodes) ->
    decoder -> (N, output_dim)``. The population's state (hidden state, energy, activity, phase: see
    :class:`~adaptiveneuralnetwork.core.nodes.NodePopulation`) shapes the responses in both modes and moves in training
    mode only. With the same state the model is deterministic on CPU; it draws random numbers, from torch's global RNG,
    at construction only, and seeds nothing (``config.seed`` is for programs that want one).

    Args:
        config: sizes, the fields of the node and phase groups, ``device`` and ``dtype`` are read, once, here. The other
            fields belong to training. Changing the config afterwards does not change the model.

    Attributes:
        config: the config that was given.
        encoder, population, decoder: the parts named above.

    Raises:
        TypeError: ``config`` is no ``AdaptiveConfig``, or a field that the model reads is of the wrong type.
        ValueError: such a field is out of range; ``dtype`` is no floating-point type.

    Example:
        >>> model = AdaptiveModel(AdaptiveConfig(input_dim=64, num_nodes=50, hidden_dim=32))
        >>> model(torch.rand(5, 64)).shape, model(torch.rand(5, 1, 8, 8)).shape
        (torch.Size([5, 10]), torch.Size([5, 10]))
        >>> sorted(model.get_metrics())[:3]
        ['active_node_ratio', 'mean_activity', 'mean_energy']
    """

    def __init__(self, config: AdaptiveConfig) -> None:
        super().__init__()
        if not isinstance(config, AdaptiveConfig):
            raise TypeError(f"config must be an AdaptiveConfig, got {config!r}")
        as_count(config.input_dim, "input_dim")
        as_count(config.output_dim, "output_dim")
        as_count(config.hidden_dim, "hidden_dim")
        as_count(config.num_nodes, "num_nodes")
        place: dict[str, Any] = {"device": config.device, "dtype": _floating_dtype(config.dtype)}
        self.config = config
        self.encoder = nn.Linear(config.input_dim, config.hidden_dim, **place)
        self.population = NodePopulation(
            config.num_nodes,
            config.hidden_dim,
            spatial_dim=config.spatial_dim,
            connection_radius=config.connection_radius,
            energy_decay=config.energy_decay,
            activity_threshold=config.activity_threshold,
            adaptation_rate=config.adaptation_rate,
            circadian_period=config.circadian_period,
            phase_weights=config.phase_weights,
            **place,
        )
        self.decoder = nn.Linear(config.num_nodes, config.output_dim, **place)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (logits, in classification), ``(N, output_dim)``.

        In training mode the population's state then moves by one step.

        Args:
            x: samples ``(N, input_dim)``, or 4-D with ``input_dim`` values a sample, which are flattened by ``.view``
                (so they must be contiguous). Converted to the model's dtype, not to its device.

        Raises:
            ValueError: ``x`` has another shape.
        """
        if x.dim() == 4:
            x = x.view(x.size(0), -1)
        if x.dim() != 2 or x.size(1) != self.encoder.in_features:
            raise ValueError(
                f"x must be of shape (N, {self.encoder.in_features}), or 4-D with {self.encoder.in_features} values "
                f"a sample, got {tuple(x.shape)}"
            )
        features = torch.tanh(self.encoder(x.to(self.encoder.weight.dtype)))
        output: Tensor = self.decoder(self.population(features))
        return output

    def get_metrics(self) -> dict[str, float]:
        """Return the state of the population as floats. Pure: nothing is changed and no random number drawn.

        Returns:
            ``active_node_ratio``, ``mean_energy``, ``mean_activity`` and the share of nodes in each phase: see
            :meth:`NodePopulation.metrics <adaptiveneuralnetwork.core.nodes.NodePopulation.metrics>`.
        """
        return self.population.metrics()

    def freeze_population(self, frozen: bool = True) -> Self:
        """Stop the population's state from moving in training mode, or let it move again; return the model.

        The parameters go on being trained; see ``requires_grad_`` for those.
        """
        self.population.frozen = bool(frozen)
        return self

    def get_state_dict_full(self) -> dict[str, Any]:
        """Return all that makes the model go on as it would have, in tensors and plain values only.

        What is saved of it loads with ``torch.load(..., weights_only=True)``. As in ``state_dict()``, the tensors are
        the model's own and not copies.
        """
        return {"state_dict": self.state_dict(), "population_frozen": self.population.frozen}

    def load_state_dict_full(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`get_state_dict_full` returned.

        Args:
            state: that dict, from a model with the same sizes.

        Raises:
            TypeError: ``state`` is no mapping.
            ValueError: ``state`` is of another form.
            RuntimeError: names or shapes in it are not those of this model.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be a dict from get_state_dict_full(), got {type(state).__name__}")
        if set(state) != {"state_dict", "population_frozen"}:
            raise ValueError(
                "state must be a dict from get_state_dict_full(), with 'state_dict' and 'population_frozen', "
                f"got the keys {', '.join(repr(key) for key in list(state)[:5])}"
            )
        self.load_state_dict(state["state_dict"])
        self.freeze_population(state["population_frozen"])


def _floating_dtype(dtype: str | torch.dtype) -> torch.dtype:
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(f"dtype must be a floating-point type such as 'float32' or torch.float32, got {dtype!r}")
    return found
