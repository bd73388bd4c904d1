"""A sender that posts mentions at a steady rate, asks again whatever was not answered 202, and sends some twice."""

import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from stream.codec import MINUTE_MS, parse_rfc3339, rfc3339
from tests.acceptance.living import SOURCE, body_of, signed
from tests.cluster.living import LOAD, is_about
from tocsin.synthetic import crisis

WORDS = ("today", "again", "line", "shop", "parcel", "call", "queue", "website", "order", "ticket", "bill", "hello")
BATCHES_A_SECOND = 2
TWICE = 0.15
"""So often a batch that was accepted is sent again, to any door."""


class Sender:
    """Posts to `doors()`, whichever answers. `with` begins and ends; `rest()` ends it before."""

    def __init__(self, doors: Callable[[], Sequence[str]], *, seed: int, per_second: int) -> None:
        self._doors = doors
        self._random = random.Random(seed)
        self._seed = seed
        self._per_batch = max(1, per_second // BATCHES_A_SECOND)
        self._number = 0
        self._brands: dict[str, str] = {}
        self._more: list[list[dict[str, Any]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._last: list[dict[str, Any]] = []
        self.accepted: dict[str, str] = {}
        """Brand by id of each mention that was answered 202."""
        self.answers: Counter[int] = Counter()
        """Answers by status; 0 where none came."""
        self.repeats = 0
        """Mentions that were sent again although they had been accepted."""
        self.longest_s = 0.0
        """The longest that a batch had to be asked again until it was accepted."""

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def rest(self, within_s: float = 90) -> None:
        """Send no more; what was begun is asked again until it is accepted."""
        self._over.set()
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"a batch was never accepted: {self.answers}"

    def also(self, brand: str, rows: Sequence[dict[str, Any]], *, at_once: int = 20) -> None:
        """Send these posts about a brand too, some with each batch."""
        self._brands |= {row["id"]: brand for row in rows}
        self._more += [list(rows[n : n + at_once]) for n in range(0, len(rows), at_once)]

    @property
    def is_through(self) -> bool:
        """Whether all that it was given besides is accepted."""
        return not self._more and not self._last

    def counts(self) -> Counter[str]:
        """Accepted mentions by brand."""
        return Counter(self.accepted.values())

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self._last = [self._post() for _ in range(self._per_batch)]
            if self._more:
                self._last += self._more.pop(0)
            self._until_accepted(self._last)
            if self._random.random() < TWICE:
                self.repeats += len(self._last)
                self._ask(self._last)
            self._last = []
            self._over.wait(max(0.0, 1 / BATCHES_A_SECOND - (time.monotonic() - began)))

    def _until_accepted(self, rows: list[dict[str, Any]]) -> None:
        began = time.monotonic()
        while not self._ask(rows):
            time.sleep(0.1)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        self.accepted |= {row["id"]: self._brands[row["id"]] for row in rows}

    def _ask(self, rows: list[dict[str, Any]]) -> bool:
        body = body_of(rows)
        doors = list(self._doors())
        self._random.shuffle(doors)
        for door in doors[:1]:
            request = urllib.request.Request(f"{door}/ingest/{SOURCE}", body, signed(body))
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    status = int(answer.status)
            except urllib.error.HTTPError as error:
                status = error.code
            except OSError:
                status = 0
            self.answers[status] += 1
            return status == 202
        return False

    def _post(self) -> dict[str, Any]:
        self._number += 1
        rng, brand = self._random, LOAD[self._number % len(LOAD)]
        name = f"{SOURCE}:load-{self._seed}-{self._number}"
        self._brands[name] = brand
        return {
            "id": name,
            "created_at": rfc3339(time.time_ns() // 1_000_000),
            "author": f"person{rng.randrange(4_000)}",
            "author_followers": rng.randrange(500),
            "text": f"{brand.lower()} {' '.join(rng.choices(WORDS, k=9))} {self._number}",
            "lang": "en",
        }


def outcry(seed: int, brand: str, *, posts: int = 160, minutes: float = 4) -> list[dict[str, Any]]:
    """A crisis of a brand that broke out in the last minutes: so many angry posts, by many people."""
    now_ms = time.time_ns() // 1_000_000
    told: dict[str, Any] = {"rise_minutes": minutes, "doubling_minutes": minutes, "fall_minutes": 0.01}
    start_ms = now_ms - int(minutes * MINUTE_MS)
    found = crisis(seed, brand=brand, start_ms=start_ms, posts=posts * 2, **told)
    rows = [row for row in found if is_about(row, brand) and row["author"] != brand.lower()]
    for row in rows:
        row["created_at"] = rfc3339(min(parse_rfc3339(row["created_at"]), now_ms))
    return rows[:posts]
