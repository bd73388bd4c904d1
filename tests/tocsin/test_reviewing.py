"""`tocsin review`: what it reads, what it writes, and that nobody's words do anything in it."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from alerting.decision import Decision
from stream.sources.text_store import TextStore
from tests.command import tocsin
from tests.tocsin.crises import BRAND, rows, shipped_chart
from tocsin.drill_file import DrillFile, write_drill
from tocsin.entry import Answer
from tocsin.journal import open_existing
from tocsin.mistakes import UsageError
from tocsin.replay import replay
from tocsin.reviewing import Reviewed, html, incidents, list_lines, review, write
from tocsin.state import Judged

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> <a href='https://evil.example'>bank</a> ![x](y) \u202e"
)


class Presses:
    """Somebody who acknowledges the first page after two minutes and resolves it after ten."""

    def __init__(self) -> None:
        self.acts: list[Answer] = []

    def hear(self, decision: Decision) -> None:
        """Plan what to do about a page."""
        if decision.kind == "Page" and not self.acts:
            for answer, after_ms in (("acknowledge", 120_000), ("resolve", 600_000)):
                at_ms = decision.at_ms + after_ms
                one = Answer(answer, BRAND.name, decision.incident, answer, decision.targets[0], at_ms)  # type: ignore[arg-type]
                self.acts.append(one)

    def due(self, until_ms: int) -> Answer | None:
        """The next act before a time."""
        return self.acts.pop(0) if self.acts and self.acts[0].at_ms < until_ms else None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the journal and the texts of a crisis in which everybody writes hostile things."""
    directory = tmp_path_factory.mktemp("review")
    spoilt = [
        row | {"text": f"{row['text']} {HOSTILE}", "author": f"<b>{row['author']}", "url": f'{row["url"]}?"><script>'}
        for row in rows("service_outage", 5)
    ]
    recording = directory / "rows.jsonl"
    recording.write_text("".join(json.dumps(row) + "\n" for row in spoilt), encoding="utf-8")
    person, texts = Presses(), TextStore(directory / "texts.db", durable=False)
    replay(
        [recording],
        brands=[BRAND],
        chart_text=shipped_chart(),
        journal_path=directory / "journal.db",
        texts=texts,
        on_decision=person.hear,
        humans=person,
    )
    texts.close()
    return directory


@pytest.fixture(scope="module")
def incident(data: Path) -> str:
    """The one that woke somebody."""
    return next(one.incident for one in incidents(data / "journal.db") if one.woken)


@pytest.fixture(scope="module")
def reviewed(data: Path, incident: str) -> Reviewed:
    """Its review, without a second look at what would have changed it."""
    return review(data / "journal.db", incident, counterfactual=False)


class Page(HTMLParser):
    """Counts what a page would do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.addresses: list[str] = []
        self.events: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, the addresses in it and any event handler."""
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            if name in ("href", "src", "action", "xlink:href") and not (value or "").startswith("#"):
                self.addresses.append(value or "")
            self.events += [name] if name.startswith("on") else []


def test_the_figures_follow_from_the_journal_alone(reviewed: Reviewed) -> None:
    """Whoever acknowledged two minutes after the page did so in two minutes."""
    figures = {one.name: one for one in reviewed.review.figures}
    assert figures["acknowledge"].took_ms == 120_000
    assert figures["acknowledge"].kept
    assert figures["page"].promised_ms is not None
    detect = figures["detect"].took_ms
    assert detect is not None
    assert 0 < detect < 60 * 60_000
    story = reviewed.review.timeline
    assert story.first_post_ms + detect == story.noticed_ms
    assert story.ended_ms >= story.acknowledged_ms


def test_the_page_asks_for_nothing_and_runs_nothing(reviewed: Reviewed) -> None:
    """No script, no picture from outside, no form; the only addresses are those of posts, behind a link."""
    text = html(reviewed)
    page = Page(text)
    active = {"script", "iframe", "img", "form", "object", "embed", "link", "base", "input", "image"}
    assert not active & set(page.tags)
    assert page.tags["b"] == sum(one.promised_ms is not None for one in reviewed.review.figures), "no bold of theirs"
    assert page.events == []
    assert page.addresses
    assert all(address.startswith(("https://social.example/", "https://forum.example/")) for address in page.addresses)
    assert page.tags["a"] == len(page.addresses)
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text, "the words are there to be read"


def test_the_picture_stands_in_the_page(reviewed: Reviewed) -> None:
    """Drawn, with its words beside it for whoever cannot see it."""
    page = Page(html(reviewed))
    assert page.tags["svg"] == 1
    assert reviewed.review.picture.startswith(f"{BRAND.name} · ")


def test_what_was_erased_is_said_to_be(data: Path, incident: str, reviewed: Reviewed) -> None:
    """A post that somebody had erased is counted, and quoted no more."""
    names = [name for d in open_existing(data / "journal.db").decisions() for name in d.decision.exemplars]
    copy = data.parent / f"{data.name}-erased"
    copy.mkdir()
    for name in ("journal.db", "texts.db"):
        (copy / name).write_bytes((data / name).read_bytes())
    texts = TextStore(copy / "texts.db")
    quoted = len(reviewed.review.posts)
    for post in texts.get(names).values():
        texts.erase_mention(post.id)
    texts.close()
    after = review(copy / "journal.db", incident, counterfactual=False)
    assert quoted > 0
    assert (len(after.review.posts), after.review.erased) == (0, quoted)
    assert f"{quoted} posts that this rested upon were erased" in html(after)


