"""The conformance kit: does a plugin's part keep the contract that LEAP relies on?

In a plugin's tests (the pytest plugin of `leap_core.testing.pytest_plugin` runs one test a check):

    @pytest.mark.conformance("environment", "kitchen")
    def test_kitchen(conformance):
        conformance()

On the command line: `leap check kitchen`. Every rule has its section in docs/conformance.md.
"""

from leap_core.testing.conformance import (  # noqa: F401 - the checks, in the order they are made
    environments,
    episodes,
    privileged,
    prompts_and_demonstrations,
    teachers,
    updaters,
)
from leap_core.testing.conformance.check import (
    Check,
    Nonconformity,
    NotApplicable,
    Result,
    declared,
)
from leap_core.testing.conformance.subjects import (
    EnvironmentSubject,
    Part,
    SourceSubject,
    Subject,
    TeacherSubject,
    UpdaterSubject,
)
from leap_core.testing.conformance.subjects_by_name import Choice, subject_of, subjects_named

__all__ = [
    "Check",
    "Choice",
    "EnvironmentSubject",
    "Nonconformity",
    "NotApplicable",
    "Part",
    "Result",
    "SourceSubject",
    "Subject",
    "TeacherSubject",
    "UpdaterSubject",
    "declared",
    "subject_of",
    "subjects_named",
]
