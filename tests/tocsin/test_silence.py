"""A person asks for quiet: through the letterbox into the journal, and from there the same in every replay."""

import asyncio
import json
from pathlib import Path
from random import Random

import msgspec
import pytest
from typer.testing import CliRunner

from alerting.decision import Decision
from alerting.quiet import Silence, Unsilence
from stream.brands import Brand
from stream.codec import HOUR_MS, MINUTE_MS
from stream.mention import Mention
from tests.tocsin.stories import CHART, NAMES_OF_BRANDS, STEP_MS, Ran, Said, apply_all, contents_of, run, write
from tocsin.cli import app
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Answer, ConfigChange
from tocsin.journal import open_existing, verify
from tocsin.letterbox import BOX, Wish, collect, post, waiting
from tocsin.settings import load_settings
from tocsin.synthetic import START_MS

NAME = NAMES_OF_BRANDS[0]
BRAND = Brand(
    NAME,
    f'{NAME.lower()} OR "@{NAME.lower()}"',
    languages=("en", "nl"),
    timezone="Europe/Amsterdam",
    own_accounts=(f"{NAME.lower()}_care",),
)
PROMISES = "\npromises:\n  at_risk: {page: webcare_lead}\n"
CRISIS_MS = START_MS + 73 * HOUR_MS
PAGES = ("Page", "Escalate")


def log_of(seed: int, *events: Silence | Unsilence | Answer) -> tuple[list[Said], dict[str, bytes]]:
    """A brand's three days and its crisis, with what people asked for in between, and a beat a minute at the end."""
    print(f"seed: {seed}")
    mentions = write(seed, [BRAND], hours=77, crisis_hour=73, posts=200)
    bodies, configured = contents_of([BRAND], CHART + PROMISES)
    first = mentions[0].observed_ms
    log = [Said(first, ConfigChange(name, digest, first)) for name, digest in configured]
    log += [Said(m.observed_ms, m) for m in mentions]
    log += [Said(event.from_ms if isinstance(event, Silence) else event.at_ms, event) for event in events]
    log += [Said(CRISIS_MS + minute * MINUTE_MS, None) for minute in range(6 * 60)]
    return sorted(log, key=lambda said: said.observed_ms), bodies


def replayed(seed: int, *events: Silence | Unsilence | Answer) -> Ran:
    log, bodies = log_of(seed, *events)
    return run(log, [BRAND], bodies)


@pytest.fixture(scope="module")
def plain() -> Ran:
    """The crisis as it is when nobody asks for quiet."""
    return replayed(3)


def pages(ran: Ran) -> list[int]:
    """When people were woken by the flowchart in the crisis."""
    return [d.at_ms for d in crisis(ran) if d.kind in PAGES and not d.reason.startswith("promise")]


def crisis(ran: Ran) -> list[Decision]:
    """What was decided about the brand's own trouble since it began."""
    return [d for d in ran.decisions if d.at_ms >= CRISIS_MS and d.scenario != "blind"]


def quiet_from(plain: Ran, minutes: int) -> Silence:
    """Quiet from a little before the first page of the plain run."""
    first = pages(plain)[0]
    return Silence("s-1", NAME, first - MINUTE_MS, first + minutes * MINUTE_MS, "chloe", "known", "", "critical")


