"""Where a platform's terms forbid to measure spam and to warn of protests, neither is done among its posts."""

from pathlib import Path

import msgspec

from alerting.assessment import Surroundings, facts_of
from detectors.laws import START_MS
from stream.brands import Brand
from stream.codec import MINUTE_MS, canonical, digest
from stream.mention import Mention
from stream.names import Names
from stream.pulse import Counts, PulsePart
from stream.scoring import Scoring
from stream.window import Window
from tocsin.settings import load_settings
from tocsin.state import Content


def post(text: str, source: str) -> Mention:
    return Mention(id=f"{source}:1", source=source, created_ms=0, claimed_ms=0, observed_ms=0, text=text)


def wave(**sources: int) -> Window:
    """An hour in which every post is by a new account."""
    posts = sum(sources.values())
    window = Window(at_ms=START_MS + 10 * MINUTE_MS)
    window.take(START_MS, PulsePart(counts=Counts(mentions=posts, new_accounts=posts, sources=dict(sources))))
    return window


def coordinated(window: Window, *unmeasured: str) -> bool:
    around = Surroundings("Acme", 12, 1, 10, 100, blind=False, unmeasured=frozenset(unmeasured))
    return facts_of(window, [], around).coordinated


def test_nothing_is_said_of_coordination_where_such_posts_are_among_a_brands() -> None:
    """Be they few; and the other sources alone are measured as before."""
    assert coordinated(wave(social=500))
    assert coordinated(wave(social=500), "x")
    assert not coordinated(wave(social=499, x=1), "x")
    assert coordinated(wave(social=250, x=250))


def test_such_a_post_has_no_class_of_a_protest_and_keeps_the_others() -> None:
    """A boycott that another source speaks of is one; a data breach is one wherever it is told."""
    scoring = Scoring([Brand("Acme", "acme", unmeasured=("x",)), Brand("Free", "acme")], Names(b"test"))
    text = "Boycott acme! After the data breach the staff is on strike"
    ours, free = scoring.score(post(text, "x"))
    assert (ours.risks, free.risks) == (("data_breach",), ("boycott", "data_breach", "strike"))
    (ours, _) = scoring.score(post(text, "social"))
    assert ours.risks == ("boycott", "data_breach", "strike")


def test_x_is_not_measured_unless_its_leave_is_declared(tmp_path: Path) -> None:
    """For the brands that hear it, in intake and in the core."""
    path = tmp_path / "tocsin.yaml"
    text = (
        "brands:\n  - {name: Acme, query: acme}\n  - {name: Press, query: acme, sources: [hn]}\n"
        "sources:\n  - {name: hn, type: hackernews, queries: [acme]}\n"
        "  - {name: x, type: x, bearer_token_env: X_TOKEN}\n"
    )
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path, {"X_TOKEN": "a long enough token"})
    assert {brand.name: brand.unmeasured for brand in settings.brand_list()} == {"Acme": ("x",), "Press": ()}
    judged = settings.judged({})
    assert judged["Acme"].unmeasured == ("x",)
    assert judged["Press"].unmeasured is msgspec.UNSET
    path.write_text(text.replace("X_TOKEN}", "X_TOKEN, spam_and_protest_detectors: true}"), encoding="utf-8")
    settings = load_settings(path, {"X_TOKEN": "a long enough token"})
    assert {brand.unmeasured for brand in settings.brand_list()} == {()}


def test_what_was_configured_without_such_a_source_keeps_its_digest() -> None:
    """Nothing changes for who does not hear X; and what is declared is kept."""
    plain = Content("Acme", "UTC", "c")
    assert b"unmeasured" not in canonical(plain)
    assert digest(canonical(plain)) == digest(canonical(Content("Acme", "UTC", "c", unmeasured=msgspec.UNSET)))
    kept = msgspec.json.decode(canonical(Content("Acme", "UTC", "c", unmeasured=("x",))), type=Content)
    assert kept.unmeasured == ("x",)
    assert not msgspec.json.decode(canonical(plain), type=Content).unmeasured
