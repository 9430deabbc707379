"""The node population inside ``AdaptiveModel``: its schedule, its equations, its state."""
