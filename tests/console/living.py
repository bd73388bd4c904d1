"""A service with a console, for a browser to look at: two brands with a past, and a clock that a test may hurry.

The past is written into the intake log with the stamps of its hours. From then on time is real, but whoever tells a
story may skip ahead: each grid step on the way is walked through, with what was posted in it, in a blink.
"""

import asyncio
import io
import shutil
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.sources.intake_log import IntakeLog
from tests.acceptance.living import (
    CHANNEL,
    ENVIRONMENT,
    SIGNING_SECRET,
    SOURCE,
    body_of,
    line_of,
    signed,
)
from tests.fakes.slack import FakeSlack, Message
from tocsin.console.passwords import kept_of
from tocsin.embedded import Service
from tocsin.entry import Answer, Control
from tocsin.settings import load_settings
from tocsin.synthetic import Row, crisis, quiet

START_MS = 1_773_178_800_000
"""2026-03-10T21:40:00Z: a Tuesday, late in the evening where its public lives."""
BRAND = "Tulpatel"
CALM = "Noordzee Bank"
PEOPLE = {"ana": "U0ANA", "bram": "U0BRAM", "chloe": "U0CHLOE", "david": "U0DAVID"}
NAMES = {"ana": "Ana Diaz", "bram": "Bram de Vries", "chloe": "Chloe Martin", "david": "David Osei"}
STEP_S = 5
SIGN_IN = ("ana", "bram", "chloe", "david", "vera")
"""Who may sign in: two who answer, one for the calm brand alone, one who sees everything, and one who only looks."""

CHART = """\
# Who is told what, while somebody else sleeps.
version: 1
owner: Head of communications
review_by: 2036-01-31
last_resort: [head_of_communications]

responders:
  ana: {name: Ana Diaz, title: PR officer, department: Communications, slack: U0ANA}
  bram: {name: Bram de Vries, title: Webcare lead, department: Customer care, slack: U0BRAM}
  chloe: {name: Chloe Martin, title: PR officer, department: Communications, slack: U0CHLOE}
  david: {name: David Osei, title: Head of communications, department: Communications, slack: U0DAVID}

rosters:
  press_rota:
    timezone: Europe/Amsterdam
    rotation: {people: [ana, chloe], every: 8w, hand_over: "Monday 09:00", from: 2026-03-02}

roles:
  pr_on_call: {description: Day and night the first to be woken, roster: press_rota}
  webcare_lead: {description: Decides who answers and in what tone, people: [bram]}
  head_of_communications: {description: Speaks for the company, people: [david]}

promises:
  default: {first_response: 60m, solution: 24h, clock: always}

advice:
  outage: Say what you know, and when you will say more; then keep to it.

statements:
  outage:
    owner: Webcare lead
    review_by: 2036-01-31
    en: "Our service does not work for some of you at the moment. We are working on it, and will post again within the
      hour, also if there is no news yet. - {brand}"
    nl: "Onze dienst werkt op dit moment niet voor een deel van jullie. We werken eraan en laten binnen een uur weer van
      ons horen, ook als er nog geen nieuws is. - {brand}"

entry:
  viral_complaint: is_serious
  backlash: is_serious
  campaign_blunder: is_serious
  data_security: is_serious
  service_outage: is_serious
  blind: nothing_to_do

nodes:
  is_serious:
    question: Must somebody be woken?
    when: severity in ["high", "critical"]
    yes: many_people
    no: is_worth_a_word
  is_worth_a_word:
    question: Do many more people speak up than usual?
    when: severity == "medium"
    yes: tell_webcare
    no: watch_it
  tell_webcare:
    notify: webcare_lead
    say: More people than usual speak up. Read along.
    then: watch_it
  watch_it:
    wait: 30m
    until: severity in ["high", "critical"]
    then: has_it_grown
  has_it_grown:
    question: Has it grown?
    when: severity in ["high", "critical"]
    yes: many_people
    no: nothing_to_do
  many_people:
    question: Are more than one in four of them negative?
    when: negative_share >= 0.25
    yes: wake_pr
    no: nothing_to_do
  wake_pr:
    page: pr_on_call
    say: Please look now. One tap says that you have it.
    acknowledge_within: 10m
    if_not_acknowledged: wake_head
    then: tell_webcare_afterwards
  wake_head:
    page: head_of_communications
    say: The one on call has not acknowledged.
    then: tell_webcare_afterwards
  tell_webcare_afterwards:
    notify: webcare_lead
    say: Somebody has it. Wait for one agreed line before answering in public.
    then: is_it_true
  is_it_true:
    ask: Is it true?
    of: [pr_on_call, webcare_lead]
    answers: {yes: offer_words, not_yet: offer_words}
    within: 4h
    if_no_answer: offer_words
  offer_words:
    statement: outage
    languages: [en, nl]
    written_by: pr_on_call
    approve_by: [webcare_lead, head_of_communications]
    within: 4h
    if_not_approved: people_act
    then: people_act
  people_act:
    end: Somebody leads; what follows is theirs.
  nothing_to_do:
    end: It stays on record and nobody is bothered.
"""