def test_without_texts_a_review_says_so(data: Path, incident: str) -> None:
    """A journal alone is enough for everything but the quotations."""
    alone = data.parent / f"{data.name}-alone"
    alone.mkdir()
    (alone / "journal.db").write_bytes((data / "journal.db").read_bytes())
    found = review(alone / "journal.db", incident, counterfactual=False).review
    assert (found.posts, found.erased) == ((), 0)
    assert "none is quoted" in found.notes[0]
    assert found.timeline.first_post_ms > 0


def test_a_review_of_another_incident_names_those_that_there_are(data: Path, incident: str) -> None:
    """A slip of the hand is told what would be right."""
    with pytest.raises(UsageError, match=f"there is no incident `nope`; it has .*{incident}"):
        review(data / "journal.db", "nope")


def test_the_list_says_what_each_came_to(data: Path, incident: str) -> None:
    """Newest first, with who was woken and how it ended."""
    lines = list(list_lines(incidents(data / "journal.db")))
    at = next(n for n, line in enumerate(lines) if line.startswith(incident))
    assert "ended" in lines[at + 1]
    assert "it was called resolved" in lines[at + 1]
    assert "woken: " in lines[at + 1]
    assert list(list_lines([])) == ["There is no incident in this journal."]


def test_markdown_has_its_picture_beside_it(reviewed: Reviewed, tmp_path: Path) -> None:
    """Two files, and the one names the other; a picture would not be written over the page."""
    files = write(reviewed, tmp_path / "crisis.md", "markdown")
    assert [path.name for path in files] == ["crisis.md", "crisis.svg"]
    written = (tmp_path / "crisis.md").read_text("utf-8")
    assert "](crisis.svg)" in written
    assert "<script" not in written
    with pytest.raises(UsageError, match=r"name it crisis\.md"):
        write(reviewed, tmp_path / "crisis.svg", "markdown")


def test_a_review_is_written_as_a_page_or_as_markdown_and_as_nothing_else(tmp_path: Path) -> None:
    ran = tocsin("review", "acme-1", "--out", tmp_path / "review.pdf")
    assert (ran.status, ran.lines) == (2, [f"--out {tmp_path}/review.pdf: a review is written as .html or .md"])
    assert not list(tmp_path.iterdir())


def test_a_speed_of_a_journal_that_is_no_drill_is_not_believed(data: Path, incident: str, tmp_path: Path) -> None:
    """Only a journal that was kept under a drill's name is one, whatever lies beside it."""
    for name in ("journal.db", "texts.db"):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    drill = DrillFile(name="drill-x", speed=60, core_ms=0, wall_ms=0, ends_ms=1, brands=(BRAND.name,), pid=1)
    write_drill(tmp_path, drill)
    found = review(tmp_path / "journal.db", incident, counterfactual=False).review
    assert (found.drill, found.speed) == (False, 1)


def test_the_ids_of_a_drill_tell_that_it_is_one(data: Path, tmp_path: Path) -> None:
    """The same posts under a drill's name give the same decisions under other ids; and the review says DRILL."""
    replay(
        [data / "rows.jsonl"],
        brands=[BRAND],
        chart_text=shipped_chart(),
        journal_path=tmp_path / "journal.db",
        judged={BRAND.name: Judged(mode="drill-abc")},
    )
    real, drilled = incidents(data / "journal.db"), incidents(tmp_path / "journal.db")
    assert {one.incident for one in drilled} == {f"drill-abc-{one.incident}" for one in real}
    assert review(tmp_path / "journal.db", drilled[0].incident, counterfactual=False).review.drill


def test_the_command_writes_what_its_flags_say(data: Path, incident: str, tmp_path: Path) -> None:
    """By the ending of the file, or by a flag; two flags at once are a slip of the hand."""
    journal = ("--journal", data / "journal.db", "--quick")
    ran = tocsin("review", incident, *journal, "--out", tmp_path / "r.html")
    assert (ran.status, ran.out) == (0, f"review: {tmp_path / 'r.html'}\n")
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    listed = tocsin("review", "--journal", data, "--json")
    assert incident in [one["incident"] for one in json.loads(listed.out)]
    told = json.loads(tocsin("review", incident, *journal, "--json").out)
    assert told["figures"][0]["name"] == "detect"
    both = tocsin("review", incident, *journal, "--html", "--json")
    assert both.status == 2
    assert "one of them at a time" in both.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--slack"], "--slack goes with --drill"),
        (["--speed", "60x"], "--speed goes with --drill"),
        ([], "no FILE: name mention files, or rehearse"),
        (["--drill", "--speed", "9000x"], "--speed 9000x: expected 1x to 600x"),
        (["--drill", "--for", "2 days"], "--for 2 days: expected 1s to 24h"),
        (["--drill", "--slack"], "--slack: there is no configuration"),
        (["--drill", "--story", "war"], "--story war: there is no such story; allowed: outage, viral"),
    ],
)
def test_a_slip_in_a_drills_flags_is_told_before_anything_happens(flags: list[str], said: str, tmp_path: Path) -> None:
    """One plain line, and status 2."""
    ran = tocsin("replay", *flags, *(["--data", tmp_path / "d"] if "--drill" in flags else []))
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
