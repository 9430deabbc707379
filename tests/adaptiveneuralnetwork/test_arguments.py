import math
from functools import partial

import numpy as np
import pytest

from adaptiveneuralnetwork.arguments import as_clip, as_count, as_real


def test_numbers_that_are_fine():
    assert as_count(1, "n") == 1
    assert type(as_count(np.int64(3), "n")) is int
    assert as_count(0, "n", minimum=0) == 0
    assert as_real(0, "r", 0) == 0.0
    assert type(as_real(np.float32(0.5), "r", 0)) is float
    assert as_real(-1.5, "r") == -1.5
    assert as_clip(np.float64(0.5), "c") == 0.5
    assert as_clip(None, "c") is None


@pytest.mark.parametrize(
    ("check", "value", "error", "message"),
    [
        (as_count, 0, ValueError, "x must be at least 1, got 0"),
        (as_count, 1.0, TypeError, r"x must be an integer of at least 1, got 1\.0 of type float"),
        (as_count, True, TypeError, "x must be an integer of at least 1, got True of type bool"),
        (as_count, None, TypeError, "x must be an integer of at least 1, got None of type NoneType"),
        (partial(as_real, low=0), -0.1, ValueError, r"x must be a number of at least 0, got -0\.1"),
        (partial(as_real, low=0, without_low=True), 0, ValueError, "x must be a number greater than 0, got 0"),
        (partial(as_real, low=0, high=1), 2, ValueError, "x must be a number of at least 0 and at most 1, got 2"),
        (partial(as_real, low=0), math.inf, ValueError, "x must be finite, got inf"),
        (as_real, math.nan, ValueError, "x must be finite, got nan"),
        (as_real, "0.1", TypeError, r"x must be a number, got '0\.1' of type str"),
        (as_real, True, TypeError, "x must be a number, got True of type bool"),
        (as_clip, -1, ValueError, "x must be greater than 0, or None for no clipping, got -1"),
        (as_clip, "1", TypeError, "x must be a number greater than 0, or None for no clipping, got '1'"),
    ],
)
def test_others_are_named(check, value, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        check(value, "x")
