"""The sources that the laws are held against: one `Case` each, from the test of its source."""

from tests.fakes.sources.feeds import CASE as FEEDS
from tests.fakes.sources.hackernews import CASE as HACKERNEWS
from tests.sources.laws import Case

CASES: tuple[Case, ...] = (FEEDS, HACKERNEWS)
