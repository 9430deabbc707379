"""Rewrite ``TrainingLoop`` programs into ``Trainer`` programs that behave the same, or decline with a reason."""
