"""The sources that the laws are held against: one `Case` each, from the test of its source."""

from tests.fakes.sources.feeds import CASE as FEEDS
from tests.fakes.sources.gdelt import CASE as GDELT
from tests.fakes.sources.hackernews import CASE as HACKERNEWS
from tests.fakes.sources.jetstream import CASE as JETSTREAM
from tests.fakes.sources.reddit import CASE as REDDIT
from tests.fakes.sources.x import CASE as X
from tests.sources.laws import Case

CASES: tuple[Case, ...] = (FEEDS, GDELT, HACKERNEWS, JETSTREAM, REDDIT, X)
