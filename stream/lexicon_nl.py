"""What Tocsin adds to CLiPS pattern's Dutch lexicon: data, to be read and argued about.

Valences are in milli-units on VADER's scale (-4000 worst, 4000 best); folded, as texts are. pattern's table is one of
adjectives from book reviews: what customers say of a service that fails them is mostly verbs, nouns and phrases, and
stands here. Sources: [c] the vocabulary of complaint of Dutch and Flemish consumer and ombudsman forms (late, broken,
unreachable, money back), [s] common swear and slang words as the Van Dale and the Vlaams Woordenboek list them,
[g] grammar (negation, degree), as the Algemene Nederlandse Spraakkunst describes it, [d] differences between praise
and blame on one half of `nl_bol_reviews` (the other half was kept for testing). None is the name of a brand.
"""

# fmt: off
NEGATIONS = frozenset({  # [g]; the second line is Flemish, dialect and haste
    "niet", "geen", "nooit", "niemand", "zonder", "niets", "niks", "nergens", "noch", "nauwelijks", "amper", "evenmin",
    "ni", "nie", "nt", "gene", "geeneens", "gin", "nimmer", "geenszins", "allesbehalve", "allerminst", "nouwelijks",
})

INTENSIFIERS = {  # [g] factor in milli-units for the opinion that follows
    "heel": 1300, "hele": 1300, "erg": 1300, "zeer": 1300, "super": 1400, "ontzettend": 1400, "enorm": 1400,
    "extreem": 1400, "echt": 1200, "ongelooflijk": 1400, "ongelofelijk": 1400, "verschrikkelijk": 1400,
    "vreselijk": 1400, "absoluut": 1300, "totaal": 1300, "helemaal": 1250, "volledig": 1250, "volstrekt": 1300,
    "uiterst": 1300, "bijzonder": 1300, "ontiegelijk": 1400, "verdomd": 1300, "bloed": 1300, "mega": 1400,
    "zo": 1150, "zo'n": 1150, "wat": 1100, "veel": 1150, "te": 1100, "werkelijk": 1200, "gewoon": 1100,
    "belachelijk": 1300, "bizar": 1300, "keihard": 1300, "kei": 1400, "wreed": 1300, "serieus": 1150, "danig": 1300,
    "fucking": 1400, "kapot": 1200, "ultra": 1400, "waanzinnig": 1400, "geweldig": 1300, "prachtig": 1200,
    "zwaar": 1200,
    "allerlei": 1000, "abnormaal": 1300, "onwijs": 1400, "hartstikke": 1400, "knetter": 1300, "giga": 1400,
    "gans": 1200,
}
DOWNTONERS = {  # [g]
    "beetje": 500, "bietje": 500, "beetke": 500, "enigszins": 500, "redelijk": 600, "vrij": 800, "nogal": 800,
    "ietwat": 500, "lichtelijk": 500, "tamelijk": 700, "matig": 600, "soms": 700, "misschien": 600, "wellicht": 600,
    "eventueel": 600, "bijna": 700, "haast": 700, "iets": 700, "minder": -600, "onvoldoende": -700, "weinig": -600,
    "mwah": 500,
}

