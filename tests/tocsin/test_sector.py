"""Sector or us: competitors are counted beside a brand, never as its mentions, and the page says who else is up."""

import json
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from alerting.view import IncidentView
from alerting.words import sentence
from detectors.sector import KNOWN_HOURS, SectorLift
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, canonical, rfc3339
from stream.mention import Mention
from stream.names import Names
from stream.pulse import Counts, Pulse, PulsePart, RivalCounts
from stream.window import ClosedMinute, Window
from tocsin.checking import chart_text
from tocsin.intake import Intake
from tocsin.journal import open_existing, verify
from tocsin.replay import replay
from tocsin.settings import shipped_chart_path
from tocsin.synthetic import START_MS, crisis, merged, quiet

ACME = Brand("Acme", "acme", rivals=(("Bolt", "bolt"), ("Nut", "nut")))


def post(number: int, text: str, author: str = "a") -> Mention:
    """A post of the first minute."""
    at_ms = START_MS + number
    return Mention(
        id=f"x:{number}", source="x", created_ms=at_ms, claimed_ms=at_ms, observed_ms=at_ms, text=text, author=author
    )


def sealed(*texts: str, brand: Brand = ACME) -> tuple[Intake, list[PulsePart]]:
    """What intake makes of some posts."""
    intake = Intake([brand], Names(b"k"), step_ms=60_000)
    for number, text in enumerate(texts):
        intake.take(post(number, text, f"a{number}"), number)
    return intake, [one.part for one in intake.seal(10**9)]


def test_a_competitors_post_is_no_mention_of_the_brand_unless_its_own_query_hits_too() -> None:
    """It rides in the brand's own part; nothing else of it is kept, no text and no thread."""
    intake, (part,) = sealed("bolt is awful, terrible", "acme and bolt are great", "acme again", "nothing")
    assert part.counts.mentions == 2
    assert {name: (r.mentions, r.negative, r.scored) for name, r in part.rivals.items()} == {"Bolt": (2, 1, 2)}
    assert len(part.threads) == len(intake.posts) == 2
    assert (intake.counts["matched"], intake.counts["rivals"], intake.counts["unmatched"]) == (2, 1, 1)


def test_competitors_change_nothing_of_what_is_counted_for_the_brand() -> None:
    """The same part, but for them."""
    texts = ("bolt is awful", "acme and bolt are great", "acme is awful", "@bolt nut acme")
    _, (part,) = sealed(*texts)
    _, (alone,) = sealed(*texts, brand=msgspec.structs.replace(ACME, rivals=()))
    assert canonical(msgspec.structs.replace(part, rivals={})) == canonical(alone)