def test_a_silence_that_ends_while_the_crisis_lasts_pages_at_that_grid_point(plain: Ran) -> None:
    asked = quiet_from(plain, 20)
    ran = replayed(3, asked)
    assert pages(ran)[0] == -(-asked.until_ms // STEP_MS) * STEP_MS
    held = [d for d in ran.decisions if d.kind == "NoPage" and d.reason == "silenced"]
    assert held
    assert {d.until_ms for d in held} == {asked.until_ms}


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_a_journal_with_silences_in_it_replays_to_the_same_chain(plain: Ran, batch: int) -> None:
    asked = quiet_from(plain, 30)
    lifted = Unsilence("u-1", NAME, "s-1", "chloe", asked.from_ms + 12 * MINUTE_MS)
    log, bodies = log_of(3, asked, lifted)
    lived = run(log, [BRAND], bodies, batch=batch)
    again = apply_all(lived.entries, bodies)
    assert again.chains == lived.chains != plain.chains
    assert again.final == lived.final
    assert pages(lived)[0] <= lifted.at_ms + 2 * STEP_MS < asked.until_ms


def test_a_promise_at_risk_is_paged_by_the_core_and_stopped_by_a_reply_of_the_brands_own_account(plain: Ran) -> None:
    def risks(ran: Ran) -> list[int]:
        return [d.at_ms for d in crisis(ran) if d.reason == "promise_at_risk" and "response" in d.note]

    assert risks(plain)
    opened = next(d for d in crisis(plain) if d.promises)
    clock = opened.promises[0]
    assert opened.at_ms - HOUR_MS <= clock.from_ms <= opened.at_ms
    assert risks(plain)[0] == -(-max(clock.orange_ms, opened.at_ms) // STEP_MS) * STEP_MS
    said_ms = opened.at_ms + 3 * MINUTE_MS
    log, bodies = log_of(3)
    asked = [s.what for s in log if isinstance(s.what, Mention) and s.observed_ms < said_ms]
    heads = {m.root_id or m.parent_id or m.quoted_id or m.id for m in asked[-60:]}
    own = [
        Mention(
            id=f"x:own{n}", source="x", created_ms=said_ms, claimed_ms=said_ms, observed_ms=said_ms, parent_id=head,
            text="We are looking into it", author=f"{NAME.lower()}_care",
        )
        for n, head in enumerate(sorted(heads))
    ]  # fmt: skip
    log = sorted([*log, *(Said(said_ms, m) for m in own)], key=lambda said: said.observed_ms)
    answered = run(log, [BRAND], bodies)
    assert not [ms for ms in risks(answered) if said_ms < ms < said_ms + 3 * HOUR_MS]
    later = [d for d in crisis(answered) if said_ms + MINUTE_MS < d.at_ms < said_ms + HOUR_MS]
    assert {d.promises[0].kept_ms for d in later if d.promises} == {said_ms}


# --- the letterbox ----------------------------------------------------------------------------------------------------

ASKED = Silence("s-1", NAME, 1, 2, "chloe", "known")


def collected(data: Path, known: str = NAME) -> tuple[list[Wish], list[str]]:
    """What a service takes out of the box, and what it refuses and why."""
    taken: list[Wish] = []
    refused: list[str] = []

    async def append(body: bytes) -> None:
        taken.append(msgspec.json.decode(body, type=Wish))

    asyncio.run(collect(data, append, lambda why, _: refused.append(why), lambda wish: wish.brand == known))
    return taken, refused


def test_a_wish_is_taken_once_and_is_exactly_what_was_asked(tmp_path: Path) -> None:
    lift = Unsilence("u-1", NAME, "s-1", "chloe", 5)
    for wish in (ASKED, lift, ASKED):
        post(tmp_path, wish)
    assert waiting(tmp_path) == [ASKED, lift]
    assert collected(tmp_path) == ([ASKED, lift], [])
    assert collected(tmp_path) == ([], [])


def test_a_wish_stays_in_the_box_while_the_log_cannot_take_it(tmp_path: Path) -> None:
    post(tmp_path, ASKED)

    async def full(_: bytes) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        asyncio.run(collect(tmp_path, full, lambda *_: None, lambda _: True))
    assert waiting(tmp_path) == [ASKED]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"type":"part"}', b"x" * 20_000, b'{"type":"config","brand":"Tulpatel","digest":"d"}',
        b'{"type":"silence","id":"s"}', bytes(Random(7).randrange(256) for _ in range(300)),
    ],
)  # fmt: skip
def test_a_bad_letter_is_refused_with_a_reason_and_stops_nobody(tmp_path: Path, body: bytes) -> None:
    post(tmp_path, ASKED)
    (tmp_path / BOX / "a-bad.json").write_bytes(body)
    taken, refused = collected(tmp_path)
    assert taken == [ASKED]
    assert len(refused) == 1
    assert refused[0].startswith("a-bad.json: ")
    assert not list((tmp_path / BOX).glob("*.json"))


