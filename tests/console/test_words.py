"""The interface says everything in English and in Dutch, and says nothing that no page asks for."""

import re
import string
from pathlib import Path
from typing import get_args

import pytest
import yaml
from jinja2 import Environment

from alerting.decision import Reason
from alerting.facts import BLIND, FACT_HELP, SCENARIOS, Facts
from alerting.modals import REASONS
from alerting.timeline import Kind
from alerting.view import IncidentView
from alerting.words import reason_words
from stream.risk import ISSUE_CLASSES, RISK_CLASSES
from tocsin.console import dutch, saying
from tocsin.console.render import TEMPLATES, _speaker
from tocsin.console.wording import WORDS, Words, language_of, load

SAID = load()
PAGES = sorted(TEMPLATES.glob("*.html"))
TEXTS = [file.read_text() for file in (*PAGES, *sorted(WORDS.parent.rglob("*.py")))]
_KEY = r"[a-z_]+\.[a-z][a-z0-9_]*"


def _asked() -> tuple[set[str], set[str]]:
    """Keys that templates and code name whole, and beginnings to which they add what they show."""
    whole: set[str] = set()
    begun: set[str] = set()
    for text in TEXTS:
        whole |= set(re.findall(rf"""["']({_KEY})["']""", text))
        begun |= set(re.findall(r"""["']([a-z_]+\.[a-z0-9_]*)["'] ~""", text))
        begun |= {one.removesuffix("{") for one in re.findall(r"""f["']([a-z_]+\.[a-z0-9_]*\{)""", text)}
    return whole, begun


def _is_asked(key: str, whole: set[str], begun: set[str]) -> bool:
    if key in whole:
        return True
    if key.startswith(tuple(one for one in begun if not one.endswith("."))):
        return True
    page, _, what = key.partition(".")  # a page's words by a name that something else gives: that name stands somewhere
    named = f"[\"']{re.escape(what.removesuffix('_says'))}[\"']"
    return f"{page}." in begun and any(re.search(named, text) for text in TEXTS)


def test_every_word_is_asked_for_somewhere() -> None:
    whole, begun = _asked()
    assert [key for key in SAID.known if not _is_asked(key, whole, begun)] == []


def test_every_word_that_a_template_names_exists() -> None:
    named = {key for page in PAGES for key in re.findall(rf"""t\(["']({_KEY})["']\s*[,)]""", page.read_text())}
    assert len(named) > 100
    assert sorted(key for key in named if not SAID.has(key)) == []


@pytest.mark.parametrize("file", sorted(WORDS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_file_says_each_thing_once_with_the_same_places_in_both_languages(file: Path) -> None:
    keys = [line.partition(":")[0] for line in file.read_text().splitlines() if re.match(r"[a-z]", line)]
    assert sorted(keys) == sorted(set(keys)) == sorted(yaml.safe_load(file.read_text()))
    for key in keys:
        said = SAID.known[f"{file.stem}.{key}"]
        english, in_dutch = ({name for _, name, _, _ in string.Formatter().parse(words)} for words in said.values())
        assert english - {None} == in_dutch - {None}, key
        assert all(isinstance(words, str) and words.strip() == words and words for words in said.values()), key


def test_no_sentence_was_left_in_english() -> None:
    same = [key for key, said in SAID.known.items() if said["en"] == said["nl"] and len(said["en"].split()) > 3]
    assert same == []


def test_a_key_without_one_of_the_languages_stops_the_start() -> None:
    with pytest.raises(ValueError, match=r"now\.calm"):
        Words({"now.calm": {"en": "Calm"}})


@pytest.mark.parametrize(
    ("known", "codes"),
    [
        (dutch.REASONS, get_args(Reason)),
        (dutch.SCENARIOS, (*SCENARIOS, BLIND)),
        (dutch.SEVERITIES, ("low", "medium", "high", "critical")),
        (dutch.SUBJECTS, (*RISK_CLASSES, *ISSUE_CLASSES)),
    ],
    ids=["reasons", "scenarios", "severities", "subjects"],
)
def test_dutch_has_a_word_for_every_code(known: dict[str, str], codes: tuple[str, ...]) -> None:
    assert sorted(known) == sorted(codes)
    assert len(set(known.values())) == len(known)


def test_the_reasons_of_a_false_alarm_are_those_that_slack_offers() -> None:
    assert {key.removeprefix("incident.reason_") for key in SAID.known if key.startswith("incident.reason_")} == set(
        REASONS
    )
    assert {code: SAID.say("en", f"incident.reason_{code}") for code in REASONS} == REASONS


def test_both_languages_say_the_same_figures() -> None:
    """The sentence is built anew in Dutch: every number that the English one holds stands in it."""
    facts = Facts(mentions=1412, expected=35, volume_ratio_milli=11_770, judged=700, negative_share_milli=640)
    facts = Facts(**{name: getattr(facts, name) for name in Facts.__struct_fields__} | {
        "usual_negative_share_milli": 120, "voices": 289, "issues": ("outage", "odd_one"), "risks": ("fraud",),
        "sector_milli": 2400, "sector_wide": True, "sector_up": ("Bolt",),
    })  # fmt: skip
    view = IncidentView(brand="Acme", incident="a-0", scenario="backlash", severity="high", opened_ms=0, facts=facts)
    english, dutch_ = saying.sentence("en", view), saying.sentence("nl", view)
    figures = [re.findall(r"\d+", said.replace(",", "").replace(".", "")) for said in (english, dutch_)]
    assert figures[0] == figures[1]
    assert "Bolt" in dutch_
    assert "odd one" in dutch_


def test_every_reason_reads_in_both_languages() -> None:
    for code in get_args(Reason):
        assert saying.reason("en", code) == reason_words[code]
        assert saying.reason("nl", code) != saying.reason("en", code)


@pytest.mark.parametrize(
    ("chosen", "accepted", "default", "spoken"),
    [
        (None, "nl-NL,nl;q=0.9,en;q=0.8", "en", "nl"),
        (None, "de,fr", "nl", "nl"),
        ("en", "nl", "nl", "en"),
        (None, "en;q=0.1,nl;q=0.2", "en", "nl"),
        (None, "nl;q=0", "en", "en"),
        (None, "," * 5000, "en", "en"),
        ("<script>", "", "xx", "en"),
    ],
)
def test_a_browser_is_answered_in_the_language_that_it_asks_for(
    chosen: str | None, accepted: str, default: str, spoken: str
) -> None:
    assert language_of(chosen, accepted, default) == spoken


def test_kinds_of_moments_and_facts_are_known_here() -> None:
    """Where a kind is added to the story of an incident, somebody looks whether a page shows it rightly."""
    assert len(get_args(Kind)) == 10
    assert "chance" in FACT_HELP


def test_what_stands_between_backticks_is_typed_and_what_is_filled_in_stays_text() -> None:
    words = Words({"a.b": {"en": "Add `{what}` to `brands:`", "nl": "Zet `{what}` in `brands:`"}})
    made = Environment(autoescape=True)
    made.globals["t"] = _speaker(words)
    shown = made.from_string("{{ t('a.b', what=what) }}").render(language="en", what="<b>`x`</b>")
    assert shown == "Add <code>&lt;b&gt;`x`&lt;/b&gt;</code> to <code>brands:</code>"
