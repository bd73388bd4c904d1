"""The sentences of made-up publics, in English and Dutch: each topic a few patterns, each slot many fillings.

Nothing here was said by anybody. `{brand}` and `{handle}` are filled in by the caller; the others stand in `SLOTS`.
"""

import re
from random import Random
from typing import Literal

Topic = Literal["complaint", "praise", "question", "talk", "outage", "blunder", "giveaway", "reply", "upset", "service"]
Tongue = Literal["en", "nl"]

PATTERNS: dict[Tongue, dict[Topic, tuple[str, ...]]] = {
    "en": {
        "complaint": (
            "{brand} {gripe_en}. {verdict_en}",
            "{verdict_en} {brand} {gripe_en}",
            "{when_en} {brand} {gripe_en}, {so_en}",
            "@{handle} your {thing_en} {broke_en}. {verdict_en}",
        ),
        "praise": (
            "{joy_en} {brand} {nice_en}",
            "{brand} {nice_en}. {joy_en}",
            "{when_en} {brand} {nice_en}, {glad_en}",
        ),
        "question": (
            "@{handle} {how_en} {thing_en} {place_en}?",
            "Does anybody know {how_en} {thing_en} at {brand}?",
            "{when_en} I looked at {brand}: {how_en} {thing_en}?",
        ),
        "talk": (
            "{when_en} I walked past the {brand} shop {place_en}",
            "{brand} moves its {thing_en} office {place_en}",
            "{person_en} works at {brand} {place_en} now",
            "Compared {brand} with two others for {thing_en} {when_low_en}",
            "{brand} publishes quarterly figures for {thing_en} {when_low_en}",
        ),
        "outage": (
            "{brand} {down_en} {place_en}. {harm_en} {verdict_en}",
            "{hours_en} with no signal {place_en}, @{handle}. {verdict_en}",
            "{harm_en} {brand} {down_en}. {verdict_en}",
            "{verdict_en} {brand} {down_en} and {silence_en}",
            "Emergency calls fail on {brand} {place_en}. {verdict_en}",
        ),
        "blunder": (
            "{brand} tells people without signal to {advice_en}. {verdict_en}",
            '"{advice_cap_en}", says {brand} while {harm_low_en}. {verdict_en}',
            "Did {brand} just tell us to {advice_en}? {verdict_en}",
        ),
        "giveaway": (
            "{brand} gives away {gift_en}! {joy_en}",
            "{joy_en} I entered the {brand} draw for {gift_en} {place_en}",
            "Fingers crossed for {gift_en} from {brand}. {joy_en}",
            "Great idea by {brand}: {gift_en} for {whom_en}. {joy_en}",
        ),
        "reply": (
            "same here {place_en}",
            "{when_en} that happened to {person_en} as well",
            "have you tried the {thing_en} page?",
            "thanks, that worked for my {thing_en}",
            "no idea, ask the shop {place_en}",
        ),
        "upset": (
            "Same here {place_en}, {verdict_low_en}",
            "No signal {place_en} either. {verdict_en}",
            "{harm_en} {verdict_en}",
            "{hours_en} now {place_en}. {verdict_en}",
            "And {silence_en}. {verdict_en}",
            "{verdict_en} Leaving {brand} as soon as I can",
        ),
        "service": (
            "Thank you for telling us. Send us your postcode in a direct message, then we look at your {thing_en}",
            "Good to hear from you. Our team for {thing_en} answers within {hours_low_en}",
            "We see the reports {place_en} and are working on it. The next update follows within {hours_low_en}",
        ),
    },
    "nl": {
        "complaint": (
            "{brand} {gripe_nl}. {verdict_nl}",
            "{verdict_nl} {brand} {gripe_nl}",
            "{when_nl} weer: {brand} {gripe_nl}",
        ),
        "praise": ("{joy_nl} {brand} {nice_nl}", "{brand} {nice_nl}. {joy_nl}"),
        "question": (
            "@{handle} {how_nl} {thing_nl} {place_nl}?",
            "Weet iemand {how_nl} {thing_nl} bij {brand}?",
        ),
        "talk": (
            "{when_nl} langs de winkel van {brand} {place_nl} gelopen",
            "{person_nl} werkt nu bij {brand} {place_nl}",
            "{brand} vergeleken met twee andere voor {thing_nl}",
        ),
        "outage": (
            "{brand} {down_nl} {place_nl}. {harm_nl} {verdict_nl}",
            "{hours_nl} geen bereik {place_nl}, @{handle}. {verdict_nl}",
            "{verdict_nl} {brand} {down_nl}",
            "112 bellen lukt niet via {brand} {place_nl}. {verdict_nl}",
        ),
        "blunder": (
            "{brand} zegt dat we {advice_nl}. {verdict_nl}",
            '"{advice_nl}", aldus {brand}, terwijl {place_nl} alles plat ligt. {verdict_nl}',
        ),
        "giveaway": (
            "{brand} geeft {gift_nl} weg! {joy_nl}",
            "{joy_nl} Meegedaan met de actie van {brand} voor {gift_nl}",
        ),
        "reply": (
            "hier hetzelfde {place_nl}",
            "{when_nl} had {person_nl} dat ook",
            "al op de pagina over {thing_nl} gekeken?",
        ),
        "upset": (
            "Hier {place_nl} ook geen bereik. {verdict_nl}",
            "{harm_nl} {verdict_nl}",
            "Al {hours_nl} {place_nl}. {verdict_nl}",
        ),
        "service": (
            "Dank voor je bericht. Stuur ons je postcode in een privébericht, dan kijken we naar je {thing_nl}",
            "We zien de meldingen {place_nl} en werken eraan. Binnen {hours_nl} hoor je meer",
        ),
    },
}

