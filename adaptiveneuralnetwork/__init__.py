"""Adaptive neural networks on PyTorch, with a legacy ``TrainingLoop`` and the new ``Trainer``.

The names live in the subpackages: ``adaptiveneuralnetwork.api`` (config and model) and
``adaptiveneuralnetwork.training`` (both training paths and the callbacks).
"""

__version__ = "0.2.0"
