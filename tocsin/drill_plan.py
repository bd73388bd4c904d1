"""EDGE. What a drill plays: a recording from shortly before its crisis on, or a made-up one; and by which settings."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.view import WAKES
from stream.codec import HOUR_MS, MINUTE_MS, canonical, parse_rfc3339, rfc3339
from stream.mention import Mention
from stream.sources.files import read_files
from stream.sources.intake_log import IntakeLog, Item
from tocsin import synthetic
from tocsin.checking import chart_text
from tocsin.mistakes import UsageError
from tocsin.replay import replay
from tocsin.scorers import load_scorers
from tocsin.setting_sections import BrandSettings
from tocsin.settings import Settings
from tocsin.synthetic import Row

LEAD_MS = 10 * MINUTE_MS
"""A drill begins so long before what woke people, so that they see it come."""
WARM_MS = 95 * MINUTE_MS
"""So much before its beginning was heard, as the window of a service holds it; what was before that is learnt."""
PAST_HOURS = 32
BEAT: Item = ("beat", "", b"")
STORIES = ("outage", "viral")
BRAND = BrandSettings(
    name=synthetic.BRAND,
    query=synthetic.BRAND.casefold(),
    languages=("en", "nl"),
    own_accounts=(synthetic.BRAND.casefold(),),
    timezone="Europe/Amsterdam",
)
"""A company that does not exist, for whoever has none yet."""


class Post(NamedTuple):
    """A post of the script, as its sender would write it."""

    at_ms: int
    source: str
    body: bytes


class Script(NamedTuple):
    """What is played, from `begin_ms` on. The posts `before` it were heard, and what was before `warm_ms`, in the files
    of `past`, is learnt.
    """

    before: list[Post]
    posts: list[Post]
    warm_ms: int
    begin_ms: int
    end_ms: int
    past: tuple[Path, ...]


def recorded(
    files: Sequence[Path],
    settings: Settings,
    *,
    learn: Sequence[Path] = (),
    since_ms: int | None = None,
    until_ms: int | None = None,
    looking: Callable[[], None] = lambda: None,
) -> Script:
    """The script of a recording: from `since_ms` on, else from shortly before the first page that it leads to, which
    is found by running it through the flowchart unseen; `looking` is told so.

    Raises `SourceError` for a file that cannot be read, `UsageError` where nothing in it wakes anybody.
    """
    read_files([*files, *learn], dead=lambda *_: None)  # missing: told now
    if since_ms is None:
        looking()
        since_ms = _crisis_ms(files, settings, learn, until_ms) - LEAD_MS
    begin_ms = since_ms // MINUTE_MS * MINUTE_MS
    mentions = read_files(files, dead=lambda *_: None, since_ms=begin_ms - WARM_MS, until_ms=until_ms)
    posts = [Post(one.observed_ms, one.source, line_of(one)) for one in mentions]
    if not posts or posts[-1].at_ms < begin_ms:
        raise UsageError(f"nothing was recorded from {rfc3339(begin_ms)} on: there is nothing to drill")
    return _script(posts, begin_ms, (*learn, *files))


def _script(posts: list[Post], begin_ms: int, past: tuple[Path, ...]) -> Script:
    played = [post for post in posts if post.at_ms >= begin_ms]
    before = [post for post in posts if post.at_ms < begin_ms]
    return Script(before, played, begin_ms - WARM_MS, begin_ms, posts[-1].at_ms, past)


class _Found(Exception):  # noqa: N818 - what was looked for
    """The moment at which somebody would be woken."""

    def __init__(self, at_ms: int) -> None:
        super().__init__()
        self.at_ms = at_ms


def _crisis_ms(files: Sequence[Path], settings: Settings, learn: Sequence[Path], until_ms: int | None) -> int:
    """When the incident was noticed over which people are woken first."""
    opened: dict[str, int] = {}

    def look(decision: Decision) -> None:
        began_ms = min((s.since_ms for s in decision.signals if s.kind != "feed"), default=decision.at_ms)
        opened.setdefault(decision.incident, max(began_ms, decision.at_ms - HOUR_MS))
        if decision.kind in WAKES and decision.scenario != BLIND:
            raise _Found(opened[decision.incident])

    try:
        replay(
            files,
            brands=settings.brand_list(),
            chart_text=chart_text(settings.flowchart_path),
            until_ms=until_ms,
            learn=learn,
            on_decision=look,
            judged=settings.judged({}),
            scorers=load_scorers(settings.scorers),
        )
    except _Found as found:
        return found.at_ms
    said = "nothing in it wakes anybody by this flowchart; say from where to drill with --since, or take another"
    raise UsageError(f"{files[0]}: {said}")


def line_of(mention: Mention) -> bytes:
    """A mention as a line of the interchange format, without the time at which it was observed: the log stamps it."""
    row: Row = {
        "id": mention.id,
        "kind": mention.kind,
        "created_at": rfc3339(mention.claimed_ms),
        "text": mention.text,
        "author": mention.author,
        "author_followers": mention.author_followers,
        "author_created_at": rfc3339(mention.author_created_ms) if mention.author_created_ms is not None else None,
        "is_repost": mention.is_repost,
    }
    for name in ("lang", "url", "parent_id", "root_id", "quoted_id", "reposts", "likes", "replies", "views", "rating"):
        row[name] = getattr(mention, name)
    return canonical({name: value for name, value in row.items() if value is not None})


def made_up(story: str, brand: str, seed: int, now_ms: int, directory: Path) -> Script:
    """The script of a made-up crisis about a brand that begins now, against a past that is written into `directory`.

    Raises `UsageError` for a story that there is not.
    """
    if story not in STORIES:
        raise UsageError(f"--story {story}: there is no such story; allowed: {', '.join(STORIES)}")
    begin_ms = now_ms // MINUTE_MS * MINUTE_MS
    start_ms = begin_ms + LEAD_MS // 2
    calm = synthetic.quiet(
        seed, brand=brand, start_ms=begin_ms - PAST_HOURS * HOUR_MS, hours=PAST_HOURS + 4, per_hour=40, rhythm=False
    )
    if story == "outage":
        storm = synthetic.crisis(seed, brand=brand, start_ms=start_ms, posts=700, rise_minutes=35, fall_minutes=35)
    else:
        storm = synthetic.cascade(seed, brand=brand, start_ms=start_ms, posts=250, topics=(("complaint", 100),))
    past = directory / "past.jsonl"
    rows = list(synthetic.merged(calm, storm))
    with past.open("wb") as file:
        file.writelines(json.dumps(row).encode() + b"\n" for row in rows if _at_ms(row) < begin_ms - WARM_MS)
    return _script([_post(row) for row in rows if _at_ms(row) >= begin_ms - WARM_MS], begin_ms, (past,))


def _at_ms(row: Row) -> int:
    return parse_rfc3339(row["created_at"])


def _post(row: Row) -> Post:
    body = json.dumps({name: value for name, value in row.items() if name != "source"}).encode()
    return Post(_at_ms(row), row["source"], body)


def drill_settings(settings: Settings, name: str, directory: Path, *, channel: str | None, slack: bool) -> Settings:
    """The settings of a drill: everything as in the deployment, but in a directory of its own, under its own name, and
    towards nobody but its channel. What would reach further is left out.
    """
    told = settings.slack if slack else None
    if told is not None:
        told = told.model_copy(update={"channel": channel or settings.drill.channel or told.channel})
    changes = {
        "data": str(directory.resolve()),
        "mode": name,
        "brands": tuple(brand.model_copy(update={"mode": None, "sources": ()}) for brand in settings.brands),
        "sources": (),
        "slack": told,
    }
    # A letter, a call or a heartbeat leaves the drill's channel, where no DRILL tells those who only hear it ring.
    outward = ("email", "pagerduty", "webhooks", "apprise", "phone", "heartbeat")
    blank = {name: field.get_default() for name, field in Settings.model_fields.items() if name in outward}
    return settings.model_copy(update={**changes, **blank})


def brand_for_story(settings: Settings) -> BrandSettings:
    """The brand of a made-up story: the first of a configuration, found by its name, for that is what it speaks of."""
    if not settings.brands:
        return BRAND
    brand = settings.brands[0]
    words = "".join(c for c in brand.name if c.isalnum() or c == " ").split()
    handle = "".join(words).casefold()
    return brand.model_copy(update={"query": f'"{" ".join(words)}" OR {handle}', "languages": ("en", "nl")})


def first_of(brands: Iterable[BrandSettings]) -> tuple[str, ...]:
    """Their names."""
    return tuple(brand.name for brand in brands)


def hear_before(directory: Path, script: Script) -> None:
    """Write what was heard before the drill begins into its intake log, with the stamps of then: its first minutes
    then stand against what a service would know.
    """
    log = IntakeLog(directory / "intake.db")
    try:
        for minute_ms, posts in groupby(script.before, key=lambda post: post.at_ms // MINUTE_MS * MINUTE_MS):
            items: list[Item] = [("mention", post.source, post.body) for post in posts]
            log.append([*items, BEAT], now_ms=minute_ms + MINUTE_MS - 1)
    finally:
        log.close()
