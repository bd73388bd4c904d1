"""What Tocsin asks of X's API v2, and what its refusals mean. EDGE: uses the network.

X tells apart too many requests, a spent budget and a second connection by what stands in the answer, not by its status;
each asks for something else: a minute's wait, money, or an end to the other program.

Source: docs.x.com, "Handling disconnections" and "Usage and Billing".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from httpx import Headers

from stream.sources.contract import Denied, Surroundings, Trouble
from stream.sources.web import Web
from stream.sources.x_posts import FIELDS, Problem, Unreadable, frame_of, problems_of
from stream.sources.x_rules import Held, Rule

BASE_URL = "https://api.x.com"
ADDED_AT_ONCE = 100
RIVAL_S = 300.0
"""How long another program is left alone that holds the one connection: asking sooner would only cut it off again."""
RULE_ANSWERS = (200, 201)
_SPENT = frozenset({"usage-capped", "credits", "credits-depleted", "spend-cap", "spending-limit"})
_SPENT_TITLES = frozenset({"UsageCapExceeded", "CreditsDepleted", "SpendCapReached", "usage-capped"})

Ladder = Literal["network", "answer", "rate"]
_encode = msgspec.json.Encoder().encode


class XTrouble(Trouble):
    """Trouble that says which of X's ladders of waiting it belongs to."""

    def __init__(self, words: str, ladder: Ladder, *, retry_s: float | None = None) -> None:
        super().__init__(words, retry_s=retry_s)
        self.ladder: Ladder = ladder


class Spent(Exception):  # noqa: N818
    """X answers no more because of money: its own monthly cap, a spending limit of the console, or no credits."""


class Waits:
    """How long to wait after each kind of trouble, as X wants it.

    >>> waits = Waits()
    >>> [waits.after(ladder) for ladder in ("network", "network", "answer", "answer", "rate", "rate")]
    [0.25, 0.5, 5.0, 10.0, 60.0, 120.0]
    """

    def __init__(self) -> None:
        self._failed: dict[Ladder, int] = {}

    def after(self, ladder: Ladder) -> float:
        """Seconds to wait now that it has failed once more."""
        times = self._failed[ladder] = self._failed.get(ladder, 0) + 1
        if ladder == "network":
            return min(0.25 * times, 16.0)
        if ladder == "answer":
            return min(5.0 * 2.0 ** min(times - 1, 10), 320.0)
        return min(60.0 * 2.0 ** min(times - 1, 10), 900.0)

    def well(self, *ladders: Ladder) -> None:
        """It works again: the next trouble is the first."""
        for ladder in ladders:
            self._failed.pop(ladder, None)


