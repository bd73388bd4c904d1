"""`tocsin learn` into the topics: workers that start on them know the brand's past, and page its crisis at once."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from stream.codec import DAY_MS, HOUR_MS
from tests.acceptance.living import BRAND, SOURCE
from tests.cluster import accounts
from tests.cluster.conftest import Deploy, MakeBrokers
from tests.cluster.living import is_about, until
from tests.cluster.one_worker import SECRETS
from tests.cluster.sending import Sender, outcry
from tests.cluster.story import PER_SECOND, all_decided, card_of
from tests.command import Ran, tocsin
from tocsin.synthetic import quiet

pytestmark = pytest.mark.slow

SEED = 20_300
DAYS = 5


def past_of(path: Path, brand: str) -> int:
    """A file of a quiet past that ended two hours ago, and a line that nobody can read; how many posts
    are about the brand, its own among them."""
    start_ms = time.time_ns() // 1_000_000 - DAYS * DAY_MS - 2 * HOUR_MS
    rows = list(quiet(SEED, brand=brand, start_ms=start_ms, hours=DAYS * 24, per_hour=12, rhythm=False))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not a post\n", encoding="utf-8")
    return sum(is_about(row, brand) for row in rows)


def learnt(config: Path, *files: Path) -> Ran:
    """`tocsin learn`, as an operator calls it."""
    return tocsin("learn", *files, "--config", config, "--json", env=SECRETS)


async def test_a_deployment_that_was_taught_pages_minutes_after_it_was_started(deploy: Deploy, tmp_path: Path) -> None:
    """Without a past nothing is said of a brand for six hours."""
    living = await deploy(troubled=(BRAND,))
    await living.stamped()
    past = tmp_path / "past.jsonl"
    posts = past_of(past, BRAND)
    ran = await asyncio.to_thread(learnt, living.config_file(), past)
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    (brand,) = [one for one in told["brands"] if one["brand"] == BRAND]
    assert (brand["left"], told["dead_letters"]) == (0, 1)
    assert 0 < brand["learnt"] <= posts, "all but its own"
    assert len(await accounts.records_of(living.brokers, "dead-letters", 0)) == 1
    await living.up(intake=1, core=1, delivery=1)
    with Sender(lambda: living.doors("intake"), seed=SEED, per_second=PER_SECOND) as sender:
        sender.also(BRAND, outcry(SEED, BRAND))
        await until(lambda: card_of(living, BRAND), living.patience_s, living.tell)
        await asyncio.to_thread(sender.rest)
    await all_decided(living)
    books = await accounts.fold(living.brokers)
    assert books.mentions[BRAND] == posts + sender.counts()[BRAND], "learnt once, and heard once"
    assert books.dropped == 0, "nothing that was said was dropped for it"
    again = await asyncio.to_thread(learnt, living.config_file(), past)
    assert again.status == 2
    assert "have begun to listen" in again.err, "baselines learn forwards alone"


async def test_without_topics_it_says_how_to_make_them(make_brokers: MakeBrokers, tmp_path: Path) -> None:
    brokers = await make_brokers(made=False)
    kafka = {"bootstrap": brokers.bootstrap, "prefix": brokers.layout.prefix, "mentions": 2, "entries": 2}
    config = tmp_path / "tocsin.yaml"
    cluster = {"kafka": {**kafka, "replication": 1}, "names_key_env": "NAMES_KEY"}
    brands = [{"name": BRAND, "query": BRAND.lower()}]
    sources = [{"name": SOURCE, "secret_env": "SOCIAL_SECRET"}]
    config.write_text(json.dumps({"cluster": cluster, "brands": brands, "sources": sources}))
    past = tmp_path / "past.jsonl"
    past_of(past, BRAND)
    ran = await asyncio.to_thread(learnt, config, past)
    assert ran.status == 2
    assert "tocsin topics create" in ran.err
