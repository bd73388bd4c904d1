"""What ways that post over HTTP share: what an answer says about a page, and what receivers were told since. EDGE."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from alerting.delivery.ways import Message, Outcome
from alerting.view import IncidentView
from stream.sources.guard import Answer, GuardedClient, Lost, NotSent, Refused

Reveal = Callable[[], str]
"""Opens a secret, at the call that needs it and nowhere else."""

RETRY_MS = 5_000
LONGEST_RETRY_MS = 60_000
"""A longer Retry-After is not believed: a page is due within five minutes."""
REMEMBERED = 10_000


async def looked_up(client: GuardedClient, url: str) -> Outcome | None:
    """Look up the name in an address, so that a POST leaves at once; what became of the message if it has none."""
    try:
        await client.look_up(url)
    except Refused as refused:
        return _refused(refused)
    return None


async def posted(client: GuardedClient, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """One POST, and what it came to. Never raises for what a network or a receiver does; the detail is a word or two of
    ours, never a part of the address or of the answer.
    """
    try:
        answer = await client.post(url, body, {"Content-Type": "application/json", **headers})
    except Refused as refused:
        return _refused(refused)
    except NotSent as why:
        return Outcome("not_sent", retry_ms=RETRY_MS, detail=str(why))
    except Lost as why:
        return Outcome("unknown", detail=str(why))
    return outcome_of(answer)


def outcome_of(answer: Answer) -> Outcome:
    """What a status says: 2xx is taken; 429 is not, and may be later; 408 and 5xx leave it open; the rest is final.

    >>> import httpx
    >>> [outcome_of(Answer(status, httpx.Headers(), b"")).kind for status in (202, 302, 400, 429, 500)]
    ['sent', 'permanent', 'permanent', 'not_sent', 'unknown']
    """
    status = answer.status
    if 200 <= status < 300:
        return Outcome("sent")
    if status in (425, 429):
        return Outcome("not_sent", retry_ms=_retry_after_ms(answer.headers), detail=f"http_{status}")
    if status == 408 or status >= 500:
        return Outcome("unknown", detail=f"http_{status}")
    return _no(f"http_{status}")


def _refused(refused: Refused) -> Outcome:
    return Outcome("not_sent", retry_ms=RETRY_MS, detail=str(refused)) if refused.passing else _no(str(refused))


def _no(detail: str) -> Outcome:
    return Outcome("permanent", detail=detail)


def _retry_after_ms(headers: Mapping[str, str]) -> int:
    asked = headers.get("retry-after", "")
    given = int(asked) * 1000 if asked.isascii() and asked.isdecimal() and len(asked) < 10 else RETRY_MS
    return min(max(given, 1000), LONGEST_RETRY_MS)


class Told:
    """What became of an incident since it was posted, as far as receivers were told: each change once.

    How it stood when it was posted is part of the `ts` of the message, so that it outlives the process: somebody who is
    called in after an acknowledgement is not told at once that there is nothing to do.

    >>> told = Told()
    >>> view = IncidentView(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> ts = told.ts("p1", view)
    >>> ts, told.news(ts, view)
    ('p1:open', '')
    >>> import msgspec
    >>> told.news(ts, msgspec.structs.replace(view, status="acknowledged"))
    'acknowledged'
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, str] = OrderedDict()

    @staticmethod
    def ts(page_id: str, view: IncidentView | None) -> str:
        """What a message that was posted is known by."""
        return f"{page_id}:{_standing(view)}"

    @staticmethod
    def page_id(ts: str) -> str:
        """The page that a `ts` speaks of."""
        return ts.partition(":")[0]

    @staticmethod
    def marked(outcome: Outcome, message: Message) -> Outcome:
        """What a post came to, with what the message is known by where it was taken."""
        if outcome.kind != "sent":
            return outcome
        return Outcome("sent", message.to, Told.ts(message.page_id, message.view))

    def news(self, ts: str, view: IncidentView | None) -> str:
        """`open`, `acknowledged` or `closed` where that is not how it stood when its receiver last heard; else ""."""
        known = self._last.get(ts) or ts.partition(":")[2]
        standing = _standing(view)
        return standing if view is not None and standing != known else ""

    def heard(self, ts: str, standing: str) -> None:
        """The receiver was told."""
        self._last[ts] = standing
        self._last.move_to_end(ts)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)


def _standing(view: IncidentView | None) -> str:
    if view is None or view.status == "open":
        return "open"
    return "closed" if view.over else "acknowledged"
