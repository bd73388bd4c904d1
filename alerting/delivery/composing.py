"""What a row of the outbox says when it is sent: made from the incident as it stands at that moment. EDGE."""

from collections.abc import Callable, Mapping

import msgspec

from alerting.asks import in_words
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.slack import mention_of
from alerting.delivery.summary import line_of
from alerting.delivery.ways import Message
from alerting.explain import Explanation
from alerting.inert import plain
from alerting.message import Card, card, line_card, page_card, sentence, terminal_card
from alerting.naming import NameOf, named_view
from alerting.view import IncidentView, ShownPost

NOTE_SHOWN = 1_000


class Composer:
    """Makes messages. `posts` gives the texts behind names, as far as they exist, `explain` what the texts add to a
    card, `late_s` how late the data of a brand is, `note` what a person wrote, by its digest, as long as it exists,
    `name_of` whom an id of the flowchart means.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Callable[[], int],
        *,
        posts: Callable[[tuple[str, ...]], Mapping[str, ShownPost]],
        explain: Callable[[IncidentView], Explanation],
        late_s: Callable[[str], int],
        terminal_width: int,
        note: Callable[[str], str | None],
        name_of: NameOf = str,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._posts = posts
        self._explain = explain
        self._late_s = late_s
        self._terminal_width = terminal_width
        self._note = note
        self._name_of = name_of
        self.without_posts = 0
        """Cards shown without their posts or words, because the text store could not be read, or they not be drawn."""

    def message(self, row: OutboxRow) -> Message | None:
        """What is sent; `None` for a line whose card is not there."""
        place, view = self._place(row), self._outbox.view(row.incident)
        if place is None or view is None:
            return None
        view = self._shown(view)
        line, made, words = self._composed(row, view)
        bare = row.detail == "invalid_blocks"  # better words alone than a card that Slack refuses
        return Message(
            page_id=row.page_id,
            incident=row.incident,
            kind=row.kind,
            to=place[0],
            thread=place[1],
            text=made.text,
            blocks=() if bare else tuple(made.blocks),
            words=words,
            aloud=row.aloud,
            view=view,
            line=line,
        )

    def _composed(self, row: OutboxRow, view: IncidentView) -> tuple[str, Card, str]:
        """Its line, its card and its words. A card that cannot be made of what came from outside costs the card alone:
        one incident must not hold up the pages of all others.
        """
        try:
            line = line_of(row, view, self._clock()) + self._quoted(row)
            words = self._words(row, view, line) if row.way == "terminal" else ""
            return line, self._card(row, view, line), words
        except Exception:  # noqa: BLE001 - a page in one line is better than no page
            self.without_posts += 1
            made = line_card(row.line, _mentions(row, view))
            return row.line, made, made.text

    def _quoted(self, row: OutboxRow) -> str:
        """What a person wrote, as the line quotes it; nothing where it was erased or cannot be read."""
        try:
            words = plain(self._note(row.said) or "", NOTE_SHOWN, 10) if row.said else ""
        except Exception:  # noqa: BLE001 - a line without its quotation is better than no line
            self.without_posts += 1
            words = ""
        return f"\n“{words}”" if words else ""

    def sought(self, row: OutboxRow) -> Message:
        """As much of a message as is needed to look for it."""
        to, thread = self._place(row) or (row.to, "")
        return Message(page_id=row.page_id, incident=row.incident, kind=row.kind, to=to, thread=thread, text="")

    def _place(self, row: OutboxRow) -> tuple[str, str] | None:
        """Channel and thread; `None` for a line whose card is not there."""
        if row.kind in ("card", "page"):
            return row.channel or row.to, ""
        return self._outbox.card_of(row.incident, row.way)

    def _card(self, row: OutboxRow, view: IncidentView, line: str) -> Card:
        mentions = _mentions(row, view)
        if row.kind == "card":
            return card(view, mentions)
        if row.kind == "page":
            home = self._outbox.card_of(row.incident, row.way)
            link = f"The whole story is in <#{home[0]}>" if home is not None and home[0].startswith("C") else ""
            return page_card(view, line, " ".join(filter(None, (mentions, link))))
        return line_card(line, mentions)

    def _words(self, row: OutboxRow, view: IncidentView, line: str) -> str:
        if row.kind == "card":
            return terminal_card(view, self._terminal_width)
        return line if row.kind == "story" else f"{line} {sentence(view)}"

    def _shown(self, view: IncidentView) -> IncidentView:
        """The view with its posts and words, as far as they still exist, and how late the data is."""
        found: Mapping[str, ShownPost] = {}
        explanation = Explanation()
        asks, late_s = view.asks, 0
        try:
            late_s = self._late_s(view.brand)
            asks = in_words(asks, self._note)
            found = self._posts(view.exemplars) if view.exemplars else {}
            explanation = self._explain(view)
        except Exception:  # noqa: BLE001 - a page without its posts is better than no page
            self.without_posts += 1
        posts = tuple(found[name] for name in view.exemplars if name in found)
        view = msgspec.structs.replace(view, posts=posts, explanation=explanation, asks=asks, data_late_s=late_s)
        return named_view(view, self._name_of)


def _mentions(row: OutboxRow, view: IncidentView) -> str:
    """Whom a message names. An edit notifies nobody anew, and one without the name may take back a push that Slack has
    not delivered yet: so they stay until somebody has it, or it is over.
    """
    is_answered = view.over or bool(view.acked_by or view.owner)
    return " ".join(filter(None, map(mention_of, row.mentions))) if row.state != "sent" or not is_answered else ""
