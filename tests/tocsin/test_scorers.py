"""A scorer that a configuration brings along is asked first, journaled by its id, and refused where it is none."""

import json
import re
import sys
from pathlib import Path

import pytest

from stream.brands import Brand
from stream.mention import Mention
from stream.names import Names
from stream.sentiment import Masks, VaderScorer
from tests.command import tocsin
from tocsin.checking import check_all
from tocsin.intake import Intake
from tocsin.scorers import load_scorers
from tocsin.settings import SettingsError

GUIDE = Path(__file__).parent.parent.parent / "docs" / "scoring.md"
NO_MASKS = Masks(())

MODULE = """
class Grump:
    id = "grump@1"
    languages = ("en", "fr")

    def score(self, text):
        return -900 if text else 0

class Wild(Grump):
    def score(self, text):
        return 5000

class Nameless(Grump):
    id = ""
"""


@pytest.fixture
def grump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of scorers in it, on the path."""
    (tmp_path / "grumpy.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "grumpy", raising=False)
    return tmp_path


def test_ones_own_scorer_comes_before_the_shipped(grump: Path) -> None:
    """It scores the languages it reads; the others stay with what is shipped."""
    scorers = load_scorers(["grumpy:Grump"])
    assert scorers.judge("lovely", "en", NO_MASKS).scorer == "grump@1"
    assert scorers.judge("bien", "fr", NO_MASKS).label == "negative"
    assert scorers.judge("heel slecht", "nl", NO_MASKS).scorer.startswith("pattern-nl")
    assert load_scorers([]).judge("lovely", "en", NO_MASKS).scorer == "english@1"
    assert load_scorers(["stream.sentiment:VaderScorer"]).judge("lovely", "en", NO_MASKS).scorer == VaderScorer.id


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("grumpy", "module:Class"),
        ("grumpy:Nobody", "Nobody"),
        ("nowhere:Grump", "No module named"),
        ("grumpy:Wild", "whole number from -1000 to 1000"),
        ("grumpy:Nameless", "`id`"),
        ("json:JSONDecoder", "id"),
    ],
)
def test_what_is_no_scorer_is_refused_in_one_line(grump: Path, name: str, word: str) -> None:
    """Before anything is begun, with the name that is wrong; `tocsin check` says the same."""
    with pytest.raises(SettingsError) as caught:
        load_scorers([name])
    (problem,) = caught.value.problems
    assert problem.startswith(f"scorer {name}: ")
    assert word in problem
    config = grump / "tocsin.yaml"
    config.write_text(f'brands: [{{name: Acme, query: acme}}]\nscorers: ["{name}"]\n')
    assert problem in check_all(config, {})


def test_its_scores_reach_the_mentions(grump: Path) -> None:
    """Intake scores by it, and keeps its id beside the score."""
    intake = Intake([Brand("Acme", "acme")], Names(b"k"), step_ms=5000, scorers=load_scorers(["grumpy:Grump"]))
    intake.take(
        Mention(id="x:1", source="x", created_ms=1, claimed_ms=1, observed_ms=1, text="acme is lovely", lang="en"), 0
    )
    assert intake.counts["scored"] == 1
    (post,) = intake.posts.values()
    assert post.label == "negative"


def test_a_replay_scores_by_the_configured_scorer(grump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration is one for the service and for a replay; a name that is wrong ends it with status 2."""
    monkeypatch.setenv("PYTHONPATH", str(grump))
    posts = grump / "posts.jsonl"
    row = {"id": "1", "created_at": "2026-01-01T00:00:00Z", "text": "acme, merci", "lang": "fr"}
    posts.write_text(json.dumps(row) + "\n")
    config = grump / "tocsin.yaml"
    for scorers, scored in (("[]", "0 scored, 1 unscored"), ('["grumpy:Grump"]', "1 scored, 0 unscored")):
        config.write_text(f"brands: [{{name: Acme, query: acme, languages: [en, fr]}}]\nscorers: {scorers}\n")
        ran = tocsin("replay", str(posts), "--config", str(config))
        assert scored in " ".join((ran.out + ran.err).split())
    config.write_text('brands: [{name: Acme, query: acme}]\nscorers: ["nowhere:X"]\n')
    ran = tocsin("replay", str(posts), "--config", str(config))
    assert (ran.status, "nowhere:X" in ran.err) == (2, True)


def test_the_worked_example_of_the_guide_runs() -> None:
    """The French scorer of docs/scoring.md, with the lexicon that textblob-fr carries, where that is installed."""
    pytest.importorskip("textblob_fr", reason="pip install textblob-fr, to run the guide's example")
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    found: dict[str, type] = {}
    exec(code, found)
    scorer = found["FrenchScorer"]()
    scores = [
        scorer.score(text) for text in ("C'est nul, service injoignable", "Un service excellent, merci", "À demain")
    ]
    assert scores == [-200, 400, 0]
