"""The config and the model."""

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel

__all__ = ["AdaptiveConfig", "AdaptiveModel"]
