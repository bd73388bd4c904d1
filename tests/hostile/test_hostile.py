"""Whatever comes from outside is inert wherever it is shown: every string, in every field, on every surface."""

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from alerting.escalation import slug
from alerting.facts import BLIND, SCENARIOS
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from tests.hostile.fields import NOW_MS, OURS, text_fields
from tests.hostile.judges import Page
from tests.hostile.strings import FAMILIES, STRINGS
from tests.hostile.surfaces import SURFACES, Piece
from tocsin.playbook import playbook

QUICK = STRINGS[::9]
"""In the quick edition; the others are in the slow one."""
SHARE = {"delivery": 5, "pictures": 7, "ways": 2}
"""Where a piece takes long to make: one in so many."""
MARK = "zyxwv"


def active(surface: str, text: str, calm: dict[str, list[Piece]]) -> tuple[int, list[str]]:
    """How many pieces one string makes, and what is active in them."""
    number, found = 0, []
    used: Counter[str] = Counter()
    for piece in SURFACES[surface](text, ""):
        beside = calm.get(piece.name) or [piece]
        ours = beside[min(used[piece.name], len(beside) - 1)]
        used[piece.name] += 1
        number += 1
        found += [f"{piece.name}: {one}" for one in piece.judge(piece.shown, ours.shown)]
    return number, found


def calm_of(surface: str) -> dict[str, list[Piece]]:
    """What stands there with an ordinary word in every field."""
    found: dict[str, list[Piece]] = {}
    for piece in SURFACES[surface]("calm", ""):
        found.setdefault(piece.name, []).append(piece)
    return found


def judged(surface: str, strings: tuple[str, ...]) -> None:
    """Drive these through a surface; nothing may be active."""
    calm, pieces = calm_of(surface), 0
    for text in strings:
        number, found = active(surface, text, calm)
        assert found == [], f"{text[:200]!a} is active: {found[:5]!a}"
        pieces += number
    print(f"{surface}: {len(strings)} strings, {pieces} pieces, 0 active")
    assert pieces >= len(strings)


@pytest.mark.parametrize("surface", SURFACES)
def test_nothing_from_outside_is_active(surface: str) -> None:
    """The quick edition: some of each family, in every field at once."""
    judged(surface, QUICK[:: SHARE.get(surface, 1)])


@pytest.mark.proof
@pytest.mark.parametrize("surface", SURFACES)
def test_none_of_the_strings_is_active(surface: str) -> None:
    """All of them; every fifth through a whole delivery, which makes its messages from the same cards and lines, and
    every seventh into pictures, whose words go through one function.
    """
    judged(surface, STRINGS if surface == "ways" else STRINGS[:: SHARE.get(surface, 1)])


def test_there_are_as_many_strings_as_promised() -> None:
    """Each of a kind, and no two the same."""
    assert len(STRINGS) >= 200
    assert len(set(STRINGS)) == len(STRINGS)
    assert min(len(family) for family in FAMILIES.values()) >= 8


def test_the_judges_find_what_is_active() -> None:
    """Each judge, given the string itself where the surface would show it, holds something against it."""
    for surface in SURFACES:
        calm = calm_of(surface)
        for name, pieces in calm.items():
            assert _spoilt(pieces[0]), f"{surface}: the judge of `{name}` finds nothing"


LEFT_OUT = (
    ("alerting.letter.header", "ways", "letters"),
    ("alerting.letter.escape", "ways", "HTML"),
    ("alerting.delivery.apprise.unmarked", "ways", "mentions of Slack"),
    ("alerting.message.mrkdwn", "cards", "mentions of Slack"),
    ("alerting.message.safe_url", "cards", "links of Slack"),
    ("alerting.words.one_line", "cards", "terminals"),
    ("alerting.inert.defang", "answers", "bare addresses"),
    ("alerting.review.marked", "reviews", "Markdown"),
    ("tocsin.digest.marked", "reviews", "Markdown"),
    ("tocsin.drawing.one_line", "pictures", "bare addresses"),
)


@pytest.mark.parametrize(("control", "surface", "family"), LEFT_OUT)
def test_a_control_that_is_left_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch, control: str, surface: str, family: str
) -> None:
    """Without the function that makes something inert the strings are active: they, and the judges, are worth their
    time.
    """
    monkeypatch.setattr(control, lambda text, *_: text)
    with pytest.raises(AssertionError, match="is active"):
        judged(surface, FAMILIES[family])