WORDS = {
    # Corrections of pattern's table: ordinary words of a post there that say nothing of a service.
    "groot": 0, "klein": 0, "nieuw": 0, "oud": 0, "oude": 0, "jong": 0, "lang": 0, "kort": 0, "hoog": 0, "laag": 0,
    "open": 0, "eerste": 0, "laatst": 0, "laatste": 0, "vorig": 0, "volgend": 0, "ander": 0, "verschillend": 0,
    "zelf": 0, "alleen": 0, "eigen": 0, "enig": 0, "enige": 0, "vol": 0, "half": 0, "gelijk": 0, "los": 0, "recent": 0,
    "rood": 0, "zwart": 0, "wit": 0, "blauw": 0, "groen": 0, "heel": 0, "zeker": 0, "echt": 0, "bijna": 0, "hard": 0,
    "zwaar": 0, "licht": 0, "precies": 0, "duidelijk": 200, "bepaald": 0, "gewoon": 0, "normaal": 0, "mogelijk": 0,
    "belangrijk": 0, "algemeen": 0, "warm": 300, "koud": 0, "nodig": 0, "plots": 0, "werkelijk": 0, "totaal": 0,
    "absoluut": 0, "volledig": 0, "extreem": -300, "rijk": 200, "gek": -300, "droog": 0, "nat": 0, "kopen": 0,
    "elektrisch": 0, "digitaal": 0, "beter": 0, "beste": 2000, "best": 400, "wild": 0, "weinig": -300, "lager": 0,
    "ingebouwd": 0, "gratis": 0, "oranje": 0, "sociaal": 0, "actief": 0, "simpel": 0, "eenvoudig": 0, "vreemd": -500,
    "waar": 0, "wel": 0, "verder": 0, "haast": 0, "uiterst": 0, "enorm": 0, "erg": 0, "vrij": 0, "zo": 0, "geheel": 0,
    "must": 2000, "snel": 800, "duur": -1200, "dure": -1200, "goedkoop": 500, "wat": 0, "vast": 0, "plat": 0,
    "verloren": -600, "ver": 0, "dicht": 0, "vroeg": 0, "laat": 0, "zeer": 0, "bijzonder": 700, "graag": 0,
    "dik": 0, "openbaar": 0, "militair": 0, "binnenlands": 0, "buitenlands": 0, "europees": 0, "jaarlijks": 0,
    "dodelijk": -2000, "klassiek": 0, "naar": 0, "nare": -1500, "net": 0, "nette": 1000, "spannend": 900,
    "ervaren": 0, "juist": 0,
    "gemaakt": 0, "gemaakte": -500, "winter": 0, "geknipt": 0, "direct": 0, "bekend": 0, "flink": 0, "benieuwd": 400,
    "populair": 600, "sterk": 1200, "machtig": 500, "extra": 0, "pas": 0, "moest": 0, "romantisch": 500, "sexy": 0,
    "erotisch": 0, "triest": -1500, "zomers": 0, "klaar": 0, "mat": 0, "welkom": 500, "raak": 0, "beurs": 0,
    "miss": 0, "doodleuk": 0, "astronomisch": 0,
    "gouden": 0, "geacht": 0, "leeg": 0, "arm": 0, "vers": 600, "breed": 0, "smal": 0, "rond": 0, "recht": 0,
    "modern": 300, "aardig": 600, "ademloos": 1500, "liever": 0, "terecht": 0, "degelijk": 900, "puur": 0,
    "gemiddeld": 0, "bloot": 0, "liefst": 0, "dood": -700, "ziek": -900,
    # Praise.
    "aanrader": 2400, "aanraden": 1500, "topper": 2600, "toppers": 2600, "pareltje": 2600, "juweeltje": 2600,
    "genieten": 2000, "genoten": 2200, "geniet": 1800, "bedankt": 1400, "bedankje": 1200, "dank": 1200,
    "dankjewel": 1600, "dankuwel": 1600, "complimenten": 2400, "compliment": 2200,
    "chapeau": 2400, "hulde": 2400, "applaus": 1800, "gefeliciteerd": 1800, "proficiat": 1900, "tevreden": 2000,
    "behulpzaam": 2100, "vriendelijk": 1800, "klantvriendelijk": 2000, "vlotjes": 1400, "netjes": 1200,
    "opgelost": 1200,
    "blij": 1900, "blijft": 0, "hoera": 1800, "jippie": 1800, "yes": 1000, "verslavend": 900, "verslaafd": 500,
    "geholpen": 900, "lachen": 800, "smullen": 1800, "episch": 2300, "zuinig": 600,
    "mooiste": 2400, "leukste": 2300, "fijnste": 2200, "welverdiend": 1500, "bravo": 2000, "petje": 500, "liefde": 1600,
    "veelbelovend": 1600, "doorbraak": 1200, "vooruitgang": 1000, "wint": 1000, "gewonnen": 1100, "winst": 700,
    "indrukwekkend": 2200, "moeiteloos": 1500, "soepel": 1200, "betrouwbaar": 1900, "top": 2000, "toppie": 2200,
    "fan": 1400, "kanjer": 2500, "kanjers": 2500, "held": 1800, "helden": 1800, "vet": 1400, "gaaf": 2000, "nice": 1800,
    "vakwerk": 2200, "pluim": 2000, "puik": 2000, "subliem": 2700, "perfect": 2600, "thumbs": 600, "merci": 1200,
    "verademing": 1900, "verrassing": 700, "meegevallen": 1200, "eindelijk": 0, "vertrouwd": 1000, "waardevol": 1600,
    "veilig": 1200, "besparing": 900, "bespaard": 900, "bespaart": 900, "duurzaam": 700, "lol": 500, "haha": 400,
    "meeslepend": 2000, "ontroerend": 2000, "herkenbaar": 1200, "boeiend": 1900, "weggelegd": 0, "aangrijpend": 1900,
    # Flemish praise [s].
    "plezant": 1900, "tof": 2000, "toffe": 2000, "goe": 1400, "bangelijk": 2400, "wijs": 800, "wijze": 0, "content": 0,
    "schoon": 1000, "schone": 1200, "keigoed": 2600, "keitof": 2600, "keimooi": 2600, "formidabel": 2500, "zalig": 2300,
    "amai": 0, "geestig": 1500, "kei": 0,
    # Blame: service and money [c].
    "klacht": -1800, "klachten": -1800, "klaagt": -1500, "klagen": -1400, "storing": -1900, "storingen": -2000,
    "vertraging": -1700, "vertragingen": -1800, "vertraagd": -1500, "geannuleerd": -1300, "annulering": -800,
    "onbereikbaar": -2100, "wachtrij": -1100, "wachttijd": -1100, "wachttijden": -1300, "wachten": -400,
    "gewacht": -900, "defect": -1700, "kapot": -1700, "stuk": 0, "kwijt": -900, "kwijtgeraakt": -1500,
    "beschadigd": -1700, "schade": -1400, "lek": -800, "crasht": -1800, "crash": -1500, "gecrasht": -1700,
    "vastgelopen": -1500, "foutmelding": -1600, "foutmeldingen": -1700, "bug": -1200, "bugs": -1400, "fout": -1300,
    "fouten": -1400, "probleem": -1200, "problemen": -1300, "gedoe": -1500, "ellende": -2200, "drama": -1900,
    "ramp": -2500, "puinhoop": -2700, "chaos": -2000, "zooitje": -2200, "zootje": -2100, "rotzooi": -2500,
    "troep": -2000, "rommel": -1800, "prul": -2000, "prut": -1900, "flut": -1900, "bagger": -2300, "drek": -2300,
    "miskoop": -2400, "afrader": -2500, "tijdverspilling": -2300, "tegenvaller": -2200, "tegenvallend": -1800,
    "tegenvallen": -1600, "afknapper": -2300,
    "teleurstelling": -2300, "teleurgesteld": -2100, "teleurstellend": -2100, "jammer": -1500, "helaas": -1100,
    "zonde": -1600, "spijt": -1500, "spijtig": -1500, "weggegooid": -1900, "weggegooide": -1900, "geldklopperij": -2800,
    "afzetterij": -2900, "afzetters": -2900, "afzetten": -600, "oplichters": -3100, "oplichter": -3000,
    "oplichterij": -3100, "oplichting": -3000, "opgelicht": -2900, "fraude": -2800, "diefstal": -2300, "dieven": -2500,
    "bedrog": -2700, "bedrogen": -2400, "belazerd": -2500, "genaaid": -2500, "bedonderd": -2500, "misleidend": -2300,
    "misleiding": -2400, "misleid": -2300, "leugen": -2300, "leugens": -2400, "leugenaars": -2600, "liegen": -2200,
    "liegt": -2200, "gelogen": -2200, "schande": -2700, "schandalig": -3000, "schandelijk": -2900, "schandaal": -2600,
    "schandalen": -2600, "ongehoord": -2300, "walgelijk": -3000, "walg": -2700, "belachelijk": -2400, "absurd": -1700,
    "onacceptabel": -2700, "ontoelaatbaar": -2700, "onbegrijpelijk": -1900, "onvoorstelbaar": -800, "idioot": -2100,
    "achterlijk": -2500, "debiel": -2500, "debielen": -2600, "sukkels": -2300, "prutsers": -2500, "knoeiers": -2500,
    "klungels": -2300, "waardeloos": -2800, "nutteloos": -1900, "hopeloos": -2200, "dramatisch": -2300,
    "bedroevend": -2400,
    "beschamend": -2400, "ondermaats": -2200, "wanprestatie": -2600, "wangedrag": -2300, "wanhopig": -1500,
    "woedend": -2500, "woest": -1900, "kwaad": -1800, "boos": -1800, "pissig": -2000, "gefrustreerd": -2000,
    "frustratie": -1900, "frustrerend": -2000, "irritant": -2000, "irritatie": -1800, "irriteert": -1900,
    "ergernis": -1800, "erger": -700, "ergst": -2200, "haat": -2500, "haten": -2300, "onbeschoft": -2800, "bot": -800,
    "lomp": -1800, "brutaal": -1700, "arrogant": -2100, "respectloos": -2500, "onvriendelijk": -2100,
    "onprofessioneel": -2200, "klantonvriendelijk": -2400, "ongeinteresseerd": -1600, "onbeleefd": -2000,
    "onbetrouwbaar": -2400, "onveilig": -2200, "gevaarlijk": -1900, "levensgevaarlijk": -2800, "onduidelijk": -1300,
    "onoverzichtelijk": -1500, "overzichtelijk": 1000, "incompetent": -2400, "onkunde": -2300, "incapabel": -2400,
    "peperduur": -2000, "overprijsd": -1900, "woekerprijs": -2400, "woekerprijzen": -2400, "prijsverhoging": -1500,
    "prijsstijging": -1300, "incasso": -900, "aanmaning": -1000, "boete": -900, "opgezegd": -900, "opzeggen": -900,
    "overgestapt": -700, "overstappen": -500, "gedumpt": -1300, "dumpen": -1200, "annuleren": -500, "verwijderd": -400,
    "geweigerd": -1300, "weigert": -1500, "weigeren": -1500, "genegeerd": -1800, "negeren": -1500, "negeert": -1700,
    "afgescheept": -2000, "doorverbonden": -600, "opgehangen": -1300, "ophangen": -1300, "afgekapt": -1200,
    "lachertje": -2200,
    "aanfluiting": -2700, "blamage": -2500, "flop": -2200, "fiasco": -2600, "mislukt": -1900, "mislukking": -2300,
    "blunder": -2200, "blunders": -2300, "misser": -1800, "miskleun": -2300, "faal": -2200, "faalt": -2100,
    "gefaald": -2100, "falen": -2000, "debacle": -2600, "verknald": -2300, "verpest": -2300, "verpesten": -2200,
    "verziekt": -2400, "verneukt": -2600, "verkloot": -2600, "verprutst": -2200, "gezeik": -2000, "gezeur": -1500,
    "gezever": -1800, "zeikerd": -1800, "boycot": -2000, "boycotten": -2000, "aangeklaagd": -1800, "aanklagen": -1800,
    "verlies": -1000, "verliezen": -1000, "kritiek": -1200, "kritieken": -1200, "problematisch": -1600,
    "vervuiling": -1300, "verspilling": -1700, "schandvlek": -2600, "corrupt": -2500, "racistisch": -3000,
    "misbruik": -2300, "mishandeld": -2500, "mishandeling": -2500, "gewond": -1600, "gewonden": -1700, "doden": -2000,
    "overleden": -1600, "brand": 0, "besmet": -1900, "giftig": -2100, "beschimmeld": -2300, "schimmel": -1700,
    "bedorven": -2300, "vies": -2000, "smerig": -2300, "ranzig": -2200, "stinkt": -2000, "kots": -2300, "braken": -1800,
    "hardhandig": -1500, "gebroken": -1300, "gestolen": -1900, "gelekt": -1600,
    "datalek": -2000, "gehackt": -1800, "crisis": -1300, "incident": -900, "dieptepunt": -2300, "onzin": -1500,
    "bedenkelijk": -1300, "twijfelachtig": -1200, "slordig": -1500, "oppervlakkig": -1300, "langdradig": -1900,
    "ongeloofwaardig": -1900, "voorspelbaar": -1200, "cliche": -1100, "saai": -2000, "teveel": -700, "mis": -600,
    "misselijk": -1800, "neppe": -1700, "nep": -1800, "namaak": -1600, "zinloos": -1800, "vergissing": -1100,
    "traag": -1600, "sloom": -1500, "hapert": -1500, "haperingen": -1500, "wegpiraat": -1800, "ongemak": -900,
    "schaamte": -1800, "schaam": -1800, "schamen": -2000, "verbijsterend": -1500, "slechtste": -2900, "slechter": -1800,
    "afgewezen": -1200, "gemist": -600, "faillissement": -1800, "failliet": -1800, "ontslag": -1200, "ontslagen": -1300,
    "moe": -700, "zat": 0, "beu": -1800, "spuugzat": -2500, "opgelet": -500, "stom": -1700, "dom": -1700,
    "domme": -1700, "gestoord": -1500,
    "ruk": -1900, "kut": -2300, "klote": -2400, "kloten": -1800, "kloterig": -2200, "shit": -1800, "gvd": -1900,
    "godverdomme": -2100, "verdomme": -1700, "tering": -2000, "tyfus": -2100, "kanker": -2000, "kk": -1200,
    "klootzakken": -3000, "klootzak": -2900, "eikels": -2300, "tuig": -2300, "fuck": -2000, "kak": -2000,
    "balen": -1700, "baal": -1700, "bah": -1500, "pfff": -900, "pff": -900, "zucht": -1000, "tja": -300, "grr": -1200,
    "grrr": -1400, "hallo": 0, "mwa": -300, "matig": -1000, "matige": -1000, "ondoordacht": -1300, "gewaagd": 0,
    # Flemish blame [s].
    "ambetant": -1800, "zever": -1600, "lastig": -900, "sjiek": 1500, "marginaal": -1500, "pover": -1600,
    "klucht": -2000,
    "gaar": -900, "gare": -1300, "bedotten": -1700, "bedot": -1900, "foert": -1800,
    "beschaamd": -1500,
    "kloefen": -800, "zeveraar": -1900, "verschieten": 0, "dedju": -1500, "miljaar": -1300,
    "wreed": 0, "danig": 0, "serieus": 0, "onnozel": -1700, "dwaas": -1600, "pipo": -1500,
}