rivals = st.dictionaries(
    st.sampled_from(["Bolt", "Nut", "Gear"]),
    st.builds(
        RivalCounts,
        mentions=st.integers(0, 9),
        negative=st.integers(0, 9),
        scored=st.integers(0, 9),
        authors=st.dictionaries(st.integers(0, 63), st.integers(1, 20), max_size=4),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(tables=st.lists(rivals, min_size=1, max_size=6), data=st.data())
def test_competitors_merge_in_any_order_and_share_nothing(
    tables: list[dict[str, RivalCounts]], data: st.DataObject
) -> None:
    """As everything else in a part: a commutative monoid."""
    before = canonical(tables)
    shuffled = data.draw(st.permutations(tables))
    left, right = PulsePart(), PulsePart()
    for table in tables:
        left.add(PulsePart(rivals=table))
    for table in shuffled:
        right.add(PulsePart(rivals=table))
    assert canonical(dict(sorted(left.rivals.items()))) == canonical(dict(sorted(right.rivals.items())))
    assert canonical(tables) == before


# ---- the baseline


def taught(lift: SectorLift, hours: int, per_minute: int = 1, *, allowed: bool = True, from_hour: int = 0) -> None:
    """So many hours at one level."""
    for minute in range(from_hour * 60, (from_hour + hours) * 60):
        start_ms = START_MS + minute * MINUTE_MS
        pulse = Pulse(start_ms, start_ms + MINUTE_MS, Counts())
        lift.learn_one(ClosedMinute(pulse, rivals={"Bolt": RivalCounts(mentions=per_minute)}), allowed=allowed)


def heard(posts: int, voices: int) -> Window:
    """The last hour of the competitor."""
    window = Window()
    at_ms = START_MS + 3 * DAY_MS
    authors = dict.fromkeys(range(voices), 5)
    window.take(at_ms - 10 * MINUTE_MS, PulsePart(rivals={"Bolt": RivalCounts(mentions=posts, authors=authors)}))
    window.at_ms = at_ms
    return window


def test_a_competitor_is_up_beyond_chance_by_many_voices_and_from_a_known_past_alone() -> None:
    """Sixty an hour are usual: sixty and seventy are not up, two hundred are, but not by one account."""
    lift = SectorLift()
    taught(lift, KNOWN_HOURS)
    assert lift.lift(heard(200, 30)).up == ()
    taught(lift, 3 * 24 - KNOWN_HOURS, from_hour=KNOWN_HOURS)
    calm, lively, up, alone = (lift.lift(heard(n, v)) for n, v in ((60, 30), (70, 30), (200, 30), (200, 1)))
    assert (calm.up, lively.up, up.up, alone.up) == ((), (), ("Bolt",), ())
    assert 950 <= calm.ratio_milli <= 1050
    assert 3200 <= up.ratio_milli <= 3450


def test_an_outburst_and_forbidden_minutes_hardly_move_what_is_usual() -> None:
    """A crisis of the sector is no new normal, and the brand's own trouble is not learnt from."""
    lift, other = SectorLift(), SectorLift()
    for one in (lift, other):
        taught(one, 3 * 24)
    before = lift.lift(heard(60, 30)).ratio_milli
    taught(lift, 5, 50, from_hour=72, allowed=False)
    assert lift.lift(heard(60, 30)).ratio_milli == before
    taught(other, 1, 50, from_hour=72)
    assert other.lift(heard(60, 30)).ratio_milli >= before * 3 // 5


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 30 * 60))
def test_a_restored_baseline_goes_on_as_the_first(cut: int) -> None:
    """Anywhere in an hour; and a brand without competitors costs nothing."""
    one, two = SectorLift(), SectorLift()
    for minute in range(30 * 60):
        start_ms = START_MS + minute * MINUTE_MS
        table = {"Bolt": RivalCounts(mentions=minute % 3)}
        closed = ClosedMinute(Pulse(start_ms, start_ms + MINUTE_MS, Counts()), rivals=table)
        one.learn_one(closed, allowed=True)
        two.learn_one(closed, allowed=True)
        if minute == cut:
            two = SectorLift.restore(json.loads(canonical(two.snapshot())))
    assert one.snapshot() == two.snapshot()
    assert SectorLift().snapshot() == {}


# ---- the page


def decided(path: Path, rival_up: bool, journal: Path) -> list[Decision]:
    """A crisis of Tulpatel, with or without one of its competitor at the same time."""
    begins_ms = START_MS + 3 * DAY_MS
    rows = [
        *quiet(5, brand="Tulpatel", start_ms=START_MS, hours=3 * 24 + 3, rhythm=False),
        *quiet(6, brand="Noordbank", start_ms=START_MS, hours=3 * 24 + 3, rhythm=False),
        *crisis(5, brand="Tulpatel", start_ms=begins_ms, posts=400),
        *(crisis(6, brand="Noordbank", start_ms=begins_ms - HOUR_MS // 2, posts=400) if rival_up else ()),
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in merged(rows)), encoding="utf-8")
    found: list[Decision] = []
    brand = Brand("Tulpatel", "tulpatel", languages=("en", "nl"), rivals=(("Noordbank", "noordbank"),))
    chart = chart_text(shipped_chart_path())
    replay([path], brands=[brand], chart_text=chart, on_decision=found.append, journal_path=journal)
    return found


def said(decision: Decision) -> str:
    """The sentence on its card."""
    assert decision.facts is not None
    view = IncidentView(
        brand=decision.brand,
        incident=decision.incident,
        scenario=decision.scenario,
        severity=decision.severity,
        opened_ms=decision.at_ms,
        facts=decision.facts,
        signals=decision.signals,
    )
    return sentence(view)


def lifted(decision: Decision) -> bool:
    """The card speaks of more than twice the usual posts."""
    facts = decision.facts
    return decision.scenario != "blind" and facts is not None and facts.mentions >= 2 * facts.expected > 0


def test_the_page_says_whether_the_lift_is_ours_alone(tmp_path: Path) -> None:
    """And a run with competitors verifies as any other."""
    alone = decided(tmp_path / "alone.jsonl", rival_up=False, journal=tmp_path / "alone.db")
    page = next(d for d in alone if lifted(d))
    assert page.facts is not None
    assert (page.facts.sector_wide, page.facts.sector_milli > 0) == (False, True)
    assert said(page).endswith("The lift is ours alone."), rfc3339(page.at_ms)
    both = decided(tmp_path / "both.jsonl", rival_up=True, journal=tmp_path / "both.db")
    page = next(d for d in both if lifted(d))
    assert page.facts is not None
    assert page.facts.sector_up == ("Noordbank",)
    assert "Noordbank is up too (" in said(page)
    assert verify(open_existing(tmp_path / "both.db")).ok
