"""A sample page in #crisis, with hostile words in it, to look at the page without tocsin running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack.arguments import with_block_ids
from tests.fakes.slack.ledger import Message

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(action_id: str, text: str, style: str | None = None) -> dict[str, Any]:
    button = {"type": "button", "action_id": action_id, "value": "acme-1", "text": {"type": "plain_text", "text": text}}
    return button | ({"style": style} if style else {})


SAMPLE_BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "🚨 Critical: Acme – service outage", "emoji": True}},
    {
        "type": "section",
        "text": _mrkdwn(
            "Complaints that *nobody can log in* run at *41 times* what this hour of a Tuesday usually brings, "
            "and seven in ten are negative.\n`▁▁▂▁▁▂▃▅▇█` 412 in 10 min, expected 10"
        ),
    },
    {
        "type": "section",
        "fields": [
            _mrkdwn("*Voices*\n318 distinct, 4 % new accounts"),
            _mrkdwn("*Sentiment*\n−0.61, was +0.12 yesterday"),
            _mrkdwn("*Since*\n14:02, noticed 14:06"),
            _mrkdwn("*Data*\n12 s behind"),
        ],
    },
    {"type": "divider"},
    {
        "type": "section",
        "text": _mrkdwn(
            "*Top posts*\n> Day 2 of not being able to log in. _Support is silent._\n"
            "> &lt;!channel&gt; FREE GIFT &lt;https://evil.example|click&gt; &lt;script&gt;\n"
            "<https://news.example/acme|news.example> · 41,000 followers"
        ),
    },
    {
        "type": "context",
        "elements": [_mrkdwn("Paged <@U1> at 14:06 · next <@U2> at 14:11 · *ratio ≥ 8* met by 33")],
    },
    {
        "type": "actions",
        "elements": [
            _button("acknowledge", "Acknowledge", "primary"),
            _button("own", "Own"),
            _button("escalate", "Escalate"),
            _button("false_alarm", "False alarm"),
            _button("resolve", "Resolve", "danger"),
        ],
    },
]


def put_sample(slack: FakeSlack) -> Message:
    """Put a card, an edit and a thread into #crisis, as if tocsin had."""
    ledger = slack.ledger
    slack.say("C1", "Morning! Spring campaign goes live at 15:00, expect some noise :mega:")
    card = Message("C1", ledger.next_ts(), ledger.clock(), "Critical: Acme – service outage")
    card.blocks = with_block_ids(SAMPLE_BLOCKS)
    card.metadata = {"event_type": "tocsin_page", "event_payload": {"page_id": "acme-1:page:2:ana"}}
    ledger.add(card)
    ledger.edit(card)
    for text in ("*14:06* paged <@U1>, rung 1", "*14:08* the share of negatives rose from 58 % to 71 %"):
        ledger.add(Message("C1", ledger.next_ts(), ledger.clock(), text, thread_ts=card.ts))
    slack.say("C1", "I am on it, calling the status page team", "U2", thread_ts=card.ts)
    return card