WHEN_NEGATED = {
    # Say nothing by themselves, and something with "niet", "geen" or "nooit" near them [c].
    "werkt": -1700, "werken": -1300, "werkend": -1500, "werkte": -1500, "functioneert": -1600, "geleverd": -1600,
    "leveren": -1300, "levert": -1300, "ontvangen": -1200, "gekregen": -1000, "bereikbaar": -1700, "bereiken": -1200,
    "reageert": -1500, "reageren": -1200, "gereageerd": -1400, "reactie": -1500, "antwoord": -1400, "gehoor": -1500,
    "bezorgd": -1300, "bezorgen": -1200, "teruggebeld": -1500, "terugbellen": -1000, "opgelost": -1700, "lukt": -1200,
    "inloggen": -1300, "luistert": -1500, "luisteren": -1200, "helpen": -1500, "helpt": -1600, "geholpen": -1700,
    "hulp": -1400, "contact": -900, "voldoet": -1600, "klopt": -1200, "bevalt": -1500, "boeien": -1700, "boeit": -1500,
    "aangekomen": -1400, "uitleg": -1000, "excuses": -1300, "excuus": -1300, "terugbetaald": -1600, "nagekomen": -1800,
    "internet": -1300, "bereik": -1300, "verbinding": -1200, "waard": -2000, "normaal": -1300,
    "serieus": -1500, "opgenomen": -900, "laden": -1000, "laadt": -1200, "communicatie": -1200,
    "opnemen": -700, "respect": -1700, "verstand": -1400, "klantgericht": -1600, "begrip": -900, "doorheen": -1500,
    "overtuigen": -1500, "overtuigt": -1500, "pakken": -900, "goedkeuren": -900, "diepgang": -1500, "uitgelezen": -900,
    "samenhang": -1200, "vertrouwen": -1800, "zin": -700, "beter": -600, "verdient": -1200,
    "tevreden": -1900, "gedaan": -800, "gebeurt": -700, "thuisgegeven": -1500, "verder": -300,
    "blij": -1800,
    "deugt": -1700, "deugen": -1700, "bediend": -1500, "besteld": -300, "waarmaken": -1700, "waargemaakt": -1700,
    "kopen": -1200, "koopt": -1200, "doen": -300, "aanraden": -2300, "aanrader": -2500,
}
NOT_NEGATED = frozenset({
    # Directly behind "niet", they make it no negation: "not only", "not normally good", "not for nothing" [g].
    "alleen", "slechts", "normaal", "te", "zomaar", "voor", "eens", "meer", "enkel", "bepaald", "eerder", "zo'n",
})

