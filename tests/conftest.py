"""Settings that every test shares."""

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.enketo_fixture")  # its comparisons explain themselves when they fail

# The machine may be busy: a test is judged by what it finds, never by the time it takes.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("project")
