import math

import numpy as np
import pytest

from adaptiveneuralnetwork.core.checks import check_finite, check_int, check_rate


def test_numbers_that_are_fine():
    check_int("n", 1)
    check_int("n", np.int64(3))
    check_int("n", 0, low=0)
    check_rate("r", 0)
    check_rate("r", np.float32(0.5))
    check_finite("r", -1.5)


@pytest.mark.parametrize(
    ("check", "value", "error", "message"),
    [
        (check_int, 0, ValueError, "x must be 1 or more, got 0"),
        (check_int, 1.0, TypeError, r"x must be an int of 1 or more, got 1\.0"),
        (check_int, True, TypeError, "x must be an int of 1 or more, got True"),
        (check_int, None, TypeError, "x must be an int of 1 or more, got None"),
        (check_rate, -0.1, ValueError, r"x must be 0 or more, got -0\.1"),
        (check_rate, math.inf, ValueError, "x must be finite, got inf"),
        (check_finite, math.nan, ValueError, "x must be finite, got nan"),
        (check_finite, "0.1", TypeError, r"x must be a number, got '0\.1'"),
    ],
)
def test_others_are_named(check, value, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        check("x", value)
