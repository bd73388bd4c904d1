"""Why now, in words for the card: what is new, who was first, what comes next, and how often chance brings as much.

Pure. The words of the public are made inert here.
"""

from alerting.explain import Explanation, FreshWord, Tally
from alerting.inert import one_line
from alerting.view import IncidentView
from alerting.words import clock_text, count_text, heard_people, names_text, percent


def fresh_line(view: IncidentView) -> str:
    """What is new in what people say, and who was first; "" where nothing is. Inert.

    >>> from alerting.explain import First
    >>> found = Explanation(words=(FreshWord("refund", 14, 5000), FreshWord("strike", 9, 4000)), people=80,
    ...     first=First("n1", "x", 43_320_000))
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> fresh_line(IncidentView(explanation=found, **shown))
    'New words: refund (14 people), strike (9) · first said by @x at 12:02 UTC'
    """
    found = view.explanation
    said: list[str] = []
    if found.subjects:
        said.append(f"New subject{'s' if len(found.subjects) > 1 else ''}: {_how_many(found.subjects, found)}")
    if found.words:
        said.append(f"New word{'s' if len(found.words) > 1 else ''}: {_how_many(found.words, found)}")
    if found.first is not None:
        author = one_line(found.first.author.removeprefix("@"), 60)
        how = "began with" if found.first.began else "first said by"
        at = clock_text(found.first.at_ms, view.timezone, view.opened_ms)
        said.append(f"{how} {f'@{author}' if author else 'somebody'} at {at}")
    line = " · ".join(said)
    return line[:1].upper() + line[1:]


def _how_many(words: tuple[FreshWord, ...], found: Explanation) -> str:
    """Each with how many people used it; of a sample with their share."""
    said: list[str] = []
    for word in words:
        many = percent(word.people * 1000 // max(1, found.people)) if found.sampled else count_text(word.people)
        unit = " of people" if found.sampled else " people"
        said.append(f"{one_line(word.word.replace('_', ' '), 40)} ({many}{'' if said else unit})")
    return ", ".join(said)


def ahead_line(view: IncidentView) -> str:
    """What the next hour may bring, and how often chance brings as much; "" where neither is known.

    >>> from alerting.facts import Facts
    >>> from detectors.detector import Signal
    >>> ahead = {"next_hour": 40, "next_hour_low": 18, "next_hour_high": 95, "doubling_minutes": 12}
    >>> thread = Signal("virality", 900, True, 30, 8, since_ms=0, window_ms=3_600_000, evidence=ahead)
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> ahead_line(IncidentView(signals=(thread,), facts=Facts(chance_milli=333), **shown))
    'About 40 more posts in this conversation in the next hour (18 to 95) · by chance about once in 3 months here'
    """
    said = [line for line in (forecast_text(view), chance_text(view.facts.chance_milli)) if line]
    line = " · ".join(said)
    return line[:1].upper() + line[1:]


def forecast_text(view: IncidentView) -> str:
    """The next hour of what spreads, with its interval; "" where nothing does, or where it is over."""
    spreading = next((s for s in view.signals if "next_hour" in s.evidence), None)
    if spreading is None or view.over:
        return ""
    what = "copies of this text" if "cluster" in spreading.evidence else "posts in this conversation"
    count, low, high = (count_text(int(spreading.evidence.get(f"next_hour{end}", 0))) for end in ("", "_low", "_high"))
    return f"about {count} more {what} in the next hour ({low} to {high})"


def chance_text(chance_milli: int) -> str:
    """How often a score like this comes without a crisis, from days a month in thousandths; "" where it is not known.

    >>> chance_text(333), chance_text(2_500), chance_text(40), chance_text(1)
    ('by chance about once in 3 months here', 'by chance about 3 times a month here', \
'by chance about once in 2 years here', 'by chance less than once in 10 years here')
    """
    if chance_milli <= 0:
        return ""
    if chance_milli >= 1_500:
        return f"by chance about {(chance_milli + 500) // 1_000} times a month here"
    months = (1_000 + chance_milli // 2) // chance_milli
    if months > 120:
        return "by chance less than once in 10 years here"
    if months >= 24:
        return f"by chance about once in {(months + 6) // 12} years here"
    return f"by chance about once {'a month' if months == 1 else f'in {months} months'} here"


def voices_text(view: IncidentView) -> str:
    """How many people, and who of them is heard most. Inert."""
    facts, found = view.facts, view.explanation
    said = [f"{count_text(heard_people(facts))} different people"]
    if found.busiest and not found.sampled:
        busiest = found.busiest[0]
        said.append(f"busiest {_handle(busiest.author)} ({count_text(busiest.posts)} posts)")
    elif facts.loudest_voice_share_milli:
        said.append(f"the busiest account wrote {percent(facts.loudest_voice_share_milli)}")
    if found.loudest:
        loudest = found.loudest[0]
        said.append(f"most followed {_handle(loudest.author)} ({count_text(loudest.followers or 0)})")
    return "; ".join(said)


def _handle(author: str) -> str:
    return f"@{one_line(author.removeprefix('@'), 40)}"


def sources_text(view: IncidentView) -> str:
    """Where the posts come from and in which languages, the most first, with shares where the texts tell. Inert."""
    sources, languages = (_shares(tallies) for tallies in (view.explanation.sources, view.explanation.languages))
    if not sources:
        return names_text(view.facts.sources, 8)
    return sources + (f" · {languages}" if languages else "")


def _shares(tallies: tuple[Tally, ...], limit: int = 4) -> str:
    total = sum(tally.posts for tally in tallies)
    said = [f"{one_line(tally.what, 40)} ({percent(tally.posts * 1000 // total)})" for tally in tallies[:limit]]
    return ", ".join(said) + (f" and {len(tallies) - limit} more" if len(tallies) > limit else "")
