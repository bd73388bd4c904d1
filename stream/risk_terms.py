"""The declared words of risk and of complaint, by language: data, to be read and argued about.

Written as they are matched: normalised (small letters, no accents), at word boundaries, a trailing `*` for "and
whatever follows"; a term with an apostrophe also matches without it. A word stands here only if its ordinary use
is the grave one: "fire" is praise, "recall" is memory, "strike" is bowling, so phrases stand in their place; where
a phrase would be too narrow, `EXCEPTIONS` lists the harmless surroundings. Dutch words that English also has
("brand", "dies") stay out, since a text of unknown language is held against every list.
"""

# fmt: off
RISKS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "data_breach": (
            "data breach*", "security breach*", "data leak*", "leaked data", "data was leaked", "data has been leaked",
            "leaked passwords", "passwords leaked", "leaked database", "database leak*", "credentials leaked",
            "data stolen", "stolen data", "stole our data", "data was stolen", "data exposed", "exposed data",
            "personal data exposed", "been breached", "was breached", "were breached", "ransomware*", "hackers",
            "cyberattack*", "cyber attack*", "customer records leaked",
        ),
        "injury": (
            "injured", "injury", "injuries", "hospitalised", "hospitalized", "in hospital", "concussion",
            "broke my arm", "broke my leg", "broke my nose", "broken nose", "broken teeth", "bleeding", "bloodied",
            "knocked unconscious", "unconscious", "electrocuted", "allergic reaction*", "anaphyla*", "food poisoning",
            "choked on", "burned my hand*", "burned my skin", "burnt my hand*", "badly burned", "severe burns",
        ),
        "death": (
            "died", "killed", "killing people", "deaths", "fatal", "fatally", "fatality", "fatalities", "dead body",
            "dead bodies", "passed away", "lost his life", "lost her life", "lost their lives", "manslaughter",
            "murdered", "found dead", "dead passenger*", "suicide*",
        ),
        "fire": (
            "caught fire", "catch fire", "catches fire", "catching fire", "burst into flames", "bursting into flames",
            "up in flames", "fire broke out", "house fire*", "battery fire*", "set on fire", "fire hazard*",
            "firefighters", "fire brigade", "fire department", "exploded", "explosion", "explosions", "blew up in my",
            "smoke in the cabin", "smoke filled",
        ),
        "recall": (
            "product recall*", "safety recall*", "voluntary recall*", "vehicle recall*", "food recall*",
            "urgent recall*", "massive recall*", "recall notice*", "recall issued", "issued a recall", "issues recall",
            "issue a recall", "issuing a recall", "announced a recall", "announces recall", "under recall",
            "recalled by", "been recalled", "was recalled", "were recalled", "being recalled", "recalling all",
            "recalls all",
        ),
        "contamination": (
            "contaminat*", "salmonella", "listeria", "e. coli", "e coli", "ecoli", "legionella", "asbestos",
            "rat poison", "lead poisoning", "toxic chemical*", "toxic fumes", "toxic substance*", "toxic waste",
            "maggot*", "cockroach*", "found glass in", "glass in my", "piece of glass", "piece of metal", "metal in my",
            "mold in", "mould in", "moldy", "mouldy",
        ),
        "discrimination": (
            "racist*", "racism", "racial profiling", "racially", "racial slur*", "sexist*", "sexism", "discriminat*",
            "homophob*", "transphob*", "islamophob*", "xenophob*", "antisemit*", "anti-semit*", "bigot*", "misogyn*",
            "ableist", "ableism",
        ),
        "harassment": (
            "harass*", "sexual assault*", "sexually assaulted", "sexual misconduct", "molest*", "groped", "groping",
            "stalked me", "bullied", "workplace bullying", "rape", "raped", "rapist*",
        ),
        "arrest": (
            "arrested", "handcuff*", "police custody", "taken into custody", "dragged off", "dragged from",
            "dragged out", "forcibly removed", "removed by police", "indicted", "indictment*", "police raid*",
            "raided by", "fbi raid*", "criminal charges", "criminal investigation*",
        ),
        "lawsuit": (
            "lawsuit*", "law suit", "class action*", "legal action", "sue you", "sue them", "sue their", "will sue",
            "gonna sue", "going to sue", "i'll sue", "should sue", "suing", "sued", "sues", "see you in court",
            "take you to court", "taking you to court", "my lawyer*", "my attorney*", "my solicitor*",
        ),
        "boycott": ("boycott*", "boycot*"),
        "strike": (
            "on strike", "go on strike", "strike action*", "strike ballot*", "industrial action", "walkout*",
            "walk-out*", "picket line*", "pilot strike*", "pilots strike", "staff strike*", "workers strike",
            "drivers strike", "crew strike*", "rail strike*", "general strike", "wildcat strike*",
        ),
        "fraud": (
            "fraud*", "scam", "scams", "scammed", "scammer*", "scamming", "ponzi", "embezzl*", "money laundering",
            "bribe", "bribed", "bribes", "bribery", "corruption", "swindl*", "con artist*", "counterfeit*", "phishing",
            "stole my money", "stealing money", "stealing our money", "cooked the books", "insider trading",
        ),
        "children": (
            "child abuse", "child labour", "child labor", "child safety", "child porn*", "child exploitation",
            "endangering children", "endangering kids", "danger to children", "dangerous for children",
            "dangerous for kids", "unsafe for children", "unsafe for kids", "children at risk", "choking hazard*",
            "underage", "pedophil*", "paedophil*", "sick children", "sick babies",
            "hurt my child", "hurt my kid*", "hurt my baby", "hurt my son", "hurt my daughter",
        ),
    },
    "nl": {
        "data_breach": (
            "datalek*", "data gelekt", "gegevens gelekt", "gelekte gegevens", "gegevens op straat", "klantgegevens op",
            "gegevens gestolen", "gestolen gegevens", "wachtwoorden gelekt", "gijzelsoftware", "ransomware*",
            "cyberaanval*", "hackers",
        ),
        "injury": (
            "gewond", "gewonde", "gewonden", "verwond*", "letsel*", "ziekenhuis", "hersenschudding",
            "voedselvergiftiging", "allergische reactie*", "bewusteloos", "brandwond*", "gestikt", "geelektrocuteerd",
        ),
        "death": (
            "overleden", "overlijdt", "omgekomen", "dodelijk*", "dode", "doden", "gestorven", "om het leven gekomen",
            "doodgegaan", "zelfmoord", "zelfdoding", "vermoord",
        ),
        "fire": (
            "in brand", "brand uitgebroken", "brand bij", "uitgebrand*", "afgebrand*", "brandweer", "ontploft",
            "ontploffing", "ontploffingen", "ontplofte", "explosie", "explosies", "brandgevaar*", "vlam gevat",
            "vliegt in brand",
        ),
        "recall": (
            "terugroepactie*", "teruggeroepen", "terugroepen", "roept terug", "uit de schappen", "uit de handel",
            "veiligheidswaarschuwing*",
        ),
        "contamination": (
            "besmet", "besmette", "besmetting*", "salmonella", "listeria", "e. coli", "legionella", "asbest",
            "verontreinig*", "giftig*", "schimmel", "beschimmeld*", "maden", "kakkerlak*", "glas in mijn",
            "stukjes glas", "stukje glas", "stukjes metaal", "stukje metaal",
        ),
        "discrimination": (
            "racis*", "discrimin*", "seksis*", "homofob*", "transfob*", "antisemit*", "islamofob*", "vreemdelingenhaat",
            "etnisch profileren",
        ),
        "harassment": (
            "aangerand", "aanranding*", "verkracht*", "seksuele intimidatie", "seksueel misbruik",
            "grensoverschrijdend*", "lastiggevallen", "ongewenste intimiteiten", "gestalkt", "weggepest",
        ),
        "arrest": (
            "gearresteerd", "arrestatie*", "aangehouden door", "opgepakt door", "handboeien", "politie-inval*", "fiod",
            "strafrechtelijk*", "in hechtenis",
        ),
        "lawsuit": (
            "rechtszaak", "rechtszaken", "aangeklaagd", "aanklagen", "klaag jullie aan", "klaag ze aan", "massaclaim*",
            "schadeclaim*", "mijn advocaat", "naar de rechter", "voor de rechter", "kort geding", "juridische stappen",
            "dagvaard*",
        ),
        "boycott": ("boycot*", "boycott*"),
        "strike": (
            "staking", "stakingen", "gestaakt", "stakende", "stakers", "stakingsacti*", "werkonderbreking*",
            "personeel staakt", "legt het werk neer", "leggen het werk neer",
        ),
        "fraud": (
            "fraude*", "frauder*", "oplicht*", "opgelicht", "zwendel*", "omkoping", "omgekocht", "witwas*", "corruptie",
            "corrupt", "phishing", "nepfactu*", "verduister*", "piramidespel*",
        ),
        "children": (
            "kinderarbeid", "kindermisbruik", "kinderporno*", "kindermishandeling", "pedofi*", "minderjarig*",
            "peuter*", "zuigeling*", "stikgevaar", "verstikkingsgevaar", "gevaarlijk voor kinderen",
            "onveilig voor kinderen", "zieke kinderen", "kind gewond",
        ),
    },
}