SLOTS: dict[str, tuple[str, ...]] = {
    "gripe_en": (
        "charged me twice again",
        "lost my order and blames me",
        "keeps dropping my calls",
        "left me waiting for an hour and hung up",
        "sent the wrong bill, with a penalty on top",
        "cancelled my appointment without a word",
        "ignores every complaint I send",
        "broke my contract and refuses to pay",
        "has the slowest, most annoying helpdesk",
        "failed to deliver for the third time",
    ),
    "verdict_en": (
        "This is terrible.",
        "Absolutely unacceptable, I am furious.",
        "Worst provider I ever had.",
        "What an awful mess.",
        "I am so angry right now.",
        "Shame on you, this is pathetic.",
        "Horrible service, and nobody cares.",
        "I hate this, it is ridiculous.",
        "Really disappointed and fed up.",
        "A disgrace, and a dangerous one.",
        "Disgusting how they treat people.",
        "Such a useless, frustrating company.",
    ),
    "verdict_low_en": (
        "this is awful",
        "what a disgrace",
        "so angry",
        "terrible",
        "an absolute failure",
        "it is a disaster",
        "pathetic",
        "I am furious",
    ),
    "so_en": (
        "so I am angry and leaving",
        "which is horrible with a sick child at home",
        "and their excuse is an insult",
        "what a terrible way to lose a customer",
    ),
    "broke_en": (
        "is broken again",
        "fails every evening",
        "crashed and lost my data",
        "is useless",
        "stopped without warning",
    ),
    "joy_en": (
        "Love it!",
        "Really happy with this.",
        "So good, thank you!",
        "Great work, well done.",
        "What a wonderful surprise!",
        "Best decision this year.",
        "Excellent, I am impressed.",
        "That made my day, thanks!",
    ),
    "nice_en": (
        "solved my problem in five minutes",
        "has a friendly and helpful team",
        "gave me a better deal without asking",
        "works perfectly on the train",
        "was kind to my grandmother",
        "has great coverage on the island",
        "fixed the bill and was nice about it",
    ),
    "glad_en": ("which I love", "and I am happy", "great service", "so thank you", "a pleasure"),
    "how_en": (
        "how do I change the",
        "where do I find the",
        "what does it cost to add a",
        "when can I move my",
        "which form is there for the",
    ),
    "thing_en": (
        "SIM card",
        "router",
        "roaming bundle",
        "family plan",
        "invoice",
        "app",
        "voicemail",
        "fibre line",
        "second number",
        "data bundle",
        "television box",
    ),
    "gift_en": (
        "a year of free calls",
        "a hundred phones",
        "free concert tickets",
        "ten family weekends",
        "a thousand vouchers",
    ),
    "whom_en": ("nurses", "students", "everybody", "volunteers", "new parents"),
    "down_en": (
        "has a massive outage",
        "is down again",
        "has been dead since dinner",
        "lost the whole network",
        "has no signal at all",
        "is completely broken",
    ),
    "harm_en": (
        "My mother is ill and I could not call her.",
        "I missed an urgent call from the hospital.",
        "My shop lost a whole evening of payments.",
        "My father fell and could not reach anybody, I was scared.",
        "Stranded on the road with a dead phone.",
        "I cannot reach my crying daughter.",
        "The alarm of my neighbour failed.",
    ),
    "harm_low_en": (
        "sick people cannot call for help",
        "shops lose money",
        "parents cannot reach scared children",
        "ambulance calls fail",
    ),
    "silence_en": (
        "nobody there says a word, the liars",
        "their helpdesk is dead too",
        "the status page lies that there is no problem",
        "they refuse to answer",
    ),
    "advice_en": ("go for a walk", "enjoy the silence", "try a book instead", "be patient and stop complaining"),
    "advice_cap_en": ("Go for a walk", "Enjoy the silence", "Try a book instead", "Stop complaining"),
    "hours_en": ("Two hours", "Three hours", "Over an hour", "Half an evening", "Ninety minutes", "Almost four hours"),
    "hours_low_en": ("two hours", "an hour", "half an hour", "a day"),
    "when_en": ("Today", "This morning", "Last night", "Again", "Yesterday", "On the train", "Just now"),
    "when_low_en": ("today", "this morning", "last night", "yesterday", "this week"),
    "place_en": (
        "in Oosterveen",
        "near the harbour",
        "in Zandwijk",
        "at the station",
        "in the north of town",
        "around Lindehaven",
        "at our office",
        "on campus",
        "in Molendam",
        "out in the villages",
    ),
    "person_en": ("my sister", "a friend of mine", "our neighbour", "my colleague", "my old teacher", "a cousin"),
    "gripe_nl": (
        "rekent weer twee keer hetzelfde",
        "laat me een uur in de wacht hangen",
        "is mijn bestelling kwijt",
        "stuurt voor de derde keer de verkeerde rekening",
        "beantwoordt geen enkele klacht",
        "heeft de traagste helpdesk van het land",
    ),
    "verdict_nl": (
        "Belachelijk.",
        "Wat een waardeloze club.",
        "Schandalig gewoon.",
        "Ik ben er helemaal klaar mee.",
        "Om woest van te worden.",
        "Slechtste provider ooit.",
        "Dit kan echt niet.",
        "Diep teleurgesteld.",
        "Een schande.",
    ),
    "joy_nl": (
        "Super!",
        "Heel blij mee.",
        "Dank jullie wel!",
        "Wat een fijne verrassing.",
        "Topservice.",
        "Echt geweldig.",
    ),
    "nice_nl": (
        "loste het in vijf minuten op",
        "heeft heel vriendelijke mensen",
        "werkt prima in de trein",
        "was lief voor mijn oma",
        "heeft mijn rekening netjes hersteld",
    ),
    "how_nl": ("hoe wijzig ik de", "waar vind ik de", "wat kost een", "wanneer verhuist de"),
    "thing_nl": (
        "simkaart",
        "router",
        "bundel",
        "factuur",
        "app",
        "voicemail",
        "glasvezel",
        "tweede nummer",
        "televisiekast",
    ),
    "gift_nl": ("een jaar gratis bellen", "honderd telefoons", "concertkaarten", "duizend bonnen"),
    "down_nl": (
        "ligt er weer uit",
        "heeft een enorme storing",
        "doet helemaal niets meer",
        "is al sinds het eten plat",
    ),
    "harm_nl": (
        "Mijn moeder is ziek en ik kon haar niet bellen.",
        "De huisarts is onbereikbaar.",
        "Mijn winkel kan niet pinnen.",
        "Mijn vader viel en kon niemand bereiken.",
        "Ik kan mijn dochter niet bereiken.",
    ),
    "advice_nl": (
        "maar een wandeling moeten maken",
        "van de stilte moeten genieten",
        "een boek moeten lezen",
        "niet moeten zeuren",
    ),
    "hours_nl": ("twee uur", "drie uur", "een uur", "de halve avond", "anderhalf uur"),
    "when_nl": ("Vandaag", "Vanmorgen", "Gisteravond", "Gisteren", "Net", "In de trein"),
    "place_nl": (
        "in Oosterveen",
        "bij de haven",
        "in Zandwijk",
        "op het station",
        "in het noorden van de stad",
        "rond Lindehaven",
        "op kantoor",
        "in Molendam",
        "in de dorpen",
    ),
    "person_nl": ("mijn zus", "een vriend", "onze buurvrouw", "mijn collega", "mijn neef"),
}

ENDINGS = ("", "", "", "", "", "", " 😡", " 😤", " #{handle}", " #fail")
CHEERFUL_ENDINGS = ("", "", "", "", " 😀", " 🎉", " #{handle}")
_ANGRY: frozenset[Topic] = frozenset(("complaint", "outage", "blunder", "upset"))
_CHEERFUL: frozenset[Topic] = frozenset(("praise", "giveaway"))
_SLOT = re.compile(r"{(\w+)}")


def sentence(rng: Random, topic: Topic, tongue: Tongue, *, brand: str, handle: str) -> str:
    """One made-up post.

    >>> said = sentence(Random(1), "praise", "nl", brand="Tulpatel", handle="tulpatel")
    >>> said.count("Tulpatel"), "{" in said
    (1, False)
    """
    text = rng.choice(PATTERNS[tongue][topic])
    if topic in _ANGRY:
        text += rng.choice(ENDINGS)
    elif topic in _CHEERFUL:
        text += rng.choice(CHEERFUL_ENDINGS)

    def fill(slot: re.Match[str]) -> str:
        name = slot[1]
        return brand if name == "brand" else handle if name == "handle" else rng.choice(SLOTS[name])

    return _SLOT.sub(fill, text)
