"""The config and the model."""

from adaptiveneuralnetwork.api.config import AdaptiveConfig

__all__ = ["AdaptiveConfig"]