def test_a_letter_that_is_a_link_or_about_nobody_known_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "names.key"
    secret.write_bytes(b"very secret")
    post(tmp_path, ASKED)
    (tmp_path / BOX / "link.json").symlink_to(secret)
    seen: list[bytes] = []

    async def append(_: bytes) -> None: ...

    taken = asyncio.run(collect(tmp_path, append, lambda _, body: seen.append(body), lambda _: False))
    assert (taken, len(seen)) == (0, 2)
    assert not any(b"very secret" in body for body in seen)
    assert secret.exists()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 101])
def test_an_id_that_is_no_files_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        post(tmp_path, msgspec.structs.replace(ASKED, id=name))
    assert not list(tmp_path.rglob("*.json"))


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a data directory whose service is down."""
    config = tmp_path / "tocsin.yaml"
    config.write_text(f"brands:\n  - name: {NAME}\n    query: {NAME.lower()}\n", encoding="utf-8")
    (tmp_path / "tocsin-data").mkdir()
    monkeypatch.setattr("tocsin.cli_silence.WAIT_S", 0)
    return config


def called(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    said = str(result.exception) if result.exception is not None else ""
    return result.exit_code, result.output + said


def test_a_silence_asked_for_while_nothing_runs_waits_and_says_so(deployment: Path) -> None:
    base = ["silence", NAME, "--config", str(deployment), "--who", "chloe"]
    status, said = called(*base, "--for", "2h", "--reason", "known", "--json")
    assert (status, json.loads(said.splitlines()[0])["taken"]) == (1, False)
    [wish] = waiting(deployment.parent / "tocsin-data")
    assert isinstance(wish, Silence)
    assert (wish.until_ms - wish.from_ms, wish.who, wish.severity_at_most) == (2 * HOUR_MS, "chloe", "high")
    status, said = called(*base, "--list")
    assert status == 0
    assert wish.id in said
    status, said = called(*base, "--lift", wish.id)
    assert "counts once `tocsin run` is up" in said.replace("\n", " ")
    assert [type(one).__name__ for one in waiting(deployment.parent / "tocsin-data")] == ["Silence", "Unsilence"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["silence", "Nobody", "--list"], "Nobody"),
        (["silence", NAME, "--for", "2h"], "its reason"),
        (["silence", NAME, "--for", "2 hours", "--reason", "x"], "allowed: 30m, 2h, 1d"),
        (["silence", NAME, "--for", "31d", "--reason", "x"], "up to 30d"),
        (["silence", NAME, "--for", "2h", "--reason", "x", "--scenario", "backlsh"], "backlash"),
        (["silence", NAME, "--for", "2h", "--reason", "x", "--incident", "acme-1"], "none is open now"),
        (["silence", NAME, "--lift", "silence-1"], "none holds now"),
        (["severity", NAME, "acme-1", "huge"], "critical"),
        (["severity", NAME, "acme-1", "critical"], "is no open incident"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused_with_what_is_allowed(
    deployment: Path, words: list[str], wanted: str
) -> None:
    status, said = called(*words, "--config", str(deployment))
    assert status != 0
    assert wanted in said
    assert waiting(deployment.parent / "tocsin-data") == []


def test_a_running_service_takes_a_silence_to_its_journal_and_lists_it(tmp_path: Path) -> None:
    """Durable in the box, then in the log, then in the core: and the journal still verifies."""
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        f"step: 1s\ningest: {{listen: '127.0.0.1:0'}}\nbrands:\n  - name: {NAME}\n    query: {NAME.lower()}\n",
        encoding="utf-8",
    )
    data = tmp_path / "tocsin-data"

    async def live() -> None:
        service = Service(load_settings(config, {}))
        await service.start()
        now_ms = wall_clock_ms()
        post(data, msgspec.structs.replace(ASKED, from_ms=now_ms, until_ms=now_ms + HOUR_MS))
        for _ in range(100):
            state = service.engine.brands.get(NAME)
            if state is not None and state.book is not None and state.book.quieted.asked:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("no service took it within five seconds")
        await service.stop()

    asyncio.run(live())
    assert waiting(data) == []
    assert verify(open_existing(data / "journal.db")).ok
    status, said = called("silence", NAME, "--config", str(config), "--list", "--json")
    assert status == 0
    assert [(row["id"], row["taken"]) for row in json.loads(said)] == [("s-1", True)]