PHRASES = {
    # Where words together mean something else than each; the longest that stands counts, its words do not.
    # Waiting, silence, again and again [c].
    "nog steeds geen": -1600, "nog steeds niet": -1500, "nog altijd geen": -1600, "nog altijd niet": -1500,
    "nog geen reactie": -1700, "geen reactie": -1800, "geen antwoord": -1700, "geen gehoor": -1700,
    "geen enkele reactie": -2000, "reageert niet": -1700, "reageren niet": -1700, "wacht al": -1300,
    "wachten al": -1300,
    "wacht nog steeds": -1500, "sta al": -600, "in de wacht": -1300, "aan de lijn": -300, "aan het lijntje": -1700,
    "van het kastje naar de muur": -2300, "nooit meer": -2000, "nooit weer": -1800, "noit meer": -1900,
    "eens maar nooit weer": -2700, "voor de zoveelste keer": -1700, "zoveelste keer": -1500, "alweer een": -500,
    "voor de derde keer": -1000, "alweer niet": -1500, "weer niet": -1300, "weer eens": -600, "weer raak": -1500,
    "weer mis": -1500, "te laat": -1100, "veel te laat": -1700, "uren te laat": -1900, "te duur": -1700,
    "veel te duur": -2200, "te traag": -1700, "te weinig": -1300, "te veel": -700, "niks aan": -1700,
    "niets aan": -1700,
    "geen bal aan": -2200, "ligt eruit": -1800, "ligt er uit": -1800, "ligt plat": -1900, "ligt weer plat": -2100,
    "loopt vast": -1600, "doet het niet": -1700, "doen het niet": -1700, "doet niks": -1300, "doet niets": -1300,
    "doen niets": -1400, "doen niks": -1400, "doet t niet": -1700, "kan niet inloggen": -1600,
    "geld terug": -1300, "mijn geld terug": -1700, "ik wil mijn geld": -1500, "dubbel afgeschreven": -1900,
    "verborgen kosten": -1900, "niet thuis": -700, "klaar mee": -1500, "er klaar mee": -1900, "zat van": -500,
    "ben het zat": -2100, "genoeg van": -1300, "moe van": -1400, "ziek van": -1700,
    "laten zitten": -1200, "in de steek": -1800, "laat te wensen over": -1700, "te wensen over": -1600,
    "laat het afweten": -1800,
    "laten het afweten": -1800, "kan echt niet": -1900, "dit kan niet": -1700, "kan dus niet": -1500,
    "slaat nergens op": -2000, "nergens op": -1300, "nergens goed voor": -1900, "nergens voor nodig": -1500,
    "lijkt nergens op": -2000, "trekt nergens op": -2000, "lijkt op niks": -1900, "geen idee": -300,
    "geen stijl": -1700,

    "om te huilen": -2200, "om te janken": -2200, "huilen met de pet op": -2300, "onder de maat": -2000,
    "beneden alle peil": -2700, "ver te zoeken": -1800, "niet normaal meer": -1700, "niet te doen": -1500,
    "niet te pruimen": -2000, "niet te vreten": -2000, "niet te geloven": -900, "niet te filmen": -1200,
    "geen cent": -1000, "schaam je": -2000, "schaam jullie": -2000, "schamen jullie": -2000, "zich schamen": -2200,
    "je moest je schamen": -2700, "zakken voor": 0, "door de mand": -1300, "in gebreke": -1700,
    "kort door de bocht": -700,
    "blijf weg": -2100, "blijf er weg": -2200, "ver weg blijven": -1900, "trap er niet in": -2200,
    "koop het niet": -2000,
    "niet kopen": -2000, "niet doen": -1500, "kijk uit": -900,
    "klaagt aan": -1500, "dient klacht in": -1700, "rode cijfers": -1300, "in de problemen": -1600,
    "grote problemen": -1800,
    "kan beter": -1100, "kon beter": -1200, "had beter": -1300, "hadden beter": -1200, "kunnen beter": -900,
    "moet beter": -1300, "beter dan dit": -900, "beter van verwacht": -1500, "meer van verwacht": -2100,
    "meer verwacht": -1900, "iets anders verwacht": -1200, "verwachtingen niet": -1700,
    "verwachtingen waren hoog": -1000,
    "hoge verwachtingen": -900, "valt tegen": -1900, "vallen tegen": -1800, "viel tegen": -2000, "vielen tegen": -1900,
    "valt erg tegen": -2200, "viel erg tegen": -2300, "viel me tegen": -2000, "valt me tegen": -2000,
    "valt me erg tegen": -2200, "viel me erg tegen": -2300, "vond ik tegenvallen": -1900, "tegen gevallen": -1800,
    "viel mij tegen": -2000, "niet de moeite": -1900, "de moeite niet": -1900, "geen aanrader": -2500,
    "niet aan te raden": -2300, "raad het niet aan": -2200, "raad ik niet aan": -2200, "af te raden": -2300,
    "zonde van": -2100, "jammer van": -1800, "weggegooid geld": -2600, "geld weg": -1600, "tijd verdoen": -1700,
    "verspilling van": -2100, "doorheen te komen": -1600, "doorheen komen": -1600,
    "niet doorheen": -1600, "moeite om": -900, "moeite met": -900, "heb moeite": -1100, "niet uitgelezen": -1700,
    "niet boeien": -1800, "zonder enige": -400, "naar mijn mening": 0,
    "slap aftreksel": -2200, "grote mond": -1200, "koude douche": -1700, "niet blij": -1700, "niet vrolijk": -1500,
    "geen reet": -1600, "een lachertje": -2300, "een ramp": -2600,
    "een grap": -1200, "slechte grap": -2300, "is dit een grap": -1900, "ik krijg de": -900, "krijg de tering": -2600,
    "wat een grap": -1900, "waar blijft": -1000, "waar blijven": -900, "waar is mijn": -700,
    "hoe lang nog": -1500, "hoe lang moet": -1300, "wanneer wordt": -300, "wanneer komt": -200, "laat maar": -800,
    "geen zin": -700, "niet over te spreken": -1800, "slecht te spreken": -1800,
    "boom in": -1600, "niet verwacht dat": 0, "nul sterren": -2200, "0 sterren": -2200, "een ster": -1500,
    "1 ster": -1700, "laatste druppel": -1800, "stap over": -900, "stappen over": -900, "weer voor elkaar": -1500,
    "altijd leuk": -700, "altijd fijn": -700, "altijd lekker": -300, "slecht weer": 0, "mooi weer": 0, "lekker weer": 0,
    "fijn weer": 0, "geen stroom": -1300, "geen enkele": -500, "betaal je blauw": -1300, "betaalt je blauw": -1300,
    "lach me dood": 0, "lach me kapot": 0,
    "lach me rot": 0, "lachen me dood": 0, "gebeurt niks": -1300, "gebeurt niets": -1300, "niks van gehoord": -1500,
    "niets van gehoord": -1500, "niets meer gehoord": -1600, "niks meer gehoord": -1600, "geen service": -1700,
    "geen enkele service": -2000, "buiten werking": -1500,
    "geen pretje": -1700, "geen succes": -1600,
    # Irony that has become a set phrase.
    "lekker bezig": -1500, "goed bezig (niet)": -2000, "lekker dan": -1300, "lekker handig": -1300,
    "lekker is dat": -1300,
    "fijn is dat": -1400, "mooi is dat": -1500, "mooie boel": -1600, "fraaie boel": -1600, "dank je de koekoek": -1900,
    "bedankt voor niks": -2500, "bedankt voor niets": -2500, "dank voor niks": -2300, "bedankt he": -700,
    "nou bedankt": -1500, "nou lekker": -1300, "nou fijn": -1300, "nou mooi": -900, "fijn hoor": -1300,
    "fraai hoor": -1300,
    "top hoor": -1000, "lekker hoor": -300, "leuk hoor": -600, "knap hoor": -300, "gefeliciteerd met jullie": -900,
    "alle lof": 2200, "hulde voor": 1500, "ga zo door": 1700, "ga vooral zo door": 200, "lekker makkelijk": -900,
    # Requests and wishes: no praise.
    "zou fijn zijn": -300, "zou leuk zijn": -200, "zou mooi zijn": -200, "zou top zijn": -200, "zou handig zijn": -200,
    "zou prettig zijn": -300, "het mooiste zou": 0, "alvast bedankt": 300, "bij voorbaat dank": 200,
    "graag snel": -500, "zo snel mogelijk": -300, "met vriendelijke groet": 0, "met vriendelijke groeten": 0,
    "vriendelijke groet": 0, "vriendelijke groeten": 0, "beste mensen": 0, "beste klant": 0, "beste klanten": 0,
    "goede morgen": 0, "goede middag": 0, "goede avond": 0, "goede dag": 0, "goed nieuws": 1500, "slecht nieuws": -1500,
    "fijne dag": 300, "fijne avond": 300, "fijn weekend": 300, "lieve mensen": 0, "veel plezier": 700,
    # Did not come true: see IRREALIS.
    "kunnen zijn": -300, "kunnen worden": -300, "moeten zijn": -300, "moeten worden": -300, "had verwacht": -700,
    "verwacht had": -700, "had gehoopt": -700, "gehoopt had": -700, "had gedacht": -300, "gedacht had": -300,
    "beloofd werd": -300, "werd beloofd": -300, "belooft te zijn": -200, "zou zijn": -100,
    # Praise [d], and negations that praise [g].
    "nooit problemen": 1000, "nog nooit problemen": 1200, "nooit klachten": 1000, "kop en schouders": 1900,
    "goed te spreken": 1800, "5 sterren": 2000, "vijf sterren": 2000, "een aanrader": 2500, "echte aanrader": 2800,
    "absolute aanrader": 3000, "zeker een aanrader": 2900,
    "aan te raden": 2000, "raad ik aan": 1800, "raad het iedereen": 2200, "niet weg te leggen": 2400,
    "niet meer weg te leggen": 2500, "niet wegleggen": 2300, "niet meer wegleggen": 2400, "niet naast je neer": 1700,
    "weg te leggen": 1300, "in een ruk": 1900, "een ruk uit": 2000, "in een adem": 2000, "in een keer uit": 1800,
    "een keer uit": 1200, "kan niet wachten": 1900, "kon niet stoppen": 1900, "niet stoppen met": 1500,
    "niet stoppen": 900,
    "niet te missen": 2000, "niet slecht": 900, "niet verkeerd": 1000, "niet gek": 900, "zo gek nog niet": 1000,
    "niets mis mee": 1100, "niks mis mee": 1100, "niets te klagen": 1500, "niks te klagen": 1500, "geen klachten": 1400,
    "niets dan lof": 2700, "niks dan lof": 2700, "zonder problemen": 1300, "geen problemen": 900, "geen probleem": 900,
    "zonder moeite": 1000, "geen spijt": 1400, "geen moment": 800, "geen seconde": 500, "geen minuut": 400,
    "geen twijfel": 600, "de moeite waard": 2100, "moeite waard": 1900, "het geld waard": 1600, "elke cent waard": 2400,
    "meer dan waard": 2200, "kan niet beter": 2300, "kon niet beter": 2300, "beter kan niet": 2400,
    "niets op aan te merken": 1700,
    "niks op aan te merken": 1700, "valt mee": 900, "viel mee": 1000, "valt reuze mee": 1600, "petje af": 2300,
    "duimpje omhoog": 1900, "duim omhoog": 1900, "houdt je in de greep": 1700, "van begin tot eind": 1200,
    "van begin tot einde": 1200, "goed bezig": 1700, "goe bezig": 1800, "heel blij": 2300, "super blij": 2500,
    "beter dan": 600, "beter dan ooit": 1900, "beter dan verwacht": 1800, "nog nooit zo'n goed": 2600,
    "nog nooit zo'n goede": 2600, "nog nooit zo goed": 2600, "nog nooit zo slecht": -2900,
    "nog nooit zo'n slecht": -2900,
    "nog nooit zo'n slechte": -2900, "de max": 2200, "heel content": 2000, "zeer content": 2100, "content met": 1500,
    "content van": 1400, "aardig wat": 0, "dikke merci": 2000, "dikke pluim": 2500, "hart onder de riem": 1200,
    "eindelijk weer": 900, "op tijd": 800, "netjes op tijd": 1600, "goed geregeld": 1900,
    "snel geregeld": 1800, "snel opgelost": 2000, "snel geholpen": 2100, "loopt voorop": 1500,
    "niet duur": 900, "weer uit": 300, "om van te smullen": 2200, "voor herhaling vatbaar": 2000,
    "duizend keer dank": 2300, "een feest": 2000,
}