CONFIG = """\
step: 5s
timezone: Europe/Amsterdam
flowchart: chart.yaml
data: data
brands:
  - {name: Tulpatel, query: tulpatel, languages: [en, nl], own_accounts: [tulpatel]}
  - {name: Noordzee Bank, query: '"noordzee bank"', languages: [en, nl], own_accounts: [noordzeebank]}
sources:
  - {name: social, secret_env: SOCIAL_SECRET, rate: 1000}
ingest: {listen: "127.0.0.1:0"}
delivery: {grace: 2s, timeout: 1s}
"""
CONSOLE = """\
console:
  listen: "127.0.0.1:{port}"
  public_url: "http://127.0.0.1:{port}"
  people:
    ana@example.org: {{role: responder, responder: ana, password_env: ANA_PASSWORD}}
    bram@example.org: {{role: responder, responder: bram, password_env: BRAM_PASSWORD}}
    chloe@example.org: {{role: responder, responder: chloe, brands: [Noordzee Bank], password_env: CHLOE_PASSWORD}}
    david@example.org: {{role: admin, responder: david, password_env: DAVID_PASSWORD}}
    vera@example.org: {{role: viewer, brands: [Tulpatel], password_env: VERA_PASSWORD}}
"""


class Hurried:
    """A clock that runs as the real one does, from where it is told, and jumps when it is told to."""

    def __init__(self, at_ms: int) -> None:
        self._began_s = time.monotonic()
        self._at_ms = at_ms

    def __call__(self) -> int:
        return self._at_ms + int((time.monotonic() - self._began_s) * 1000)

    def until(self, at_ms: int) -> None:
        """Be there, unless it is later already."""
        self._at_ms += max(0, at_ms - self())


# ---- what the public writes


def past_of(seed: int, until_ms: int, hours: float) -> list[Row]:
    """Ordinary days of both brands, by day and night."""
    start_ms = until_ms - int(hours * HOUR_MS)
    rows = [
        *quiet(seed, brand=BRAND, start_ms=start_ms, hours=hours, per_hour=46),
        *quiet(seed + 1, brand=CALM, start_ms=start_ms, hours=hours, per_hour=28),
    ]
    return sorted(rows, key=lambda row: str(row["created_at"]))


def outage(seed: int, start_ms: int, *, posts: int = 900, minutes: float = 14) -> list[Row]:
    """Nothing works any more, and people say so: faster and faster for so many minutes."""
    shape: dict[str, Any] = {"rise_minutes": minutes, "doubling_minutes": minutes / 4, "fall_minutes": 30}
    return list(crisis(seed, brand=BRAND, start_ms=start_ms, posts=posts, **shape))


def evening(seed: int, start_ms: int, minutes: float = 60) -> list[Row]:
    """An outage of the one brand, while ordinary life goes on for both."""
    life = [
        *quiet(seed + 2, brand=BRAND, start_ms=start_ms, hours=minutes / 60, per_hour=46),
        *quiet(seed + 3, brand=CALM, start_ms=start_ms, hours=minutes / 60, per_hour=28),
    ]
    return sorted([*life, *outage(seed, start_ms)], key=lambda row: str(row["created_at"]))


