"""What Tocsin says, in words that a PR person understands. Pure; what comes from outside is made inert here."""

from alerting.decision import Decision, Reason
from alerting.facts import BLIND, Facts
from alerting.inert import one_line
from alerting.sla import Clock
from alerting.view import IncidentView, ShownPost
from stream.codec import HOUR_MS
from stream.zones import local

reason_words: dict[Reason, str] = {
    "flowchart": "the flowchart asks for it",
    "not_acknowledged": "nobody acknowledged in time",
    "asked_by_human": "somebody asked for more people",
    "severity_rose": "it got worse",
    "flared_up": "it came back within 24 hours",
    "still_going": "it goes on",
    "source_silent": "a source we listen to went silent",
    "source_lagging": "a source we listen to is far behind",
    "source_capped": "a source we listen to gives us only part of what is said",
    "delivery_failed": "the people before could not be reached",
    "quiet_ended": "the quiet is over, and it still goes on",
    "ack_expired": "somebody acknowledged, and nobody acted in time",
    "promise_at_risk": "most of the time that we promised has gone",
    "promise_broken": "a promise to the public is broken",
    "set_by_human": "somebody set how bad it is",
    "signals": "the posts stand out from this brand's own past",
    "escalated": "the flowchart asks for the next ones",
    "nobody_on_call": "nobody is on call for the step before",
    "acknowledged_in_part": "one of those who must all acknowledge has",
    "answered": "somebody answered the flowchart's question",
    "approved": "somebody approved a statement",
    "drafted": "somebody changed the words of a statement",
    "noted": "somebody wrote a note",
    "severity_fell": "it has calmed somewhat",
    "acknowledged": "somebody has acknowledged",
    "owned": "somebody owns it now",
    "calm": "it has been calm for an hour",
    "source_back": "the source is back",
    "false_alarm": "it was called a false alarm",
    "resolved": "it was called resolved",
    "new_normal": "it has lasted a day, and counts as the new normal",
    "mode_changed": "the brand goes live, or into the shadow",
    "below_severity": "the flowchart asks for nobody at this severity",
    "already_acknowledged": "somebody already has it",
    "planned_event": "a planned event brings as many posts",
    "already_paged": "these people were paged for it before",
    "silenced": "somebody asked for quiet",
    "inhibited": "a greater trouble covers it",
    "muted": "these are quiet hours",
    "probe": "a probe of ours came through",
}

scenario_words: dict[str, str] = {
    "viral_complaint": "a complaint goes viral",
    "backlash": "backlash",
    "campaign_blunder": "a campaign goes wrong",
    "data_security": "data security",
    "service_outage": "service outage",
    BLIND: "we are blind",
}

severity_words: dict[str, str] = {
    "low": "⚪ Low",
    "medium": "🟡 Medium",
    "high": "🟠 High",
    "critical": "🔴 CRITICAL",
}
"""A colour and a word: nobody should need the colour."""

SAY_SHOWN = 600
_BARS = "▁▂▃▄▅▆▇█"


def scenario_text(scenario: str) -> str:
    """A scenario in words; one that the user added as it is called.

    >>> scenario_text("recall_rumour")
    'recall rumour'
    """
    return scenario_words.get(scenario) or one_line(scenario.replace("_", " "), 40) or "something"


def clock_text(at_ms: int, timezone: str, today_ms: int = 0) -> str:
    """A time of day in the brand's zone, with the date where it is not that of `today_ms`.

    >>> clock_text(1_767_614_700_000, "Europe/Amsterdam", 1_767_614_700_000)
    '13:05 CET'
    >>> clock_text(1_767_614_700_000, "No/Such")
    '5 Jan 12:05 UTC'
    """
    try:
        moment, day = local(at_ms, timezone), local(today_ms, timezone)
    except (ValueError, OverflowError):
        if timezone == "UTC":
            return "an unknown time"
        return clock_text(at_ms, "UTC", today_ms)
    date = "" if moment.date() == day.date() else f"{moment.day} {moment:%b} "
    return f"{date}{moment:%H:%M %Z}"