IRREALIS = frozenset({
    "kunnen zijn", "kunnen worden", "moeten zijn", "moeten worden", "had verwacht", "verwacht had", "had gehoopt",
    "gehoopt had", "had gedacht", "gedacht had", "beloofd werd", "werd beloofd", "belooft te zijn", "zou zijn",
})
"""What ends a thought that did not come true: what it praises is not there."""

IRONY_MARKS = frozenset({"(not)", "#not", "/s", "(niet)", "#sarcasme", "#sarcastisch", "#ironie"})
"""End a text that means its opposite."""

PRAISE_OF_IRONY = frozenset({
    "fijn", "lekker", "leuk", "top", "super", "geweldig", "fantastisch", "prachtig", "mooi", "handig", "heerlijk",
    "bedankt", "dank", "merci", "knap", "netjes", "goed", "bravo", "hulde", "gezellig", "proficiat", "compliment",
    "complimenten", "chapeau", "applaus", "dankjewel", "thanks", "great", "nice", "perfect", "slim", "blij", "sterk",
    "gefeliciteerd", "klasse", "klantvriendelijk", "fijne", "mooie", "goede", "leuke", "lekkere", "geweldige",
    "prachtige", "snelle",
})
"""Praise that, beside a complaint about what happened (not beside a mere opinion), is irony more often than not."""