ISSUES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "outage": (
            "outage*", "is down", "are down", "been down", "went down", "down again", "goes down", "site down",
            "app down", "system down", "systems down", "server down", "servers down", "website down", "not working",
            "isn't working", "aren't working", "doesn't work", "won't work", "stopped working", "won't load",
            "not loading", "isn't loading", "won't open", "can't log in", "cannot log in", "can't login",
            "unable to log in", "unable to login", "logged me out", "can't connect", "cannot connect", "server error*",
            "internal server error", "service unavailable", "keeps crashing", "keep crashing", "app crashes",
            "app crashed", "offline", "no signal", "no internet", "error message*",
        ),
        "privacy": (
            "privacy", "gdpr", "personal data", "my data", "our data", "user data", "customer data", "spying on",
            "tracking me", "tracking us", "surveillance", "data protection", "without my consent", "without consent",
            "account hacked", "account was hacked", "account got hacked", "account has been hacked",
            "hacked my account", "been hacked", "got hacked", "was hacked",
        ),
        "safety": (
            "unsafe", "dangerous", "not safe", "isn't safe", "safety issue*", "safety concern*", "safety risk*",
            "safety hazard*", "hazardous", "health hazard*", "health risk*", "emergency landing*", "brakes failed",
            "brake failure*", "life threatening", "life-threatening", "could have been killed", "near miss",
        ),
        "campaign": (
            "ad campaign*", "marketing campaign*", "this ad", "that ad", "new ad", "your ad", "the ad", "this advert",
            "advert", "adverts", "advertisement*", "commercial", "commercials", "billboard*", "slogan*", "tone deaf",
            "tone-deaf", "super bowl ad", "publicity stunt*", "pr stunt*", "influencer*",
        ),
        "staff_conduct": (
            "rude", "rudest", "rudeness", "unprofessional", "disrespectful", "disrespected", "bad attitude",
            "yelled at", "shouted at", "screamed at", "swore at", "hung up on", "mistreat*", "manhandled", "dragged",
            "abusive", "arrogant", "condescending", "laughed at me", "beat up", "roughed up",
        ),
        "service": (
            "customer service", "customer support", "customer care", "on hold", "no response", "no reply",
            "hasn't replied", "haven't replied", "not responding", "waiting for a response", "waiting for hours",
            "still waiting", "bad service", "worst service", "terrible service", "poor service", "awful service",
            "horrible service", "help desk", "helpdesk", "support ticket*", "call center*", "call centre*", "cancelled",
            "canceled", "delayed", "delays", "overbook*", "rebook*",
        ),
        "price": (
            "price increase*", "price hike*", "price gouging", "raised the price*", "raising prices", "overpriced",
            "too expensive", "so expensive", "overcharg*", "double charged", "charged twice", "charged me", "rip off",
            "rip-off", "ripoff", "ripped off", "refund*", "money back", "hidden fee*", "hidden charge*", "billing",
            "billed me", "surcharge*", "late fee*",
        ),
        "delivery": (
            "delivery", "deliveries", "not delivered", "never delivered", "undelivered", "shipping", "shipment*",
            "courier*", "parcel*", "my package", "my order", "tracking number*", "not arrived", "never arrived",
            "hasn't arrived", "haven't arrived", "lost luggage", "lost baggage", "lost my luggage", "lost my bag*",
            "my luggage", "my baggage",
        ),
    },
    "nl": {
        "outage": (
            "storing*", "ligt eruit", "ligt er uit", "ligt plat", "plat gegaan", "werkt niet", "werken niet",
            "doet het niet", "doen het niet", "niet bereikbaar", "onbereikbaar", "kan niet inloggen", "niet inloggen",
            "laadt niet", "loopt vast", "vastgelopen", "foutmelding*", "geen internet", "geen bereik",
            "geen verbinding",
        ),
        "privacy": (
            "privacy*", "avg", "persoonsgegevens", "mijn gegevens", "onze gegevens", "klantgegevens", "bespioner*",
            "gehackt", "zonder toestemming", "autoriteit persoonsgegevens",
        ),
        "safety": (
            "onveilig*", "gevaarlijk*", "levensgevaarlijk*", "niet veilig", "veiligheidsrisico*", "gezondheidsrisico*",
            "noodlanding*", "remmen weigerden",
        ),
        "campaign": (
            "reclame", "reclames", "reclamespot*", "advertentie*", "reclamecampagne*", "campagne", "slogan*",
            "billboard*", "influencer*", "reclamestunt*",
        ),
        "staff_conduct": (
            "onbeschoft*", "onvriendelijk*", "brutaal", "brutale", "onprofessioneel", "arrogant*", "respectloos",
            "uitgescholden", "schreeuwde", "opgehangen", "botte", "lomp", "uitgelachen",
        ),
        "service": (
            "klantenservice", "klantendienst", "slechte service", "geen reactie", "geen antwoord", "reageert niet",
            "reageren niet", "in de wacht", "wachtrij", "nog steeds niet", "al weken", "helpdesk", "vertraging*",
            "vertraagd", "geannuleerd",
        ),
        "price": (
            "prijsverhoging*", "prijsstijging*", "te duur", "veel te duur", "peperduur", "geld terug", "terugbetaling*",
            "terugbetaald", "dubbel afgeschreven", "te veel betaald", "teveel betaald", "verborgen kosten",
            "afzetterij", "afzetters", "incasso*", "woekerprijs*", "woekerprijzen",
        ),
        "delivery": (
            "bezorging*", "bezorgd", "bezorger*", "niet geleverd", "nooit geleverd", "levering*", "pakket", "pakketje*",
            "pakje", "bestelling*", "niet aangekomen", "track and trace", "track & trace", "koerier*", "verzending*",
            "verzonden", "bagage kwijt", "koffer kwijt", "levertijd*",
        ),
    },
}

EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "en": (
        "insult to injury", "injury time", "injury prone", "injury list", "injury report*", "injury update*",
        "bleeding edge", "bleeding money", "bleeding heart",
        "battery died", "phone died", "laptop died", "computer died", "internet died", "wifi died", "app died",
        "connection died", "site died", "stream died", "controller died", "died laughing", "died of laughter",
        "died of boredom", "died on me", "i died", "just died", "nearly died laughing", "died inside", "almost died",
        "killed it", "killed the vibe", "killed the buzz", "killed the mood", "killed my vibe", "killed my battery",
        "killed the battery",
        "killed off", "killed the feature", "killed me laughing", "killed this", "killed that",
        "fatal error*", "fatal exception*", "fatal attraction", "fatal flaw*", "suicide squad", "career suicide",
        "exploded in popularity", "mentions exploded", "phone exploded with", "population explosion",
        "explosion of flavor*", "explosion of flavour*", "explosion of colour*", "explosion of color*",
        "flavor explosion", "mind exploded", "head exploded",
        "prices are down", "price is down", "stock is down", "shares are down",
        "stocks are down", "market is down", "markets are down", "is down to", "are down to", "is down with",
        "are down with", "is down for a", "are down for a", "who is down", "who are down",
        "offline mode", "offline playlist*", "offline music", "listen offline", "offline listening", "play offline",
        "commercial flight*", "commercial airline*", "commercial aviation", "commercial aircraft", "commercial use",
        "commercial vehicle*", "commercial property", "commercial real estate", "commercial crew", "commercial launch*",
        "commercial space*", "special delivery", "delivery room", "rude boy", "rude awakening", "dangerous woman",
        "thank you for your service",
    ),
    "nl": (
        "dode hoek", "dode batterij", "dodelijk saai", "dodelijk vermoeiend", "dode mus", "dode zee",
        "brandweerman sam", "storingsvrij", "geen storing", "geen vertraging", "geen schimmel", "verzonden met",
        "peuterspeelzaal", "peuterpuber*",
    ),
}
# fmt: on
