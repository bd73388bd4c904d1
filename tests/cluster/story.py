"""One night of a deployment for tests: a crisis under load while something is done to it, and the books afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from tests.acceptance.living import CHANNEL, PEOPLE
from tests.cluster import accounts
from tests.cluster.living import Deployment, until
from tests.cluster.sending import Sender, outcry
from tests.fakes.slack import Message
from tests.fakes.slack.interactivity import ClickResult
from tests.faults.results import note

RUNG_S = 6
"""So long nobody answers until the next one is woken (`Deployment(within="6s")`)."""

PER_SECOND = 30


@dataclass
class Night:
    """What happened, for the results."""

    happened: Counter[str] = field(default_factory=Counter)
    """Faults that were injected, and what was seen of them."""
    recovered_s: float = 0.0
    """From the end of the last fault until all workers were ready and time had passed that moment everywhere."""
    page_s: list[float] = field(default_factory=list)
    """Each crisis: from its first post until its card stood in Slack."""
    answered_s: float = 0.0
    """The longest that a click took which was taken."""
    books: accounts.Books = field(default_factory=accounts.Books)
    told: accounts.Deliveries = field(default_factory=lambda: accounts.Deliveries([], 0, 0))
    acknowledged: dict[str, float] = field(default_factory=dict)
    """By brand, when the acknowledgement was taken."""

    def figures(self) -> dict[str, object]:
        """As they are kept."""
        books, told = self.books, self.told
        return {
            "mentions": books.mentions.total(),
            "pages": sum(row.state == "sent" for row in told.rows),
            "recovered_s": round(self.recovered_s, 1),
            "page_s": round(max(self.page_s, default=0.0), 1),
            "seen": {
                **dict(sorted(self.happened.items())),
                "incarnations": books.incarnations,
                "dropped parts": books.dropped,
                "straddling marks": books.straddled,
                "forced ticks": books.forced,
                "takeovers": told.takeovers,
                "refused records of an earlier leader": told.refused,
            },
        }


def noted(request: pytest.FixtureRequest, night: Night, name: str, fault: str, *, full: bool) -> None:
    """Keep what this night showed, under a name of its own."""
    rows = sorted({number for mark in request.node.iter_markers("row") for number in mark.args})
    edition = "full" if full else "short"
    figures = night.figures()
    print(name, figures)
    note(request, f"cluster-{name}-{edition}", fault=fault, edition=edition, rows=rows, **figures)


Fault = Callable[[Night], Coroutine[None, None, None]]


def card_of(living: Deployment, brand: str) -> Message | None:
    """The card of a brand's incident, once it is there."""
    cards = [one for one in living.slack.messages(CHANNEL) if not one.is_reply]
    return next((one for one in cards if one.incident.startswith(f"{brand.lower()}-")), None)


def rungs(living: Deployment, brand: str) -> list[Message]:
    """The messages that named somebody for a brand's incident, in order."""
    card = card_of(living, brand)
    posts = [one for one in living.slack.ledger.posts if card is not None and card.ts in (one.ts, one.thread_ts)]
    return [one for one in posts if "<@U0" in (one.edits[0].text if one.edits else one.text)]


async def a_night(living: Deployment, fault: Fault, *, seed: int, apart_s: float = 0) -> Night:
    """Let crises break out under load, so far apart, while `fault` does its work; then hold the books to what was
    promised.
    """
    night, past = Night(), await living.with_a_past(seed)
    await living.up(intake=2, core=2, delivery=2)
    with Sender(lambda: living.doors("intake"), seed=seed, per_second=PER_SECOND) as sender:
        await _both(fault(night), _crises(living, night, sender, seed, apart_s))
        await recovered(living, night)
        await until(
            lambda: time.time() > max(night.acknowledged.values()) + RUNG_S + 2, living.patience_s, "the next rung"
        )
        await asyncio.to_thread(sender.rest)
    night.happened["repeated mentions"] = sender.repeats
    night.happened["answers that were not 202"] = sender.answers.total() - sender.answers[202]
    await close(living, night)
    assert night.books.mentions == past + sender.counts(), "each accepted mention counts once"
    return night


async def _both(*work: Coroutine[None, None, None]) -> None:
    """Until both are done; the first that fails ends the other."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _crises(living: Deployment, night: Night, sender: Sender, seed: int, apart_s: float) -> None:
    for number, brand in enumerate(living.troubled):
        next_at = time.monotonic() + apart_s
        await _crisis(living, night, sender, brand, seed + number)
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))


async def _crisis(living: Deployment, night: Night, sender: Sender, brand: str, seed: int) -> None:
    """One crisis: its card, the second rung since nobody answers, and an acknowledgement."""
    began = time.time()
    sender.also(brand, outcry(seed, brand))
    card = await until(lambda: card_of(living, brand), living.patience_s, living.tell)
    night.page_s.append(card.accepted_at - began)

    def next_or_taken() -> bool:
        # A click that was answered by nothing, since it could not be kept, may count all the same: then nobody is next.
        return len(rungs(living, brand)) >= 2 or "Acknowledged by" in str(card.blocks)

    await until(next_or_taken, living.patience_s, living.tell)
    await acknowledge(living, night, brand)


async def acknowledge(living: Deployment, night: Night, brand: str) -> None:
    """Ana presses, at whichever worker takes it."""
    card = card_of(living, brand)
    assert card is not None

    def press() -> ClickResult:
        return living.slack.click(card, "tocsin.acknowledge", PEOPLE["ana"], stale=True)

    result = await living.clicked(press)
    night.acknowledged[brand] = time.time()
    night.answered_s = max(night.answered_s, result.elapsed_s)


async def recovered(living: Deployment, night: Night) -> None:
    """Wait until everything works again, and note how long that took."""
    began = time.time()
    await living.all_ready()

    async def caught_up() -> bool:
        return await accounts.complete_ms(living.brokers) > began * 1000

    await until(caught_up, living.patience_s, living.tell)
    night.recovered_s = time.time() - began


async def all_decided(living: Deployment) -> None:
    """Wait until time has passed this moment in every partition."""
    ended_ms = time.time() * 1000

    async def passed() -> bool:
        return await accounts.complete_ms(living.brokers) > ended_ms + 1_000

    await until(passed, living.patience_s, living.tell)


async def close(living: Deployment, night: Night) -> None:
    """Let all that was sent be decided, stop the workers in order, and check what their topics and Slack say."""
    await all_decided(living)
    night.happened["repeated decisions"] = await accounts.repeated_decisions(living.brokers)
    await living.stop("intake")

    async def agree() -> bool:
        night.books = await accounts.fold(living.brokers)
        return await accounts.decisions_agree(living.brokers, night.books)

    await until(agree, living.patience_s, living.tell)
    await living.stop("core")
    await living.stop("delivery")
    living.hold_their_tongues()
    night.told = await accounts.deliveries(living.brokers)
    accounts.no_page_lost_or_doubled(night.books, night.told, living.slack)
    for brand, at_s in night.acknowledged.items():
        accounts.nobody_woken_after(night.told, living.slack, brand, at_s)
    acknowledged = {one.brand for one in await accounts.answers(living.brokers) if one.answer == "acknowledge"}
    assert acknowledged >= set(night.acknowledged), "what was answered 200 is in the log"