HAPPENED = frozenset({
    "storing", "storingen", "vertraging", "vertragingen", "vertraagd", "geannuleerd", "onbereikbaar", "wachtrij",
    "wachttijd", "wachttijden", "defect", "kapot", "crasht", "vastgelopen", "foutmelding", "foutmeldingen",
    "nog steeds geen", "nog steeds niet", "nog altijd geen", "nog altijd niet", "geen reactie", "geen antwoord",
    "geen gehoor", "wacht al", "in de wacht", "ligt eruit", "ligt er uit", "ligt plat", "ligt weer plat", "loopt vast",
    "doet het niet", "doen het niet", "dubbel afgeschreven", "kwijt", "te laat", "weer niet", "alweer niet", "uren",
    "inloggen", "werkt", "werken", "geleverd", "ontvangen", "bereikbaar", "weer voor elkaar", "terugbetaald",
    "opgelost",
    "ophangen", "opgehangen", "gebeurt niks", "gebeurt niets", "niks gebeurt", "niets gebeurt", "gebeurt",
    "wacht nog steeds", "uren te laat", "veel te laat", "kan niet inloggen", "reageert niet", "reageren niet",
})
"""Complaints about what happened: words and phrases from above."""

RELIEF = frozenset({
    "opgelost", "geholpen", "snel opgelost", "snel geholpen", "geregeld", "goed geregeld", "snel geregeld", "gelukkig",
    "eindelijk", "hersteld", "eindelijk weer", "toch", "meegevallen", "terugbetaald",
})
"""Words and phrases that say that it was put right."""

