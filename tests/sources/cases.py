"""The sources that the laws are held against: one `Case` each, from the test of its source."""

from tests.fakes.sources.apple import CASE as APPLE
from tests.fakes.sources.brandwatch import CASE as BRANDWATCH
from tests.fakes.sources.feeds import CASE as FEEDS
from tests.fakes.sources.files import CASE as FILES
from tests.fakes.sources.gdelt import CASE as GDELT
from tests.fakes.sources.hackernews import CASE as HACKERNEWS
from tests.fakes.sources.jetstream import CASE as JETSTREAM
from tests.fakes.sources.mastodon import CASE as MASTODON
from tests.fakes.sources.reddit import CASE as REDDIT
from tests.fakes.sources.talkwalker import CASE as TALKWALKER
from tests.fakes.sources.x import CASE as X
from tests.fakes.sources.youtube import CASE as YOUTUBE
from tests.sources.laws import Case

CASES: tuple[Case, ...] = (
    APPLE,
    BRANDWATCH,
    FEEDS,
    FILES,
    GDELT,
    HACKERNEWS,
    JETSTREAM,
    MASTODON,
    REDDIT,
    TALKWALKER,
    X,
    YOUTUBE,
)
