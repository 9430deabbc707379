"""Helpers."""
# ours


def work(loop, data):
    return loop.evaluate(data)