UNITS_OF_WAITING = frozenset({
    "uur", "uren", "minuten", "min", "dagen", "weken", "kwartier", "halfuur", "maanden", "uurtjes", "minuutjes",
})
NUMBERS = frozenset({
    "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen", "tien", "elf", "twaalf", "twintig",
    "dertig", "veertig", "anderhalf", "half", "paar", "tig", "honderd", "bijna", "ruim", "meer", "dan", "zeker", "over",
})

BUT_NOT_BUT = frozenset({
    # "maar" behind or before these means "only" or "just": "nog maar een dag", "doe maar", "zeg maar" [g].
    "nog", "alleen", "toch", "laat", "doe", "zeg", "kom", "ga", "kijk", "blijf", "probeer", "was", "dan", "nou",
    "steeds",
})

# Compounds: what a first or last part does to a word that stands in no list [s].
PREFIXES = {
    "kut": -2300, "klote": -2300, "kloot": -2200, "rot": -2000, "kak": -1900, "tering": -2300, "tyfus": -2300,
    "kanker": -2400, "pokke": -2000, "pokken": -2000, "flut": -1900, "prut": -1800, "schijt": -2000, "wan": -1700,
    "nep": -1700, "ramp": -2000, "strontver": -1500, "droom": 1500, "top": 1800, "wereld": 0,
}
PREFIX_NOT = frozenset({
    # Words that merely begin like one of them.
    "rotterdam", "rotterdamse", "rotonde", "rotatie", "roteren", "rotor", "wandelen", "wandeling", "wandel", "wanneer",
    "wandelaar", "wang", "wangen", "wanden", "wanten", "kaktus", "topman", "topdutch", "topics", "topvrouw", "topje",
    "topic", "toppen", "topsport", "topsporter", "topoverleg", "toppositie", "topfunctie", "toptijd", "topgear",
    "toptienlijst", "toplaag", "topografie", "topografisch", "topless", "rotsen", "rotsvast", "rotje", "kutten",
    "neptunus", "nepal", "topdrukte", "dromen", "droomde", "wantrouwen", "topambtenaar", "topbestuurder",
    "topfavoriet", "topsnelheid", "topmodel", "topmannen", "topclub", "toppers", "kakelen", "kakelvers", "wankel",
})
STRENGTHENING = {
    # With an opinion behind it: "supersnel", "keigoed", "megaslecht" [s].
    "super": 1400, "mega": 1400, "ultra": 1400, "giga": 1400, "kei": 1400, "over": 1100, "hyper": 1300, "aller": 1400,
    "steen": 1300, "bloed": 1400, "dood": 1300, "kneiter": 1400, "reuze": 1300, "kut": 1300, "mooi": 1000, "echt": 1000,
    "ziek": 1200, "kanker": 1400, "tering": 1400, "knal": 1300, "doods": 1300, "peper": 1300, "top": 1200,
}
SUFFIXES = {
    # Last parts of compounds: "treinellende", "betaalproblemen", "prijzencircus" [s].
    "ellende": -2200, "probleem": -1300, "problemen": -1400, "storing": -1900, "storingen": -1900, "drama": -1900,
    "schandaal": -2500, "puinhoop": -2500, "ramp": -2200, "chaos": -2000, "fraude": -2600, "debacle": -2500,
    "blunder": -2100, "klachten": -1600, "klacht": -1600, "fout": -1200, "fouten": -1300, "zooi": -2000,
    "oplichting": -2800, "overlast": -1700, "misbruik": -2200, "crisis": -1300, "verhoging": -700, "gedoe": -1500,
    "verspilling": -2000, "vervuiling": -1300, "aanrader": 2400, "topper": 2400, "feest": 1500, "plezier": 1600,
    "verlies": -1000, "schade": -1400, "lek": -1200, "verneuker": -2700, "verneukers": -2700, "loos": -900,
    "waardig": 0, "vriendelijk": 1500, "onvriendelijk": -2000,
}

