"""Work under way: a few of each kind at a time, none of it twice, and none forgotten at the end. EDGE."""

import asyncio
from collections.abc import Awaitable, Callable


class Crew:
    """Runs pieces of work side by side. A piece returns how many messages it posted.

    >>> async def post() -> int:
    ...     return 1
    >>> async def example() -> int:
    ...     crew = Crew(8, lambda: None)
    ...     assert crew.start("post", "C1", post) and not crew.start("post", "C1", post)
    ...     return await crew.done()
    >>> asyncio.run(example())
    1
    """

    def __init__(self, most: int, ended: Callable[[], None]) -> None:
        """`most` pieces of a kind at a time; `ended` hears of each that is over."""
        self._most = most
        self._ended = ended
        self._tasks: dict[tuple[str, str], asyncio.Task[int]] = {}
        self._broken: BaseException | None = None

    def start(self, kind: str, name: str, work: Callable[[], Awaitable[int]]) -> bool:
        """Begin a piece of work, unless it is under way or there is no room for another of its kind.

        The work is made inside its task: one that is cancelled before its first step leaves nothing half begun.
        """
        if (kind, name) in self._tasks or sum(one == kind for one, _ in self._tasks) >= self._most:
            return False

        async def piece() -> int:
            return await work()

        task = asyncio.get_running_loop().create_task(piece())
        self._tasks[kind, name] = task
        task.add_done_callback(lambda done: self._over(kind, name, done))
        return True

    def _over(self, kind: str, name: str, task: asyncio.Task[int]) -> None:
        if self._tasks.get((kind, name)) is task:
            del self._tasks[kind, name]
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()
        self._ended()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._tasks)

    def is_doing(self, kind: str, name: str) -> bool:
        """Whether this piece is under way."""
        return (kind, name) in self._tasks

    async def done(self) -> int:
        """Wait for everything under way. Returns how many messages it posted; raises what a piece raised."""
        found = await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self.check()
        return sum(one for one in found if isinstance(one, int))

    def check(self) -> None:
        """Raises what a piece of work raised, once."""
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken

    async def finish(self, seconds: float) -> None:
        """Let what is under way end, for so long; what then still goes on is cancelled and waited for."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
