"""The fake in a thread of its own, with the same methods for callers that block."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from tests.fakes.slack.faults import Faults
from tests.fakes.slack.interactivity import ClickResult
from tests.fakes.slack.ledger import Json, Ledger, Message, RequestRecord
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace

T = TypeVar("T")


class FakeSlackThread:
    """`with FakeSlackThread(...) as slack:` takes what FakeSlack takes and has its methods, without the `await`.

    Made for tests that start the program under test as a process and kill it: the fake lives on in the test.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args, self._kwargs = args, kwargs
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._inner: FakeSlack | None = None
        self._thread = threading.Thread(target=self._run, name="fake-slack", daemon=True)

    def __enter__(self) -> FakeSlackThread:
        self._thread.start()
        self._ready.wait(10)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # handed to the thread that waits for us
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with FakeSlack(*self._args, **self._kwargs) as self._inner:
            self._ready.set()
            await self._stop.wait()

    @property
    def inner(self) -> FakeSlack:
        """The server itself; only its plain reads are safe from here."""
        assert self._inner is not None, "use it inside `with`"
        return self._inner

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _on_loop(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self._await(run())

    @property
    def base_url(self) -> str:
        """What slack_sdk wants as base_url."""
        return self.inner.base_url

    @property
    def page_url(self) -> str:
        """Where a human can look."""
        return self.inner.page_url

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self.inner.port

    @property
    def interactivity_url(self) -> str | None:
        """Where clicks are posted."""
        return self.inner.interactivity_url

    @interactivity_url.setter
    def interactivity_url(self, url: str | None) -> None:
        self.inner.interactivity_url = url

    @property
    def faults(self) -> Faults:
        """The faults in waiting; locked, so safe from here."""
        return self.inner.faults

    @property
    def ledger(self) -> Ledger:
        """The ledger; read it only."""
        return self.inner.ledger

    @property
    def workspace(self) -> Workspace:
        """People and channels; add before the program under test starts."""
        return self.inner.workspace

    def click(self, target: str | Message, action_id: str, user: str = "U1", **options: Any) -> ClickResult:
        """See FakeSlack.click."""
        return self._await(self.inner.click(target, action_id, user, **options))

    def replay_last_click(self) -> ClickResult:
        """See FakeSlack.replay_last_click."""
        return self._await(self.inner.replay_last_click())

    def forge_click(self, target: str | Message, action_id: str, user: str = "U1", **options: Any) -> ClickResult:
        """See FakeSlack.forge_click."""
        return self._await(self.inner.forge_click(target, action_id, user, **options))

    def command(self, text: str, user: str = "U1", **options: Any) -> ClickResult:
        """See FakeSlack.command."""
        return self._await(self.inner.command(text, user, **options))

    def submit(self, view: Json, values: Json | None = None, user: str = "U1", **options: Any) -> ClickResult:
        """See FakeSlack.submit."""
        return self._await(self.inner.submit(view, values, user, **options))

    def open_home(self, user: str = "U1", **options: Any) -> ClickResult:
        """See FakeSlack.open_home."""
        return self._await(self.inner.open_home(user, **options))

    def reached_at(self, base_url: str) -> None:
        """See FakeSlack.reached_at."""
        self.inner.reached_at(base_url)

    def say(self, channel: str, text: str, user: str = "U1", thread_ts: str | None = None) -> Message:
        """See FakeSlack.say."""
        return self._on_loop(lambda: self.inner.say(channel, text, user, thread_ts))

    def disconnect_sockets(self, reason: str = "refresh_requested") -> int:
        """See FakeSlack.disconnect_sockets."""
        return self._await(self.inner.disconnect_sockets(reason))

    def drop_sockets(self) -> int:
        """See FakeSlack.drop_sockets."""
        return self._await(self.inner.drop_sockets())

    def wait_connected(self, count: int = 1, timeout_s: float = 5.0) -> None:
        """See FakeSlack.wait_connected."""
        self._await(self.inner.wait_connected(count, timeout_s))

    def messages(self, channel: str | None = None, *, thread: str | None = None) -> list[Message]:
        """See FakeSlack.messages."""
        return self._on_loop(lambda: self.inner.messages(channel, thread=thread))

    def posts_with_metadata(self, page_id: str) -> list[Message]:
        """See FakeSlack.posts_with_metadata."""
        return self._on_loop(lambda: self.inner.posts_with_metadata(page_id))

    def requests(self, method: str | None = None) -> list[RequestRecord]:
        """See FakeSlack.requests."""
        return self._on_loop(lambda: self.inner.requests(method))

    def wait_for(self, predicate: Callable[[], T], timeout_s: float = 5.0) -> T:
        """Wait in this thread until `predicate()` is true and return what it gave. Raises TimeoutError."""
        give_up_at = time.monotonic() + timeout_s
        while not (value := predicate()):
            if time.monotonic() > give_up_at:
                raise TimeoutError(self.inner.summary(timeout_s))
            time.sleep(0.01)
        return value