def _spoilt(piece: Piece) -> list[str]:
    """What the judge finds when the surface forgets to make anything inert."""
    bad = '<!channel> http://evil.example <script>x</script> \x1b[2J\u202e\r\nBcc: x\n"} 1'
    shown = piece.shown
    if isinstance(shown, bytes) and shown.startswith(b"From"):
        shown = shown.replace(b"Subject: ", b"X-Evil: <script>\r\nSubject: ")
    elif isinstance(shown, bytes):
        shown = shown.replace(b"Acme", b"http://evil.example").replace(b"calm", b"http://evil.example")
    elif isinstance(shown, dict):
        shown = _everywhere(shown, bad)
    elif shown.startswith(("{", "[")):
        shown = shown.replace("calm", "\u202e\x9b")
    elif piece.name == "metrics":
        shown += "tocsin_evil 1\n"
    else:
        shown = shown.replace("calm", bad).replace("at", bad)
    return piece.judge(shown, piece.shown)


def _everywhere(node: object, bad: str) -> object:
    if isinstance(node, dict):
        return {
            name: bad if name == "text" and isinstance(one, str) else _everywhere(one, bad)
            for name, one in node.items()
        }
    return [_everywhere(one, bad) for one in node] if isinstance(node, list) else node


# ---- nothing is forgotten


def reach(name: str) -> Iterator[str]:
    """The kinds of pieces that show a field."""
    for surface, make in SURFACES.items():
        if surface != "operators":
            yield from {re.sub(r" ?\d", "", piece.name) for piece in make(MARK, name) if _holds(piece.shown)}


def _holds(shown: object) -> bool:
    return MARK in (shown.decode("utf-8", "replace") if isinstance(shown, bytes) else str(shown)).casefold()


def test_every_field_with_text_is_driven_or_named_as_ours() -> None:
    """Found by reflection: a new field is driven on its first day, and what is excepted exists and has its reason."""
    fields = text_fields()
    assert [name for name in OURS if name not in fields] == []
    assert all(why for _, why in OURS.values())
    assert len(fields) - len(OURS) >= 60


def test_ids_of_incidents_hold_letters_and_digits_alone() -> None:
    """Whatever a brand is called."""
    for text in STRINGS:
        assert re.fullmatch(r"[\w-]+", slug(text), re.UNICODE), ascii(text)
        assert not re.search(r"[\s<>&@.:/*~`|\"']", slug(text)), ascii(text)


@pytest.mark.slow
def test_what_is_driven_reaches_people() -> None:
    """Strings times pairs of field and surface: the figure that `docs/security.md` gives."""
    driven = [name for name in text_fields() if name not in OURS]
    shown = {name: list(reach(name)) for name in driven}
    pairs, kinds = sum(map(len, shown.values())), {one for where in shown.values() for one in where}
    fields = [name for name, where in shown.items() if where]
    print(f"{len(STRINGS)} strings x {pairs} pairs of {len(fields)} fields and {len(kinds)} kinds of pieces")
    print("shown nowhere:", sorted(set(driven) - set(fields)))
    assert pairs >= 200
    for name in ("ShownPost.text", "ShownPost.author", "ShownPost.url", "IncidentView.brand", "FreshWord.word"):
        assert len(shown[name]) >= 3, name
    for name in ("Silence.reason", "Act.note", "Asked.words", "Facts.sector_up", "Sending.detail"):
        assert shown[name], name


# ---- on paper


def test_the_playbook_shows_what_a_flowchart_says_and_nothing_in_it_is_markup() -> None:
    """A flowchart is an organisation's own, and still its words are words: no element and no template of theirs."""
    strings = [text for name in ("HTML", "Markdown", "templates") for text in FAMILIES[name] if text.isprintable()]
    shown, calm = (playbook(_chart(one), {}, NOW_MS) for one in (strings, ["calm"] * len(strings)))
    found, ours = Page(shown), Page(calm)
    assert found.elements == ours.elements
    assert {name for name, _ in found.values} == {name for name, _ in ours.values}
    assert found.other == []
    words = " ".join(" ".join(found.words).split())
    assert [text for text in strings if " ".join(text.split()) not in words] == []


def _chart(words: list[str]) -> Chart:
    people = "".join(
        f"  p{number}: {{name: {json.dumps(word)}, title: {json.dumps(word)}, slack: U{number:07}}}\n"
        for number, word in enumerate(words)
    )
    said = json.dumps(words[0])
    entry = "".join(f"  {scenario}: tell\n" for scenario in (*SCENARIOS, BLIND))
    nodes = f"  tell: {{notify: p0, then: done}}\n  done: {{end: {said}}}\n"
    text = f"version: 1\nowner: {said}\nlast_resort: p0\nresponders:\n{people}entry:\n{entry}nodes:\n{nodes}"
    return load_chart(text, "chart.yaml")
