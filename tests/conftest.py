"""What every test stands on."""

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.faults import results

LONGEST = (
    *("tests/cluster", "tests/cluster/nights", "tests/faults/test_kill.py", "tests/acceptance/test_recorded.py"),
    *("tests/faults/test_kill_second_way.py", "tests/deploy/test_image.py", "tests/console/test_story.py"),
    *("tests/faults/test_silence.py", "tests/simulation/test_simulation.py", "tests/faults/test_slack_down.py"),
    *("tests/tocsin/test_demo.py", "tests/faults/test_people_rows.py", "tests/console/test_states.py"),
)
"""What takes longest of the slow tests, and so begins first: else one process ends alone, long after the others."""

# How long a busy machine takes is no promise of a test: in a fresh clone the first input that is thought up takes
# seconds. Whoever runs tests with a profile of their own, as for deliberate bugs, keeps it.
settings.register_profile("tocsin", suppress_health_check=[HealthCheck.too_slow], deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("tocsin")

# A run that a shell put into the background ignores Ctrl-C, and so would every process that a test starts to press it.
with contextlib.suppress(ValueError):  # not in the main thread: then there is nothing to mend
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """A run that is asked to keeps what it showed of the fault matrix."""
    config.addinivalue_line("markers", "row(numbers): shows rows of the fault matrix, see tests/faults/rows.py")
    kept = os.environ.get("TOCSIN_RESULTS")
    if kept and not hasattr(config, "workerinput"):
        config.pluginmanager.register(results.Results(Path(kept)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Where files are shared out among processes, those of `tests/cluster` stay together, for each process that has any
    starts a broker: the nights in which much breaks with one, whatever else there is with another. The longest come
    first, then those with most tests.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            nights = file.startswith(("tests/cluster/test_fault_", "tests/cluster/test_hot_"))
            return file.partition("/test_")[0] + "/nights" * nights if file.startswith("tests/cluster/") else file

        def _assign_work_unit(self, node: Any) -> None:
            if first := next((scope for scope in LONGEST if scope in self.workqueue), None):
                self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that shows a row of the fault matrix must have shown that its fault fired."""
    report = yield
    results.shown(item, report)
    return report


@pytest.fixture(scope="module")
def past(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand whose service has listened for thirty quiet hours, by the `SEED` of the module that asks for it."""
    from tests.acceptance.living import warmed  # the whole service: most tests need none of it

    home = tmp_path_factory.mktemp("past")
    warmed(home, request.module.SEED)
    return home