class XApi:
    """The requests, with the one token that they need. Each raises `Trouble`, `Denied` or `Spent`."""

    def __init__(self, web: Web, around: Surroundings, bearer_token: str, base_url: str = BASE_URL) -> None:
        self._web = web
        self._around = around
        self._base_url = base_url
        self.headers = {"Authorization": f"Bearer {bearer_token}", "User-Agent": "tocsin"}

    def url(self, path: str, parameters: Mapping[str, str | int] | None = None) -> str:
        """An address of the API."""
        return f"{self._base_url}{path}" + (f"?{urlencode(parameters)}" if parameters else "")

    async def rules(self) -> list[Held]:
        """The rules that X has, everybody's under this app."""
        held: list[Held] = []
        page = ""
        for _ in range(100):
            parameters = {"pagination_token": page} if page else {}
            found = await self._asked("GET", self.url("/2/tweets/search/stream/rules", parameters))
            listed = found.get("data")
            held += [
                Held(one["id"], one["value"], str(one.get("tag") or ""))
                for one in (listed if isinstance(listed, list) else ())
                if isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("value"), str)
            ]
            meta = found.get("meta")
            page = str(meta.get("next_token") or "") if isinstance(meta, dict) else ""
            if not page:
                break
        return held

    async def add(self, rules: Sequence[Rule]) -> None:
        """Add rules. Raises `Denied` with what X says of a rule that it does not take."""
        url = self.url("/2/tweets/search/stream/rules")
        for start in range(0, len(rules), ADDED_AT_ONCE):
            some = rules[start : start + ADDED_AT_ONCE]
            body = _encode({"add": [{"value": rule.value, "tag": rule.tag} for rule in some]})
            status, headers, found = await self._answered("POST", url, body)
            if status not in RULE_ANSWERS and status != 400:
                raise refusal_of(status, headers, found, self._around.clock())
            self._check_added(some, status, found)

    @staticmethod
    def _check_added(rules: Sequence[Rule], status: int, found: Mapping[str, Any]) -> None:
        tags = {rule.value: rule.tag for rule in rules}
        errors = found.get("errors")
        for error in errors if isinstance(errors, list) else ():
            if not isinstance(error, dict) or error.get("title") == "DuplicateRule":
                continue
            details = error.get("details")
            said = details[0] if isinstance(details, list) and details else error.get("detail", "")
            words = "".join(c for c in str(said)[:200] if c.isprintable())
            raise Denied(f"X does not take a rule ({tags.get(str(error.get('value')), 'of ours')}): {words}")
        if status == 400:
            raise Denied("X does not take our rules (400)")

    async def delete(self, rules: Sequence[Held]) -> None:
        """Take rules away."""
        url = self.url("/2/tweets/search/stream/rules")
        for start in range(0, len(rules), ADDED_AT_ONCE):
            some = [rule.id for rule in rules[start : start + ADDED_AT_ONCE]]
            await self._asked("POST", url, _encode({"delete": {"ids": some}}))

    async def posts(self, ids: Sequence[str]) -> dict[str, Any]:
        """Posts by their ids, at most 100: what is not there is told under `errors`."""
        fields = "created_at,public_metrics"
        return await self._asked("GET", self.url("/2/tweets", {"ids": ",".join(ids), "tweet.fields": fields}))

    async def recent(self, query: str, *, most: int, **more: str) -> dict[str, Any]:
        """Posts of the last seven days, the newest first; 10 to 100 at once."""
        parameters: dict[str, str | int] = {"query": query, "max_results": most, **more, **FIELDS}
        return await self._asked("GET", self.url("/2/tweets/search/recent", parameters))

    async def counted(self, query: str, **more: str) -> int:
        """How many posts match, without reading one."""
        parameters = {"query": query, "granularity": "minute"} | more
        found = await self._asked("GET", self.url("/2/tweets/counts/recent", parameters))
        meta = found.get("meta")
        total = meta.get("total_tweet_count") if isinstance(meta, dict) else None
        if not isinstance(total, int):
            raise XTrouble("X gave no count", "answer")
        return total

    async def usage(self) -> tuple[str, str]:
        """Posts read in this billing cycle, as X counts them, and its cap."""
        found = await self._asked("GET", self.url("/2/usage/tweets"))
        data = found.get("data")
        held = data if isinstance(data, dict) else {}
        return str(held.get("project_usage", "")), str(held.get("project_cap", ""))

    async def _asked(self, method: str, url: str, body: bytes = b"") -> dict[str, Any]:
        status, headers, found = await self._answered(method, url, body)
        if status not in RULE_ANSWERS:
            raise refusal_of(status, headers, found, self._around.clock())
        return found

    async def _answered(self, method: str, url: str, body: bytes) -> tuple[int, Headers, dict[str, Any]]:
        sent = self.headers | ({"Content-Type": "application/json"} if body else {})
        answer = await self._web.ask(method, url, sent, body)
        try:
            return answer.status, answer.headers, frame_of(answer.body)
        except Unreadable:
            if answer.status in RULE_ANSWERS:
                raise XTrouble("X answered with something that is no JSON", "answer") from None
            return answer.status, answer.headers, {}


def refusal_of(status: int, headers: Mapping[str, str], found: object, now_ms: int) -> Exception:
    """What an answer other than success means."""
    problems = problems_of(found)
    told = told_by(problems)
    if told is not None:
        return told
    if status == 402:
        return Spent("there are no credits left, or the spending limit is reached (402)")
    if status == 429:
        return XTrouble("X wants fewer requests (429)", "rate", retry_s=_until_reset_s(headers, now_ms))
    if status == 401:
        return Denied("X does not know the bearer token (401): make a new one in its Developer Console")
    if status == 403:
        cause = next((problem.cause for problem in problems if problem.cause), "")
        why = "; the app must belong to a project" if cause == "client-not-enrolled" else ""
        return Denied(f"the app may not do this (403){why}")
    if 400 <= status < 500 and status not in (408, 409, 425):
        return Denied(f"X does not take the request ({status}); a setting may be more than the plan allows")
    return XTrouble(f"X answered {status}", "answer")


def told_by(problems: Sequence[Problem]) -> Exception | None:
    """What problems mean that say it by their names, in the stream or in an answer."""
    for problem in problems:
        if problem.kind in _SPENT or problem.title in _SPENT_TITLES:
            return Spent(f"X reads out no more posts ({problem.kind or problem.title})")
        if "TooManyConnections" in (problem.cause, problem.title):
            words = "the one connection that X allows is in use: does a second program listen with the same app?"
            return XTrouble(words, "rate", retry_s=RIVAL_S)
        if "operational-disconnect" in (problem.kind, problem.title):
            words = "X closed the stream (operational-disconnect); if it goes on so, does a second program use the app?"
            return XTrouble(words, "answer")
    return None


def _until_reset_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    reset = headers.get("x-rate-limit-reset", "")
    if not (reset.isascii() and reset.isdecimal() and len(reset) <= 12):
        return None
    return min(max(int(reset) - now_ms / 1000, 1.0), 900.0)
