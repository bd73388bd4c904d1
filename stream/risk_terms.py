"""The declared words of risk and of complaint, by language: data, to be read and argued about.

Written as they are matched: normalised (small letters, no accents), at word boundaries, a trailing `*` for "and
whatever follows"; a term with an apostrophe also matches without it. A word stands here only if its ordinary use
is the grave one: "fire" is praise, "recall" is memory, "strike" is bowling, so phrases stand in their place; where
a phrase would be too narrow, `EXCEPTIONS` lists the harmless surroundings. `...` stands for up to five words of the
same sentence. What a `DENIALS` word reaches ("no recall", "nobody was hurt") did not happen. Dutch words that English
also has ("brand", "dies") stay out, since a text of unknown language is held against every list.
"""

# fmt: off
RISKS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "data_breach": (
            "data breach*", "security breach*", "data leak*", "leaked data", "data was leaked", "data has been leaked",
            "leaked passwords", "passwords leaked", "leaked database", "database leak*", "credentials leaked",
            "data stolen", "stolen data", "stole our data", "data was stolen", "data exposed", "exposed data",
            "personal data exposed", "been breached", "was breached", "were breached", "ransomware*", "hackers",
            "cyberattack*", "cyber attack*", "customer records leaked", "stole my data", "leaked my data",
            "leaked our data",
            "leaked ... data", "leaked ... passwords", "credit card details stolen", "card details were stolen",
            "data dump",
            "exposed ... personal", "identity theft",
        ),
        "injury": (
            "injured", "injury", "injuries", "hospitalised", "hospitalized", "in hospital", "concussion",
            "broke my arm", "broke my leg", "broke my nose", "broken nose", "broken teeth", "bleeding", "bloodied",
            "knocked unconscious", "unconscious", "electrocuted", "allergic reaction*", "anaphyla*", "food poisoning",
            "choked on", "wounded", "seriously hurt", "badly hurt", "people were hurt", "people got hurt",
            "someone got hurt",
            "broken arm", "broken leg", "broken bone*", "fractured", "fracture", "needed stitches", "paramedics",
            "emergency room",
            "rushed to hospital", "rushed to the hospital", "to the hospital", "in the hospital", "poisoned",
            "vomiting",
            "made me sick", "made us sick", "got sick after", "fell ill", "scalded", "amputat*", "electric shock*",
            "burned my hand*", "burned my skin", "burnt my hand*", "badly burned", "severe burns",
        ),
        "death": (
            "died", "killed", "killing people", "deaths", "fatal", "fatally", "fatality", "fatalities", "dead body",
            "dead bodies", "passed away", "lost his life", "lost her life", "lost their lives", "manslaughter",
            "murdered", "found dead", "dead passenger*", "death toll", "deadly crash*", "deadly accident*",
            "deadly outbreak*",
            "drowned", "dies after", "dies in", "dead after", "left dead", "people dead", "corpse*", "shot dead",
        ),
        "suicide": (
            "suicide*", "suicidal", "killed himself", "killed herself", "killed themselves", "took his own life",
            "took her own life", "took their own life", "kill myself", "end my life", "self harm", "self-harm",
        ),
        "fire": (
            "caught fire", "catch fire", "catches fire", "catching fire", "burst into flames", "bursting into flames",
            "up in flames", "fire broke out", "house fire*", "battery fire*", "set on fire", "fire hazard*",
            "firefighters", "fire brigade", "fire department", "exploded", "explosion", "explosions", "blew up in my",
            "smoke in the cabin", "smoke filled", "plane ... on fire", "car ... on fire", "building ... on fire",
            "battery ... on fire", "factory ... on fire",
            "warehouse ... on fire", "truck ... on fire", "phone ... on fire", "store ... on fire", "bus ... on fire",
            "charger ... on fire", "laptop ... on fire", "engine ... on fire",
            "in flames", "burned down", "burnt down",
            "fire at the", "fire in the",
            "blaze at", "started smoking", "starts smoking", "engine fire*", "evacuated",
        ),
        "recall": (
            "product recall*", "safety recall*", "voluntary recall*", "vehicle recall*", "food recall*",
            "urgent recall*", "massive recall*", "recall notice*", "recall issued", "issued a recall", "issues recall",
            "issue a recall", "issuing a recall", "announced a recall", "announces recall", "under recall",
            "recall on", "recall over", "recall due to", "recall alert*", "recall announced", "recall expanded",
            "nationwide recall*",
            "recalls ... food", "recalls ... products", "recalls ... vehicles", "recalls ... cars", "recalls thousands",
            "recalls millions", "recalls ... batch*", "recalls ... after", "recalls ... due", "recalls ... over",
            "recalling ... due", "recalling ... after", "recalled ... due", "recalled ... after",
            "recalled ... because",
            "to be recalled", "recalled by", "been recalled", "was recalled", "were recalled", "being recalled",
            "recalling all",
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
            "ableist", "ableism", "white only", "because i am black", "because i'm black", "because of my skin",
            "because of my race", "because i am gay", "because i'm gay", "because i am muslim", "because i'm muslim",
            "refused ... wheelchair", "denied ... wheelchair",
        ),
        "harassment": (
            "harass*", "sexual assault*", "sexually assaulted", "sexual misconduct", "molest*", "groped", "groping",
            "stalked me", "catcall*", "unwanted touching", "touched inappropriately",
            "inappropriate touching",
            "hostile work environment", "threatened me", "threatened to hit", "intimidated by", "intimidation",
            "abused by", "bullied",
            "workplace bullying", "rape", "raped", "rapist*",
        ),
        "arrest": (
            "arrested", "handcuff*", "police custody", "taken into custody", "dragged off", "dragged from",
            "dragged out", "forcibly removed", "removed by police", "indicted", "indictment*", "police raid*",
            "raided by", "fbi raid*", "called the police", "called the cops", "in custody", "in handcuffs", "jailed",
            "sent to prison", "criminal charges", "criminal investigation*",
        ),
        "lawsuit": (
            "lawsuit*", "law suit", "class action*", "legal action", "sue you", "sue them", "sue their", "will sue",
            "gonna sue", "going to sue", "i'll sue", "should sue", "suing", "sued", "sues", "see you in court",
            "file a complaint with the", "taken to court", "take them to court", "small claims", "court case*",
            "litigation",
            "subpoena*", "wrongful death", "take you to court", "taking you to court", "my lawyer*", "my attorney*",
            "my solicitor*",
        ),
        "boycott": ("boycott*", "boycot*"),
        "strike": (
            "on strike", "go on strike", "strike action*", "strike ballot*", "industrial action", "walkout*",
            "walk-out*", "picket line*", "pilot strike*", "pilots strike", "staff strike*", "workers strike",
            "drivers strike", "crew strike*", "rail strike*", "general strike", "wildcat strike*",
        ),
        "fraud": (
            "fraud*", "scam", "scams", "scammed", "scammer*", "scamming", "ponzi", "pyramid scheme*", "fraudster*",
            "defrauded", "price fixing", "tax evasion", "bait and switch", "embezzl*", "money laundering",
            "bribe", "bribed", "bribes", "bribery", "corruption", "swindl*", "con artist*", "counterfeit*", "phishing",
            "stole my money", "stealing money", "stealing our money", "cooked the books", "insider trading",
        ),
        "children": (
            "child abuse", "child endangerment", "minors", "baby died", "baby choked", "child choked",
            "toddler choked", "child labour", "child labor", "child safety", "child porn*", "child exploitation",
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
            "cyberaanval*", "hackers", "gehackt ... gegevens", "gegevens ... gelekt", "gegevens ... gestolen",
            "identiteitsfraude",
            "wachtwoorden ... gelekt", "data ... op straat", "persoonsgegevens ... gelekt",
        ),
        "injury": (
            "gewond", "gewonde", "gewonden", "verwond*", "letsel*", "in het ziekenhuis", "naar het ziekenhuis",
            "ziekenhuis beland", "gebroken neus", "gebroken arm",
            "gebroken been", "ambulance*", "spoedeisende hulp", "ziek geworden", "ziek van geworden", "doodziek",
            "vergiftigd",
            "vergiftiging*", "stroomstoot", "elektrische schok*", "verslikt", "bloedend*", "arm gebroken",
            "been gebroken", "hersenschudding",
            "voedselvergiftiging", "allergische reactie*", "bewusteloos", "brandwond*", "gestikt", "geelektrocuteerd",
        ),
        "death": (
            "overleden", "overlijdt", "omgekomen", "dodelijk*", "dode", "doden", "gestorven", "om het leven gekomen",
            "doodgegaan", "vermoord", "dodental", "levenloos", "verdronken", "dood aangetroffen",
            "dood gevonden", "gaat dood aan",
        ),
        "suicide": ("zelfmoord*", "zelfdoding*", "suicide*", "suicidaal", "van het leven beroofd", "beroofde zich"),
        "fire": (
            "in brand", "brand uitgebroken", "brand ontstaan", "grote brand", "felle brand",
            "uitslaande brand",
            "brandstichting*", "in vlammen", "vlammen ... uit", "in de fik", "rook uit", "accubrand*", "geevacueerd",
            "ontruimd", "uitgebrand*", "afgebrand*", "brandweer", "ontploft",
            "ontploffing", "ontploffingen", "ontplofte", "explosie", "explosies", "brandgevaar*", "vlam gevat",
            "vliegt in brand",
        ),
        "recall": (
            "terugroepactie*", "teruggeroepen", "terugroepen", "roept terug", "roept ... terug", "roepen ... terug",
            "riep ... terug", "terug te brengen naar de winkel", "uit de schappen",
            "uit de handel", "uit de winkel gehaald", "een recall", "recall van", "recall voor",
            "veiligheidswaarschuwing*",
        ),
        "contamination": (
            "besmet", "besmette", "besmetting*", "salmonella", "listeria", "e. coli", "legionella", "asbest",
            "verontreinig*", "giftig*", "schimmel in", "schimmel op", "beschimmeld*", "maden", "bacterie*", "ecoli",
            "pfas", "dioxine*", "fipronil", "ratten",
            "rattengif", "muizen in", "muis in", "bedorven", "glas in", "metaal in", "plastic in mijn",
            "haar in mijn eten", "kakkerlak*", "glas in mijn",
            "stukjes glas", "stukje glas", "stukjes metaal", "stukje metaal",
        ),
        "discrimination": (
            "racis*", "discrimin*", "seksis*", "homofob*", "transfob*", "antisemit*", "islamofob*", "vreemdelingenhaat",
            "etnisch profileren", "omdat ik zwart ben", "omdat ik moslim ben", "omdat ik homo ben",
            "hoofddoek ... geweigerd",
            "geweigerd ... huidskleur", "vanwege ... huidskleur", "vanwege ... afkomst", "vanwege ... geloof",
        ),
        "harassment": (
            "aangerand", "aanranding*", "verkracht*", "seksuele intimidatie", "seksueel misbruik",
            "grensoverschrijdend*", "lastiggevallen", "ongewenste intimiteiten", "gestalkt", "weggepest",
            "geintimideerd", "intimidatie*", "bedreigd door", "bedreigde", "onzedelijk*", "metoo",
            "gepest door", "handtastelijk*", "lastig gevallen",
        ),
        "arrest": (
            "gearresteerd", "arrestatie", "arrestaties", "uit het vliegtuig gesleurd", "hardhandig",
            "afgevoerd door", "politie gebeld", "celstraf*", "vastgezet", "aangehouden door", "opgepakt door",
            "handboeien", "politie-inval*", "fiod",
            "strafrechtelijk*", "in hechtenis",
        ),
        "lawsuit": (
            "rechtszaak", "rechtszaken", "aangeklaagd", "aanklagen", "aanklacht*", "klaagt ... aan",
            "sleept ... voor de rechter", "rechtzaak",
            "aansprakelijk", "claim ingediend", "schadevergoeding", "geschillencommissie", "aangifte gedaan",
            "aangifte doen", "doe aangifte", "aangifte tegen",
            "klaag jullie aan", "klaag ze aan", "massaclaim*",
            "schadeclaim*", "mijn advocaat", "naar de rechter", "voor de rechter", "kort geding", "juridische stappen",
            "dagvaard*",
        ),
        "boycott": ("boycot*", "boycott*"),
        "strike": (
            "staking", "stakingen", "gestaakt", "stakende", "stakers", "staakt", "gaan staken", "gaat staken",
            "wilde staking", "prikacties", "prikactie", "stakingsacti*", "werkonderbreking*",
            "personeel staakt", "legt het werk neer", "leggen het werk neer",
        ),
        "fraud": (
            "fraude*", "frauder*", "oplicht*", "opgelicht", "belastingfraude", "belastingontduiking", "sjoemel*",
            "prijsafspraken", "kartel",
            "scam", "scammers", "scams", "zwendel*", "omkoping", "omgekocht", "witwas*", "corruptie",
            "corrupt", "phishing", "nepfactu*", "verduister*", "piramidespel*",
        ),
        "children": (
            "kinderarbeid", "kindermisbruik", "kinderporno*", "kindermishandeling", "pedofi*", "minderjarig*",
            "stikgevaar", "verstikkingsgevaar", "gevaarlijk voor kinderen",
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
        "insult to injury", "unconscious bias", "bleeding cash", "bleeding customers", "color bleeding",
        "colour bleeding", "choked on my coffee", "choked on my drink", "choked on my tea", "choked on my lunch",
        "phone has died", "engine died", "car died", "died down", "died in my", "drive died",
        "dies in my", "drowned out", "killed me", "killing me", "killed my mood", "killed the game", "killed the mood",
        "killed a process",
        "fraud department*", "fraud alert*", "fraud detection", "fraud prevention", "fraud protection",
        "fraud team*", "insider trading update*", "file corruption", "data corruption", "arrested development",
        "rape your battery", "walkout song*", "walkout music", "fire in the hole",
        "fire in the belly", "fire at the moment", "fire in the game", "in flames concert",
        "boycott is silly", "boycott is stupid", "boycott is ridiculous", "boycott is pointless", "boycott is dumb",
        "boycotts are silly", "boycotts are stupid", "boycotts never work", "boycott makes no sense",
        "boycott is nonsense",
        "against the boycott", "against boycotting", "suicide prevention", "suicide awareness", "suicide hotline",
        "commercial suicide", "political suicide", "social suicide", "commit suicide with this", "murdered it",
        "murdered that", "totally murdered", "total recall*",
         "injury time", "injury prone", "injury list", "injury report*", "injury update*",
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
        "dode hoek", "tijd doden", "tijd te doden", "dode letter", "dode link*", "dode telefoon", "accu is doodgegaan",
        "telefoon doodgegaan", "batterij doodgegaan", "corrupt bestand", "corrupte bestanden", "vind ik dodelijk",
        "boycot is onzin", "boycot is belachelijk", "boycot is dom", "tegen de boycot", "carriere zelfmoord",
        "politieke zelfmoord", "roept me terug", "roept mij terug", "ontploft van", "hoofd ontploft", "hoofd ontplofte",
        "mailbox ontploft", "timeline ontploft", "telefoon ontplofte van", "bacterievrij",
        "dode batterij", "dodelijk saai", "dodelijk vermoeiend", "dode mus", "dode zee",
        "brandweerman sam", "storingsvrij", "geen storing", "geen vertraging", "geen schimmel", "verzonden met",
        "peuterspeelzaal", "peuterpuber*",
    ),
}

