"""Run a command on a program as it was and as it would become, and say whether both did the same.

``python -m ann_compat.equivalence.verify`` is the process that ``ann-migrate --verify`` starts: see
:mod:`~ann_compat.equivalence.verify.protocol` for what the two say to each other,
:mod:`~ann_compat.equivalence.verify.session` for what a verdict rests on, and
:mod:`~ann_compat.equivalence.verify.recorder` for what happens in the processes of the command.
"""
