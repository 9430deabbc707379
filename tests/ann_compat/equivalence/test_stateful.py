"""Calls in any order: what one call leaves behind must not make a later one differ."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ann_compat.equivalence.cases import CALLS, CHOICES, CaseSpec
from ann_compat.equivalence.findings import case_failure
from ann_compat.equivalence.harness import run_case
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.reports.text import failure_text

SETTINGS = settings(
    max_examples=25,
    stateful_step_count=6,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


class Calls(RuleBasedStateMachine):
    """Makes a sequence of calls, one rule each, and runs it through both paths at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.fields: dict[str, object] = {}

    @initialize(
        model=st.sampled_from(CHOICES["model"]),
        optimizer=st.sampled_from(CHOICES["optimizer"]),
        validation=st.booleans(),
        files=st.booleans(),
        epochs=st.sampled_from((1, None)),
    )
    def begin(self, **fields: object) -> None:
        self.fields = {"train_size": 4, "scale": 10.0, "config_epochs": 2, **fields}

    @rule()
    def train(self) -> None:
        self.calls.append("train")

    @rule(call=st.sampled_from([call for call in CALLS if call not in ("train", "save", "load")]))
    def other(self, call: str) -> None:
        self.calls.append(call)

    @precondition(lambda self: self.fields.get("files"))
    @rule()
    def save(self) -> None:
        self.calls.append("save")

    @precondition(lambda self: "save" in self.calls)
    @rule()
    def load(self) -> None:
        self.calls.append("load")

    def teardown(self) -> None:
        if self.calls:
            case = run_case(CaseSpec(**self.fields, calls=tuple(self.calls)))
            assert case.comparison.equal, failure_text(case_failure(case))


def test_any_order_of_calls_is_bit_equal():
    run_state_machine_as_test(Calls, settings=SETTINGS)


def test_state_that_one_call_leaves_wrong_is_found():
    for name in ("history-starts-anew", "load-forgets-optimizer", "optimizer-state-lost"):
        with BY_NAME[name].planted():
            try:
                run_state_machine_as_test(Calls, settings=settings(SETTINGS, max_examples=60, phases=[Phase.generate]))
            except AssertionError:
                continue
            raise RuntimeError(f"{name} was not found")
