"""The typed facts that a flowchart's conditions may ask about, and nothing else.

Held as integers (milli-units where a person reads a fraction), so that a journal replays to the same facts
on every machine.
"""

import msgspec

SEVERITIES = ("low", "medium", "high", "critical")
SCENARIOS = ("viral_complaint", "backlash", "campaign_blunder", "data_security", "service_outage")
BLIND = "blind"
"""The scenario of what we say about ourselves."""


def rank(severity: str) -> int:
    """Severities in order, 0 = low.

    >>> rank("critical")
    3
    """
    return SEVERITIES.index(severity)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a question is asked. Names ending in `_milli` reach a condition without it, as a fraction.

    Every fact is written, defaults too: msgspec leaves out a default by identity, and a severity that was read back
    is another object than the same word in the code. The bytes would tell a restored run from one that never stopped.
    """

    scenario: str = ""
    severity: str = "low"
    mentions: int = 0
    """Posts in the last 60 minutes."""
    expected: int = 0
    """Posts to be expected in 60 minutes."""
    volume_ratio_milli: int = 0
    judged: int = 0
    """Of those posts, how many are in a language whose tone we can judge."""
    negative: int = 0
    negative_share_milli: int = 0
    usual_negative_share_milli: int = 0
    voices: int = 0
    """Distinct authors in the last 60 minutes."""
    negative_voices: int = 0
    texts: int = 0
    """Distinct texts in the last 60 minutes."""
    loudest_voice_share_milli: int = 0
    coordinated: bool = False
    """Many posts, few texts or many new accounts: possibly coordinated. A label, never a reason for silence."""
    thread_posts: int = 0
    thread_voices: int = 0
    thread_negative_share_milli: int = 0
    reach: int = 0
    new_accounts: int = 0
    risks: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    """Kinds of the signals that agree: volume, negativity, virality, feed."""
    volume_score_milli: int = 0
    negativity_score_milli: int = 0
    virality_score_milli: int = 0
    responses: int = 0
    blind: bool = False
    minutes_open: int = 0
    acknowledged: bool = False
    hour: int = 0
    """Hour of the day in the brand's time zone, 0..23."""
    weekday: int = 1
    """1 = Monday .. 7 = Sunday, in the brand's time zone."""
    business_hours: bool = False
    brand: str = ""
    z_milli: int = 0
    """Of the finding that stands out most: how many times the usual scatter it lies beyond what was expected."""
    unanswered_share_milli: int = 0
    """Of the questions that people asked, the share that the brand's own accounts have not answered."""
    persistence: int = 0
    """Minutes since the finding began that has lasted longest."""
    answers: dict[str, str] = {}
    """Answers that people gave to the flowchart's questions, by the name of the node that asked."""
    on_call: dict[str, bool] = {}
    """Per role whether anybody has it now."""
    chance_milli: int = 0
    """On how many days a month (thousandths) this brand reaches such a score without a crisis (0: nobody knows)."""

    repeated_share_milli: int = 0
    """Posts of the last hour whose text another post had first; reposts are no copies."""

    sector_milli: int = 0
    """Posts about the brand's competitors in the last hour against their own usual hour (0: nothing is known)."""
    sector_wide: bool = False
    """A competitor is talked about beyond chance too: the lift is not the brand's alone."""
    sector_up: tuple[str, ...] = ()


FACT_HELP: dict[str, str] = {
    "scenario": "what kind of crisis this looks like",
    "severity": "low, medium, high or critical",
    "mentions": "posts about the brand in the last 60 minutes",
    "expected": "posts one would expect in 60 minutes at this brand",
    "volume_ratio": "posts against what is usual, over the window that stands out most (3.0 = three times)",
    "judged": "posts among them whose tone could be judged: positive, neutral or negative",
    "negative": "negative posts in the last 60 minutes",
    "negative_share": "share of negative among the posts that could be judged, 0.0 to 1.0",
    "usual_negative_share": "that share as it usually is at this brand",
    "voices": "different people who posted in the last 60 minutes",
    "negative_voices": "different people who posted something negative in the last 60 minutes",
    "texts": "different texts in the last 60 minutes",
    "loudest_voice_share": "share of the posts that come from the busiest account",
    "coordinated": "true when it looks coordinated: many posts, few texts or many new accounts",
    "thread_posts": "posts in the biggest conversation or copy-paste wave",
    "thread_voices": "different people in it",
    "thread_negative_share": "share of negative posts in it",
    "reach": "followers of everybody who posted in the last 60 minutes, added up",
    "new_accounts": "posts by accounts younger than 30 days",
    "risks": 'risk classes found in the posts, as "data_breach" in risks',
    "issues": 'what people complain about, as "outage" in issues',
    "sources": "where the posts come from",
    "languages": "languages of the posts",
    "signals": 'which detectors agree, as "virality" in signals',
    "volume_score": "how far volume is beyond this brand's own past, 0.0 to 1.0 (0.5 = worth a notice)",
    "negativity_score": "the same for the share of negative posts",
    "virality_score": "the same for one conversation or copy-paste wave",
    "responses": "posts by the brand's own accounts in the last 60 minutes",
    "blind": "true when one of our own sources is silent, late or capped",
    "minutes_open": "how long the incident has been open",
    "acknowledged": "true when somebody has acknowledged",
    "hour": "hour of the day, 0 to 23, in the brand's time zone",
    "weekday": "day of the week, 1 = Monday to 7 = Sunday",
    "business_hours": "true on weekdays from 9 to 18, in the brand's time zone",
    "brand": "the brand's name",
    "z": "how far the strongest finding lies beyond what is usual, in units of the usual scatter (3 = rare)",
    "unanswered_share": "share of the questions people asked that the brand has not answered, 0.0 to 1.0",
    "persistence": "for how many minutes the longest of the findings has lasted",
    "answers": 'what people answered to a node that asks them, as answers["is_it_true"] == "yes"; "" = not yet',
    "on_call": 'whether anybody has a role now, as on_call["legal"]',
    "repeated_share": "share of the posts that repeat a text of others word for word, 0.0 to 1.0; reposts are none",
    "sector": "posts about the competitors against their own usual hour (2.0 = twice; 0 = none is known)",
    "sector_wide": "true when a competitor is talked about far beyond what is usual too",
    "sector_up": 'those competitors, as "Bolt" in sector_up',
    "chance": "on how many days a month this brand reaches such a score without a crisis (0.5 = every other month)",
}


def as_conditions_see(facts: Facts) -> dict[str, object]:
    """The facts under the names and in the units in which a condition asks for them.

    >>> as_conditions_see(Facts(negative_share_milli=412))["negative_share"]
    0.412
    """
    seen: dict[str, object] = {}
    for name in Facts.__struct_fields__:
        value = getattr(facts, name)
        if name.endswith("_milli"):
            seen[name.removesuffix("_milli")] = value / 1000
        else:
            seen[name] = list(value) if isinstance(value, tuple) else value
    return seen