DENIALS: dict[str, frozenset[str]] = {
    "en": frozenset({
        "no", "not", "never", "nobody", "none", "without", "isn't", "wasn't", "aren't", "weren't", "don't", "doesn't",
        "didn't", "won't", "isnt", "wasnt", "arent", "werent", "dont", "doesnt", "didnt", "wont", "zero", "neither",
        "nor",
    }),
    "nl": frozenset({
        "geen", "niet", "nooit", "niemand", "zonder", "noch", "nie", "ni", "evenmin",
    }),
}
"""Up to three words before a risk word, in the same clause, one of these says that it did not happen."""

DENIAL_ENDS = frozenset({
    # Behind these a denial denies something else: "not only a scam", "no wonder they were sued", "never again, scam",
    # "didn't stop the fraud".
    "only", "just", "wonder", "doubt", "surprise", "again", "mention", "stop", "prevent", "but", "and", "because",
    "that",
    "who", "which", "after", "when", "until", "about", "care", "if", "anymore", "more", "alone", "less",
    "alleen", "slechts", "twijfel", "meer", "weer", "maar", "en", "want", "omdat", "die", "dat", "na", "als",
    "toen", "stoppen", "voorkomen", "over", "te",
})

CHILD_WORDS: dict[str, tuple[str, ...]] = {
    "en": (
        "baby", "babies", "infant*", "newborn*", "toddler*", "child", "children", "kid", "kids", "schoolchildren",
        "my son",
        "my daughter", "my little one",
    ),
    "nl": (
        "baby*", "zuigeling*", "peuter*", "kleuter*", "kind", "kinderen", "kindje*", "schoolkinderen", "mijn zoon",
        "mijn zoontje", "mijn dochter", "mijn dochtertje", "dreumes*",
    ),
}
"""Ordinary words: beside a class of `HARM` they make it one that concerns `children`."""

SETTLEMENT: tuple[str, ...] = (
    "settle*", "settlement*", "resolved", "resolves", "apolog*", "compensat*", "reached an agreement", "agreement with",
    "schikt", "schikking*", "schikten", "akkoord", "vergoed*", "excuses", "rechtgezet",
)
"""What says, in either language, that a grave thing is being made good: such news need not be bad."""

HARM = frozenset({"contamination", "death", "fire", "harassment", "injury", "recall", "suicide"})
# fmt: on