def write_past(data: Path, rows: Sequence[Row]) -> None:
    """Leave rows in the intake log as a service does that heard each in its minute."""
    data.mkdir(mode=0o700, parents=True)
    log = IntakeLog(data / "intake.db")
    minutes: dict[int, list[Row]] = {}
    for row in rows:
        minutes.setdefault(parse_rfc3339(row["created_at"]) // MINUTE_MS, []).append(row)
    for _, group in sorted(minutes.items()):
        stamp_ms = parse_rfc3339(group[-1]["created_at"])
        log.append([("mention", SOURCE, line_of(row)) for row in group], now_ms=stamp_ms)
    log.close()


# ---- the service


def configure(home: Path, slack: FakeSlack | None) -> Path:
    """Write `tocsin.yaml` and its flowchart; without a Slack it has no console either. Returns its path."""
    (home / "chart.yaml").write_text(CHART)
    config = home / "tocsin.yaml"
    told = "console: {enabled: false}\n"
    if slack is not None:
        told = f'slack: {{channel: {CHANNEL}, mode: http, base_url: "{slack.base_url}"}}\n'
        told += CONSOLE.format(port=free_port())
    config.write_text(CONFIG + told)
    return config


def free_port() -> int:
    """A port that nobody listens on, for an address that is known before the console is open."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def passwords() -> dict[str, str]:
    """What everybody's password is kept as, in the variables that the configuration names."""
    return {f"{name.upper()}_PASSWORD": kept_of(password_of(name)) for name in SIGN_IN}


def password_of(name: str) -> str:
    """What somebody signs in with."""
    return f"{name} has a long sentence"


def prepared(home: Path, seed: int, hours: float = 30) -> Path:
    """Make `home/data` the directory of a service that has listened for so many hours until `START_MS`."""
    write_past(home / "data", past_of(seed, START_MS, hours))

    async def once() -> None:
        settings = load_settings(configure(home, None), ENVIRONMENT)
        service = Service(settings, clock=Hurried(START_MS), terminal=io.StringIO())
        await service.start()
        await service.stop()

    asyncio.run(once())
    return home


class Shown:
    """A service under way, its Slack, and how its story goes on."""

    def __init__(self, service: Service, slack: FakeSlack, clock: Hurried) -> None:
        self.service = service
        self.slack = slack
        self.clock = clock
        self.public: list[Row] = []
        """What will be posted, in order of time."""
        self._one = asyncio.Lock()
        self._beat, service.works.beat = service.works.beat, self._beats  # type: ignore[method-assign]

    async def _beats(self) -> None:
        """One beat after another, whoever lets time pass: the service by its clock, or a test."""
        async with self._one:
            await self._beat()

    @property
    def console(self) -> str:
        """Where its console is."""
        entrance = self.service.console.entrance
        assert entrance is not None, self.service.console.problem
        return entrance.base_url

    async def post(self, rows: Sequence[Row]) -> None:
        """Send rows as a sender does; fails unless all are accepted."""
        body = body_of(rows)
        headers = signed(body, at_s=self.clock() // 1000)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.post(f"{self.service.base_url}/ingest/{SOURCE}", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] == len(rows), answer.text

    async def go_on(self, until_ms: int) -> None:
        """Let time pass in a blink, step by step, with what the public posts meanwhile."""
        step_ms = STEP_S * 1000
        at_ms = self.clock() // step_ms * step_ms
        while at_ms < until_ms:
            at_ms = min(at_ms + step_ms, until_ms)
            self.clock.until(at_ms)
            now = [row for row in self.public if parse_rfc3339(row["created_at"]) <= at_ms]
            del self.public[: len(now)]
            if now:
                await self.post(now)
            await self._beats()

    async def until_paged(self, most_minutes: int = 40) -> Message:
        """Let time pass until somebody is woken. The card of the incident, once it is in its channel."""
        for _ in range(most_minutes):
            if self.decided()["Page"]:
                break
            await self.go_on(self.clock() + MINUTE_MS)
        return (await self.slack.wait_for(lambda: self.slack.messages(CHANNEL), 20))[0]

    def answers(self) -> list[str]:
        """The answers that the core has taken in, in order."""
        events = [e.event.event for e in self.service.home.journal.entries() if isinstance(e.event, Control)]
        return [event.answer for event in events if isinstance(event, Answer)]

    def decided(self) -> Counter[str]:
        """How many decisions of each kind there are."""
        return Counter(recorded.decision.kind for recorded in self.service.home.journal.decisions())


@asynccontextmanager
async def shown(past: Path, home: Path, kept: Mapping[str, str], *, at_ms: int = START_MS) -> AsyncIterator[Shown]:
    """A service on a copy of a prepared directory, with its console open; `kept` are the passwords."""
    shutil.copytree(past / "data", home / "data")
    clock = Hurried(at_ms)
    async with FakeSlack(signing_secret=SIGNING_SECRET, clock=lambda: clock() / 1000) as slack:
        for name, user in PEOPLE.items():
            slack.workspace.add_user(user, name, NAMES[name])
        settings = load_settings(configure(home, slack), {**ENVIRONMENT, **kept})
        service = Service(settings, clock=clock, terminal=io.StringIO())
        await service.start()
        try:
            slack.reached_at(service.base_url)
            yield Shown(service, slack, clock)
        finally:
            await service.stop()