ENGLISH = {
    # What Dutch posts borrow; values as in VADER's lexicon where it has them, rounded, else by ear.
    "great": 2600, "awesome": 2900, "amazing": 2600, "love": 2700, "cool": 1500, "nice": 1800, "epic": 2000,
    "thanks": 1600, "thx": 1400, "thank": 1500, "happy": 2200, "perfect": 2600, "excellent": 2700,
    "win": 1800, "wow": 2000, "omg": 0, "wtf": -2200, "fail": -2200, "fails": -2000, "epicfail": -2800, "failed": -2100,
    "sucks": -2000, "suck": -2000, "sucken": -2000, "sucked": -2000, "crap": -1900, "shit": -1800, "bullshit": -2600,
    "shitty": -2500, "fuck": -2200, "fucked": -2600, "hate": -2500, "worst": -2800, "bad": -2200, "terrible": -2300,
    "horrible": -2500, "awful": -2300, "scam": -2700, "scammers": -2800, "fake": -1900, "fakenews": -1900, "down": -700,
    "broken": -1900, "useless": -1900, "disappointed": -2000, "disappointing": -2100, "sorry": 0, "lame": -1800,
    "ridiculous": -2000, "unacceptable": -2300, "rude": -2200, "slow": -1200, "delay": -1400, "delayed": -1400,
    "cancelled": -1200, "bug": -1200, "nope": -700, "loser": -2100, "losers": -2200, "stupid": -2200,
    "ugly": -2200, "annoying": -1900, "boring": -1700, "overrated": -1700, "damnn": 0, "insane": 300, "dope": 1800,
    "lit": 1500, "beautiful": 2900, "brilliant": 2800, "fun": 2100, "funny": 1600, "good": 1900, "better": 900,
    "lovely": 2700, "fantastic": 2700, "respect": 1600, "wonderful": 2700, "enjoy": 2000, "horror": -2000, "hero": 2300,
}

EMOJI = {
    # Where VADER's descriptions hold no word of its lexicon ("pouting face"), or tears are of laughter [s].
    "😡": -2200, "😠": -1900, "🤬": -2600, "🖕": -2600, "👎": -1900, "👍": 1700, "👏": 1000, "🙄": -1300, "😤": -1500,
    "🤮": -2400, "🤢": -2100, "💩": -1900, "🤡": -1800, "🤦": -1400, "🥱": -1000, "😒": -1400, "😑": -800, "💔": -1800,
    "❤": 2100, "🙏": 500, "😂": 300, "🤣": 300, "😭": -800, "💪": 900, "👌": 1500, "🎉": 1500, "😍": 2500, "🥳": 2000,
    "🔥": 300, "😅": 0, "😬": -600, "🤷": -400, "😱": -600, "💯": 1200, "🏆": 1500, "🚮": -1500, "🤝": 700,
}
# fmt: on