def times_text(ratio_milli: int) -> str:
    """How many times the usual.

    >>> times_text(11_770), times_text(1500), times_text(250_000)
    ('11.8 times', '1.5 times', '250 times')
    """
    if ratio_milli >= 100_000:
        return f"{ratio_milli // 1000} times"
    tenths = (ratio_milli + 50) // 100
    return f"{tenths // 10}.{tenths % 10} times" if tenths % 10 else f"{tenths // 10} times"


def is_friendly(facts: Facts) -> bool:
    """Whether most posts could be judged, and markedly fewer of them are negative than usual. Unknown is not friendly.

    >>> is_friendly(Facts(mentions=200, judged=120, negative_share_milli=20, usual_negative_share_milli=240))
    True
    >>> is_friendly(Facts(mentions=200, judged=12, usual_negative_share_milli=240))
    False
    """
    bar = max(100, facts.usual_negative_share_milli // 2)
    risky = bool(facts.risks) or "negativity" in facts.signals
    return facts.judged * 2 > facts.mentions and facts.negative_share_milli < bar and not risky


def kind_text(view: IncidentView) -> str:
    """What an incident is, in a few words: its scenario, unless that speaks of an anger that is not there.

    >>> calm = Facts(mentions=200, judged=120, negative_share_milli=20, usual_negative_share_milli=240)
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="medium", opened_ms=0)
    >>> kind_text(IncidentView(facts=calm, **shown))
    'unusually much talk, and it is not negative'
    """
    if view.severity in ("low", "medium") and is_friendly(view.facts):
        friendly = {
            "backlash": "unusually much talk, and it is not negative",
            "viral_complaint": "a conversation spreads, and it is not negative",
        }
        return friendly.get(view.scenario) or scenario_text(view.scenario)
    return scenario_text(view.scenario)


def percent(share_milli: int) -> str:
    """A share.

    >>> percent(412)
    '41%'
    """
    return f"{(share_milli + 5) // 10}%"


def count_text(number: int) -> str:
    """A number that a tired person reads at a glance.

    >>> count_text(12345)
    '12,345'
    """
    return f"{number:,}"


def duration_text(seconds: int) -> str:
    """How long, in its one or two greatest units.

    >>> duration_text(45), duration_text(90), duration_text(7300)
    ('45 s', '1 min 30 s', '2 h 1 min')
    """
    seconds = max(0, seconds)
    if seconds < 60:
        return f"{seconds} s"
    big, small, units = (seconds // 60, seconds % 60, ("min", "s"))
    if seconds >= 3600:
        big, small, units = seconds // 3600, seconds % 3600 // 60, ("h", "min")
    return f"{big} {units[0]}" + (f" {small} {units[1]}" if small else "")


def sparkline(history: tuple[int, ...], columns: int = 36) -> str:
    """Counts as a row of bars, the highest full height; a count of zero is the lowest bar.

    >>> sparkline((0, 1, 4, 8))
    '▁▂▅█'
    """
    shown = [max(0, n) for n in history[-columns:]]
    top = max(shown, default=0)
    return "".join(_BARS[(n * 7 + top - 1) // top] if top else _BARS[0] for n in shown)


def trend_text(history: tuple[int, ...]) -> str:
    """Where it is going: the last 15 minutes against the 15 before, unless the last five fell far below these.

    >>> trend_text((5, 5, 5, 20, 30, 40)), trend_text((5, 5, 5, 5, 5, 5)), trend_text((40, 30, 20, 5, 5, 5))
    ('rising fast', 'steady', 'falling')
    >>> trend_text((5, 5, 5, 700, 40, 0))
    'falling'
    """
    if len(history) < 6:
        return "too early to say"
    before, now = sum(history[-6:-3]), sum(history[-3:])
    if 3 * history[-1] <= max(history[-3:-1]) and max(history[-3:-1]) >= 6:
        return "falling"  # the last five minutes stand beside it, and nobody reads "now 0; rising fast"
    if now >= 2 * before and now >= 6:
        return "rising fast"
    if 4 * now >= 5 * before and now > before:
        return "rising"
    return "falling" if 4 * now <= 3 * before else "steady"


def names_text(names: tuple[str, ...], limit: int = 6) -> str:
    """A few names, each inert, in the order given.

    >>> names_text(("pr_oncall", "head_of_pr"))
    'pr_oncall, head_of_pr'
    """
    shown = [one_line(name.removeprefix("@"), 80) or "?" for name in names[:limit]]
    return ", ".join(shown) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def sentence(view: IncidentView, *, heard_ms: int = HOUR_MS) -> str:
    """Why somebody is told, in one plain sentence or two. Where we had listened for less than the hour that the counts
    are of (`heard_ms`), that is said, and they are not compared with what a whole one usually brings.

    >>> facts = Facts(mentions=412, expected=35, volume_ratio_milli=11_770, negative_share_milli=640,
    ...               usual_negative_share_milli=120, voices=289, issues=("outage",))
    >>> sentence(IncidentView(brand="Acme", incident="a-0", scenario="service_outage", severity="high", opened_ms=0,
    ...                       facts=facts))
    'Acme: 412 posts in the last hour where 35 are usual (11.8 times), 64% of them negative (usually 12%), from 289 \
different people. They speak of outage.'
    """
    brand, facts = one_line(view.brand, 80) or "This brand", view.facts
    if view.scenario == BLIND:
        return f"{brand}: {_blind_text(view)} Silence here does not mean calm."
    said = f"{brand}: {count_text(facts.mentions)} {_posts(facts.mentions)} in the last hour"
    if heard_ms < HOUR_MS:
        said += f", of which we have heard {heard_text(heard_ms)}"
    else:
        ratio = ratio_text(view)
        said += f" where {count_text(facts.expected)} {'is' if facts.expected == 1 else 'are'} usual"
        said += f" ({ratio})" if ratio else ""
    if facts.negative_share_milli:
        said += f", {negative_text(facts)} (usually {percent(facts.usual_negative_share_milli)})"
    if people := heard_people(facts):
        said += f", from {count_text(people)} different {'person' if people == 1 else 'people'}"
    subjects = (*facts.risks, *(issue for issue in facts.issues if issue not in facts.risks))
    spoken = f" They speak of {names_text(tuple(s.replace('_', ' ') for s in subjects), 3)}." if subjects else ""
    sector = sector_text(facts)
    return f"{said}.{spoken}{f' {sector}.' if sector else ''}"


def heard_text(heard_ms: int) -> str:
    """How long somebody has listened, where that is not long.

    >>> heard_text(750_000), heard_text(20_000)
    ('12 min', 'less than a minute')
    """
    return duration_text(heard_ms // 60_000 * 60) if heard_ms >= 60_000 else "less than a minute"


def heard_people(facts: Facts) -> int:
    """How many different people, to be shown: their number is an estimate, and nobody has more people than posts.

    >>> heard_people(Facts(mentions=160, voices=161)), heard_people(Facts(mentions=160, voices=90))
    (160, 90)
    """
    return min(facts.voices, facts.mentions)


def sector_text(facts: Facts) -> str:
    """Whether the lift is the brand's alone; "" where there is no lift, or no competitor is known.

    >>> sector_text(Facts(volume_ratio_milli=5000, sector_milli=2400, sector_wide=True, sector_up=("Bolt",)))
    'Bolt is up too (2.4 times)'
    >>> sector_text(Facts(volume_ratio_milli=5000, sector_milli=900)), sector_text(Facts(volume_ratio_milli=5000))
    ('The lift is ours alone', '')
    """
    if not facts.sector_milli or facts.volume_ratio_milli < 1500:
        return ""
    if not facts.sector_wide:
        return "The lift is ours alone"
    are = "is" if len(facts.sector_up) == 1 else "are"
    return f"{names_text(facts.sector_up)} {are} up too ({times_text(facts.sector_milli)})"


def ratio_text(view: IncidentView) -> str:
    """How many times the usual, and since when if that is not the hour of which the counts speak; "" below 1.5 times.

    >>> from detectors.detector import Signal
    >>> facts = Facts(mentions=116, expected=44, volume_ratio_milli=5700)
    >>> quarter = Signal("volume", 505, True, 57, 10, since_ms=0, window_ms=900_000)
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> ratio_text(IncidentView(facts=facts, signals=(quarter,), **shown))
    '5.7 times the usual in the last 15 minutes'
    """
    ratio = view.facts.volume_ratio_milli
    if ratio < 1500:
        return ""
    window_ms = next((s.window_ms for s in view.signals if s.kind == "volume"), HOUR_MS)
    span = f" the usual in the last {window_ms // 60_000} minutes" if window_ms != HOUR_MS else ""
    return f"{times_text(ratio)}{span}"


def negative_text(facts: Facts) -> str:
    """The share of negative posts, and of how many where a tenth or more could not be judged.

    >>> negative_text(Facts(mentions=200, judged=120, negative_share_milli=640))
    '64% negative of the 120 we could judge'
    """
    some = 0 < facts.judged * 10 <= facts.mentions * 9
    share = f"{'only ' if is_friendly(facts) else ''}{percent(facts.negative_share_milli)}"
    return f"{share} negative of the {count_text(facts.judged)} we could judge" if some else f"{share} of them negative"


def _posts(number: int) -> str:
    return "post" if number == 1 else "posts"


def _blind_text(view: IncidentView) -> str:
    feed = next((s for s in view.signals if s.kind == "feed"), None)
    source = one_line(str(feed.evidence.get("source", "")), 40) if feed else ""
    source = source or "one of our sources"
    since = f" since {clock_text(feed.since_ms, view.timezone, view.opened_ms)}" if feed and feed.since_ms else ""
    if view.reason == "source_lagging":
        return f"what {source} tells us is far behind{since}."
    if view.reason == "source_capped":
        return f"{source} gives us only part of what is said{since}."
    return f"we hear nothing from {source}{since}." if view.reason != "source_back" else f"we hear {source} again."


_STORY: dict[str, str] = {
    "OpenIncident": "Opened",
    "Page": "Paged",
    "Notify": "Told",
    "Escalate": "Paged next",
    "Update": "Changed",
    "StandDown": "Stood down",
    "NoPage": "Nobody paged",
}


def thread_line(decision: Decision) -> str:
    """A decision as a line of the incident's story: plain words, inert, one line.

    >>> thread_line(Decision(key="a-0/3/Escalate", at_ms=0, brand="a", kind="Escalate", incident="a-0",
    ...     scenario="backlash", severity="high", reason="not_acknowledged", targets=("head_of_pr",)))
    'Paged next: head_of_pr, because nobody acknowledged in time. 🟠 High.'
    """
    tells = decision.kind not in ("StandDown", "Update")  # these are about the incident: nobody is changed or ended
    who = f": {names_text(decision.targets)}" if decision.targets and tells else ""
    by = one_line(decision.note, 80)
    if decision.kind == "Update" and decision.reason in ("acknowledged", "owned") and by:
        return f"{'Acknowledged' if decision.reason == 'acknowledged' else 'Owned'} by {by}."
    if decision.reason == "noted":
        return f"Note by {by}."
    if decision.action or decision.reason in ("answered", "acknowledged_in_part"):
        return _asked_line(decision, by)
    because = f"{_STORY[decision.kind]}{who}, because {reason_words[decision.reason]}"
    if decision.kind == "StandDown":
        return f"{because}{f' ({by})' if by else ''}."
    return f"{because}. {severity_words.get(decision.severity, one_line(decision.severity, 20))}."


def say_line(say: str) -> str:
    """What the flowchart says is to be done, as one line; "" where it says nothing. Inert.

    >>> say_line("Find out whether it is true; nobody denies anything before that")
    'What to do now: Find out whether it is true; nobody denies anything before that'
    """
    words = one_line(say, SAY_SHOWN)
    return f"What to do now: {words}" if words else ""


_COLOURS = {"green": "🟢", "orange": "🟠", "red": "🔴"}


def promise_line(clock: Clock, view: IncidentView) -> str:
    """How a promise stands: a colour, and a word for it.

    >>> view = IncidentView(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> promise_line(Clock("first_response", 0, 2_880_000, 3_600_000, colour="orange"), view)
    '🟠 First response promised by 01:00 UTC; most of the time has gone'
    >>> promise_line(Clock("solution", 0, 8, 60_000, kept_ms=9), view)
    '🟢 Solution given at 00:00 UTC'
    """
    what = "First response" if clock.promised == "first_response" else "Solution"
    if clock.kept_ms:
        colour = "red" if clock.colour_at(clock.kept_ms) == "red" else "green"
        late = ", later than promised" if colour == "red" else ""
        return f"{_COLOURS[colour]} {what} given at {clock_text(clock.kept_ms, view.timezone, view.opened_ms)}{late}"
    how = {"green": "", "orange": "; most of the time has gone", "red": "; that was not kept"}[clock.colour]
    return f"{_COLOURS[clock.colour]} {what} promised by {clock_text(clock.red_ms, view.timezone, view.opened_ms)}{how}"


def _asked_line(decision: Decision, by: str) -> str:
    """What a step of the flowchart asked for, or what came of it."""
    who = names_text(decision.targets)
    asked = decision.asked
    words = one_line(asked.words, 200) if asked else ""
    if decision.reason == "acknowledged_in_part":
        return f"Acknowledged by {by}; still to come: {names_text(decision.awaits)}."
    if decision.reason == "answered":
        return f"{words} {by}."
    if decision.reason == "drafted":
        waits = names_text(asked.may) if asked else ""
        return f"Statement “{words.replace('_', ' ')}” changed by {by}; the new words wait for approval: {waits}."
    if decision.action == "approved":
        return f"Statement “{words.replace('_', ' ')}” approved by {by}: it may be copied."
    if decision.action == "statement":
        return f"Statement “{words.replace('_', ' ')}” waits for approval: {who}."
    said = f" {one_line(decision.note, 200)}" if decision.note else ""
    return {
        "ask": f"Asked {who}: {words}",
        "open_channel": f"Open the channel {words} for this crisis: {who}.{said}",
        "mobilise": f"Called in: {who}.{said}",
        "brief": f"Briefed: {who}.{said}",
    }[decision.action]


def coordinated_text(facts: Facts) -> str:
    """The two figures behind "possibly coordinated": how many repeat a text, and how many accounts are new.

    >>> coordinated_text(Facts(mentions=400, new_accounts=200, repeated_share_milli=612))
    'Possibly coordinated: 61% of the posts repeat a text of others, 50% are by accounts younger than 30 days'
    """
    new_milli = facts.new_accounts * 1000 // max(1, facts.mentions)
    repeats = f"{percent(facts.repeated_share_milli)} of the posts repeat a text of others"
    return f"Possibly coordinated: {repeats}, {percent(new_milli)} are by accounts younger than 30 days"


def byline(post: ShownPost, timezone: str, today_ms: int) -> str:
    """Who wrote a post, where and when. Inert."""
    author = one_line(post.author.removeprefix("@"), 60)
    parts = [f"@{author}" if author else "somebody"]
    if post.followers is not None:
        parts.append(f"{count_text(post.followers)} followers")
    if post.source:
        parts.append(one_line(post.source, 30))
    if post.created_ms:
        parts.append(clock_text(post.created_ms, timezone, today_ms))
    return " · ".join(parts)
