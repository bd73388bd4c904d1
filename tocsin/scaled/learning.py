"""EDGE. `tocsin learn` for workers: the past of brands into the topics, before any worker has sealed a step in them.

What is learnt is one step of the input partition `control`, written as an incarnation of intake writes its own: parts
that are not live, the configurations they are judged by, and then the marks. No other mark may stand there yet: a step
takes effect once, and what people said in it would be lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
from aiokafka import TopicPartition

from stream.combine import Combined
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.making import MISSING, BrokersError, check_topics
from stream.kafka.places import committed_places
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer
from stream.reading import BadMention
from stream.sources.files import read_files
from tocsin.entry import ConfigChange, ControlEvent, Event, Mark
from tocsin.intake import Intake
from tocsin.learning import Learnt, can_learn, hold_brands, told
from tocsin.live_chart import LiveChart
from tocsin.mistakes import UsageError
from tocsin.replay import past_parts
from tocsin.scaled.contents import content_record
from tocsin.scaled.dead_letters import dead_letter
from tocsin.scaled.ground import Ground
from tocsin.scaled.intake_partition import item_record, mark_records
from tocsin.scorers import load_scorers
from tocsin.sealing_out import Sealer
from tocsin.settings import Settings
from tocsin.state import BrandState, Contents

BEGUN = (
    "workers have begun to listen on these topics, and baselines learn forwards alone: learn before the first worker is"
    " started, or begin with new topics (another `prefix`)"
)
LETTERS = 10_000
"""Lines that cannot be read are counted without end, and kept up to here."""


class Lesson:
    """One learning: what is read from files, and what is written of it."""

    def __init__(self, ground: Ground, *, at_ms: int) -> None:
        self._ground = ground
        self._settings: Settings = ground.settings
        self._brokers: Brokers = ground.brokers
        self._at_ms = at_ms
        self._step = at_ms // ground.settings.step
        self._contents = Contents({})
        self._letters: list[Outgoing] = []
        self._dead = 0

    def read(self, paths: Sequence[Path], progress: Callable[[int, int], None] | None) -> tuple[Learnt, list[Outgoing]]:
        """What the files teach, and the records that teach it, marks last. Raises what reading files raises."""
        settings, step_ms = self._settings, self._settings.step
        brands = settings.brand_list()
        live = LiveChart(settings, brands, self._contents.put, lambda: self._at_ms)
        scorers = load_scorers(settings.scorers)
        teacher = Intake(brands, self._ground.names, step_ms=step_ms, keep_posts=False, scorers=scorers)
        mentions = read_files(paths, dead=self._bury, progress=progress, until_ms=self._at_ms)
        parts = past_parts(mentions, teacher, self._at_ms)
        fresh = {brand.name: BrandState(brand.name) for brand in brands}
        taken = [one for one in parts if can_learn(fresh[one.brand], one.minute_ms, self._step, step_ms)]
        learnt = Learnt(
            [told(fresh[name], [one for one in parts if one.brand == name], self._step, step_ms) for name in fresh],
            dict(teacher.counts),
            self._dead,
        )
        return learnt, self._records(taken, live.configured()) if taken else []

    def _records(self, parts: Sequence[Combined], configured: Sequence[tuple[str, str]]) -> list[Outgoing]:
        home = self._brokers.layout.control_input
        changes: list[tuple[int, ControlEvent]] = [
            (self._step, ConfigChange(brand, name, self._at_ms)) for brand, name in configured
        ]
        sealer = Sealer(home, f"learn-{uuid4().hex}", sealed_step=-1)
        sealed = sealer.seal([one._replace(step=self._step) for one in parts], changes, upto_step=self._step, offset=0)
        bodies = [content_record(self._brokers, body) for _, body in sorted(self._contents.bodies().items())]
        layout = self._brokers.layout
        items = [item_record(layout, one) for one in sealed.items]
        return [*bodies, *self._letters, *items, *mark_records(layout, sealed)]

    def _bury(self, path: Path, line: int, why: BadMention, body: bytes) -> None:
        self._dead += 1
        if len(self._letters) < LETTERS:
            said = f"{path.name}: {why.reason}: {why.detail}"
            self._letters.append(dead_letter(self._brokers, path.name, 0, line, body=body, why=said))


async def learn(
    ground: Ground,
    paths: Sequence[Path],
    *,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] | None = None,
) -> Learnt:
    """Teach the brands of a deployment that has not begun to listen. Raises `UsageError` where it has, or where there
    are no topics; `BrokersError` where nobody answers; and what reading files and configurations raises.
    """
    hold_brands(ground.settings)
    read_files(paths, dead=lambda *_: None)  # a missing file is told before anybody is asked
    brokers = ground.brokers
    await _hold_unheard(brokers)
    learnt, records = await asyncio.to_thread(Lesson(ground, at_ms=clock()).read, paths, progress)
    marks = brokers.layout.entries
    writer = Writer(brokers)
    await writer.start()
    try:
        # What fails here has no effect: parts without their mark count for nothing, and a second try writes its own.
        if records and not (
            await writer.try_to_write(records[:-marks]) and await writer.try_to_write(records[-marks:])
        ):
            raise BrokersError("the brokers did not take what was learnt; try again")
    finally:
        await writer.stop()
    return learnt


async def _hold_unheard(brokers: Brokers) -> None:
    """Raises `UsageError` where a step was sealed, a place committed or something said already."""
    layout = brokers.layout
    if any(one.setting == MISSING for one in await check_topics(brokers)):
        raise UsageError("the topics are not there yet; make them: tocsin topics create")
    homes = [TopicPartition(*layout.home_of(number)) for number in range(layout.inputs)]
    if await committed_places(brokers, "intake", homes):
        raise UsageError(BEGUN)
    async with Tail(brokers, layout.name("control"), 0) as tail:
        if (await tail.held()).end:
            raise UsageError(BEGUN)
    for number in range(layout.entries):
        async with Tail(brokers, layout.name("entries"), number) as tail:
            held = await tail.held()
            async for records in tail.read(held.first, held.end):
                if any(isinstance(msgspec.json.decode(one.value, type=Event), Mark) for one in records):
                    raise UsageError(BEGUN)
