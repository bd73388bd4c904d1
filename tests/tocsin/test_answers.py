"""What people write with an act is kept once, apart from the act, and a note takes nothing into anybody's hands."""

import asyncio

from alerting.delivery.ways import Answered, Click
from stream.codec import decode
from stream.sources.text_store import TextStore
from tocsin.answers import Answers
from tocsin.entry import Answer

WORDS = "call legal, <!channel>"


class Log:
    """A log that takes its time, and the store of people's words."""

    def __init__(self) -> None:
        self.written: list[Answer] = []
        self.told: list[Answered] = []
        self.texts = TextStore(None)
        self.put = 0
        self.answers = Answers(self._append, self.told.append, lambda _: "acme", self._put_note)

    async def _append(self, body: bytes) -> None:
        await asyncio.sleep(0.02)
        self.written.append(decode(body, Answer))

    def _put_note(self, text: str) -> str:
        self.put += 1
        return self.texts.put_note(text)

    async def act(self, action: str, act: str, note: str = "", choice: str = "", who: str = "ann") -> str:
        """What the one who acted is told."""
        return await self.answers.click(Click(act, "acme-0", action, "U1", "T1", 5, choice=choice, note=note), who)


async def test_what_comes_again_while_it_is_written_down_is_written_once() -> None:
    """Slack sends again what it heard no answer to; the words of a note would lie there twice, and one be forgotten."""
    log = Log()
    said = await asyncio.gather(*(log.act("note", "n1", WORDS) for _ in range(3)))
    assert said == ["Noted by ann."] * 3
    assert (len(log.written), log.put) == (1, 1)
    assert log.texts.note(log.written[0].note_digest) == WORDS
    assert await log.act("note", "n1", WORDS) == "Noted by ann."
    assert (len(log.written), log.put) == (1, 1)


async def test_a_note_is_no_acknowledgement_and_may_follow_the_end() -> None:
    """Whoever is next is still paged; and what was learnt afterwards can still be said."""
    log = Log()
    await log.act("note", "n1", WORDS)
    assert not log.answers.is_quiet("acme-0")
    assert log.answers.is_worth_asking("acme-0", "false_alarm")
    assert await log.act("false_alarm", "f1", WORDS, "bots") == "Closed as a false alarm by ann."
    assert log.answers.is_quiet("acme-0")
    assert not log.answers.is_worth_asking("acme-0", "false_alarm")
    assert log.answers.is_worth_asking("acme-0", "note")
    assert await log.act("false_alarm", "f2", "x", "other", "ben") == "Already closed as a false alarm by ann."
    assert await log.act("note", "n2", "later", who="ben") == "Noted by ben."
    assert [(one.answer, one.choice) for one in log.written] == [("note", ""), ("false_alarm", "bots"), ("note", "")]
    assert log.put == 3, "words that count for nothing are not kept"
    assert all(WORDS not in str(one) for one in log.written)


async def test_a_log_that_fails_once_takes_the_same_act_the_next_time() -> None:
    """The failure is heard by whoever waited, and not remembered."""
    log = Log()
    fails = [OSError("disk full")]

    async def append(body: bytes) -> None:
        if fails:
            raise fails.pop()
        log.written.append(decode(body, Answer))

    log.answers._append = append
    told = await asyncio.gather(log.act("own", "o1"), return_exceptions=True)
    assert isinstance(told[0], OSError)
    assert await log.act("own", "o1") == "Owned by ann."
