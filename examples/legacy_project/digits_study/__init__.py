"""Handwritten digits with an adaptive network."""

__version__ = "0.3.1"
