"""What English-speaking customers say, beyond VADER's lexicon: groups of words and phrases, one weight a group.

VADER was rated on words by themselves. It has no "still waiting", "on hold", "no response" or "never again", and it
takes "please help" for praise. Each group below is a kind of thing that customers of any trade say (telecoms, shops,
banks, carriers, streaming, food), so that a word which no calibration set holds has the weight of its neighbours.

**Where the words come from.** Written down trade by trade from how complaints are made, not read off one set; each
was then counted in the labelled sets that `tocsin.accuracy` finds and left out where it spoke against its group, the
three labels weighing the same (so "credit", "at least", "on time", "missed" and "fees" are not here). `make accuracy`
prints the counts of every word and phrase that these sets hold, in docs/accuracy.md; a word without a count stands on
what it says alone.

**Where the weights come from.** One for each group, fitted by ordered logistic regression in which every brand and
every label weighs the same, then rounded to half a unit. What carries over was tried by leaving out: fitted without a
brand, the groups reach on that brand .66 to .73 for airlines and .43 to .63 for technology, within .03 of what they
reach when it is among them; fitted on the technology brands alone, .67 on the airlines (macro-F1, where masked VADER
has .54).

Words are written in small letters; apostrophes are left out on both sides (people do), `0` stands for any number,
and a `*` at the end for any ending.
"""

from typing import NamedTuple


class Group(NamedTuple):
    """Words and phrases that say the same kind of thing."""

    name: str
    valence_milli: int
    """What one of them counts, in thousandths of VADER's unit (its lexicon goes from -4000 to 4000)."""
    at_most: int
    """How many of the group are counted in one text."""
    why: str
    terms: tuple[str, ...]


def _terms(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(term.split()) for term in text.split(",") if term.strip()))


WAITING = Group(
    "waiting",
    -2000,
    2,
    "time that a customer lost: waits, queues, things done over again",
    _terms("""
    still waiting, been waiting, waiting for over, waited, keep waiting, kept waiting, keeps waiting, 0 hours,
    0 hrs, 0 hr, 0 hour, 0 mins, 0 minutes, 0 min, an hour, half an hour, over an hour, hours later, hours ago,
    for hours, 0 weeks, 0 months ago, for days, for weeks, for months, for ages, weeks later, 0 days later,
    days later, took ages, wait time*, waiting time*, long wait, longer wait, hour wait, taking forever,
    takes forever, took forever, forever to, taking so long, take so long, takes so long, taking this long,
    take this long, so long to, days and counting, weeks and counting, and counting, for over a, for over an,
    for over 0, on hold, been on hold, put me on hold, hold time*, hold for, stood in line, standing in line,
    waiting in line, long line*, in the queue, long queue*, queueing, queuing, this queue, still havent,
    still hasnt, still not, still no, still cant, still dont, still doesnt, still wont, still didnt, still isnt,
    still nothing, still having, still down, still broken, still getting, still unable, not yet, for the past,
    every time, every single time, again today, multiple times, several times, countless times, 0 times, many times,
    over and over, third time, 0rd time, 0th time, second time, last week and, next available agent, backlog
    """),
)
SILENCE = Group(
    "silence",
    -3000,
    2,
    "nobody answers, or nobody who can help",
    _terms("""
    still no response*, still no reply, still no answer*, still no update*, still no sign of, still no word,
    no response*, no reply, no replies, no answer, no answers, no one, noone, nobody, never heard back,
    not heard back, havent heard, not heard, no one answers, ignored, ignoring, ignores, not answering,
    not answered, dont answer, wont answer, doesnt answer, never answer*, hung up, hang up, hangs up, hanging up,
    disconnect*, cut me off, cuts off, unanswered, no update*, no word, no explanation, no apology, no help,
    no email, no call back, no callback, no sign of, no info*, no communication, no notification, no warning,
    no notice, no record of, no trace, run around, runaround, passed around, passed from, transferred, busy signal,
    cant get through, get through to, wont respond, dont respond, doesnt respond, dont reply, doesnt reply,
    nothing back, not responding, not replying, unresponsive, no support, no solution, no luck, lack of, call back,
    real person, actual person, actual human, talk to a human, speak to a human, talk to a person,
    speak to a person, to an actual, answer the phone, answer your phone*, pick up the phone, answer my,
    reply to my, respond to my, read my, radio silence, ghosted, fobbed off, palmed off, copy and paste, copy paste,
    canned response, automated response*, chatbot
    """),
)
FAILURE = Group(
    "failure",
    -3500,
    2,
    "the thing or the service does not work",
    _terms("""
    not working, isnt working, arent working, wasnt working, doesnt work, dont work, didnt work, wont work,
    not work, never works, stopped working, stops working, wont load, not loading, doesnt load, wont let,
    doesnt let, wont open, wont play, wont connect, wont update, wont turn on, wont start, wont charge,
    wont download, wont install, wont sync, wont accept, wont allow, wont recogni*, wont go through, cant log,
    cant login, cant sign, cant access, cant use, cant connect, cant get, cant find, cant even, cant play, cant see,
    cant open, cant download, cant update, cant check, cant book, cant pay, cant do, cant make, cant reach,
    cant listen, cant watch, cant order, cant return, cant transfer, cannot access, cannot log, cannot login,
    cannot get, cannot use, unable to, not able to, keeps crashing, keep crashing, crashed, crashes, crashing,
    outage*, is down, are down, went down, been down, down again, down for, goes down, servers are, server down,
    servers down, system down, site down, website down, app down, internet down, broken, broke, error*, glitch*,
    bug, bugs, buggy, offline, no signal, no internet, no service, no connection, no network, no power, no wifi,
    no coverage, no water, no heating, no hot water, power cut*, freezes, froze, keeps freezing, keeps cutting,
    keeps dropping, keeps buffering, buffering, keeps skipping, bricked, faulty, defective, dropped calls,
    drops calls, slow, laggy, lagging, lags, pixelated, throttl*, issue with, issues with, problems with,
    having issues, having problems, having trouble, trouble with, issue*, keeps saying, keep getting, keeps giving,
    keeps asking, keeps stopping, keeps logging, logged me out, logs me out, kicked me out, kicks me out,
    malfunction*, failed, fails, failing, fail, epicfail, failure, times out, timed out, timing out, locked out,
    unavailable, corrupted, wont fix, fell apart, fallen apart, falling apart, stopped charging, overheat*,
    doesnt fit, didnt fit, cracked, leaking, leaks, card declined, payment failed, payments failing, declined my,
    spam me, spamming me, too many ads
    """),
)
MONEY = Group(
    "money",
    -2500,
    2,
    "money that is owed, taken or not worth it",
    _terms("""
    refund*, my money back, money back, my money, charged me, charged twice, double charged, charged double,
    charging me, charged for, been charged, got charged, overcharg*, over charged, billed twice, billed me,
    wrong bill, rip off, ripoff, ripped off, ripping, waste of money, waste of time, wasted, wasting, overpriced,
    hidden fee*, extra fee*, hidden charge*, bank charges, overdraft fee*, compensat*, reimburse*, i paid, we paid,
    paid for, paying for, paid extra, cost me, costing me, costs me, out of pocket, price hike*, price increase*,
    price gouging, gouging, too expensive, so expensive, extortionate, daylight robbery, lost money, owe me,
    owes me, robbed, robbery, greed*, money grab, cash grab, not worth, not as, voucher expired, points expired,
    took my money, taken my money, taken money, stole my, unauthorised, unauthorized, without my permission,
    without permission, without asking
    """),
)
MISHAP = Group(
    "mishap",
    -3000,
    2,
    "what was promised did not come, came late, or came wrong",
    _terms("""
    cancelled, canceled, cancelling, canceling, cancels, cancellation*, cancelation*, delayed, delay, delaying,
    late, so late, running late, postponed, rescheduled again, missed my, missed our, missing, lost my, lost our,
    lost, stuck, stranded, trapped, sitting on, wrong item, wrong order, wrong size, wrong address, the wrong,
    wrong, never arrived, not arrived, hasnt arrived, havent arrived, hasnt come, hasnt shown, havent received,
    hasnt received, not received, never received, didnt receive, havent got, never got, never came, never turned up,
    didnt arrive, didnt come, didnt show, didnt turn up, not turned up, no show, never showed, never delivered,
    not delivered, not been delivered, undelivered, says delivered, said delivered, marked as delivered,
    left outside, left in the rain, hasnt been, not been, out of stock, ruined, ruin, ruining, smashed, leak, dirty,
    filthy, mouldy, moldy, mold, stale, soggy, cold food, food was cold, undercooked, uncooked, burnt, inedible,
    was cold, stone cold, freezing cold, hair in, found a hair, cockroach*, bed bugs, bedbugs, sick after,
    made me sick, food poison*, no seats, no toilet*, bumped, denied, declined, refuse, refused, refuses, refusing,
    turned away, forced to, made me, had to wait, had to pay, have to pay, had to buy, had to call, have to call,
    had to go, mess up, messed up, messing up, screwed, screw up, screwing, botched, misplaced, closed my,
    blocked my, locked my, suspended my, deleted my playlist*, lost all my, lost in, not there, came empty,
    arrived empty, was empty, arrived broken, nowhere, nowhere to be, short staffed, understaffed, no staff
    """),
)
VERDICT = Group(
    "verdict",
    -3000,
    2,
    "judgements of worth, manners and honesty; curses. What VADER has too, counts in both",
    _terms("""
    worst, the worst, by far the worst, worst ever, worse, getting worse, disgrace*, unacceptable, not acceptable,
    inexcusable, unprofessional, incompeten*, inept, shambles, shambolic, shocking, appalling, appalled, atrocious,
    abysmal, dreadful, pathetic, ridiculous, ridiculously, rude, rudest, rudeness, rubbish, garbage, crap, crappy,
    shit, shitty, bs, nightmare, fiasco, disaster, useless, clueless, hopeless, misleading, mislead, misled, lied,
    lies, lying, liars, scam*, a con, con artists, cheated, cheating, disgust*, fed up, sick of, tired of,
    had enough, ashamed, shame on, shameful, embarrass*, let down, letdown, letting me down, disappoint*, frustrat*,
    annoy*, irritat*, infuriat*, outrage*, absurd, insulting, insult, horrible, horribly, horrendous, horrid,
    horrific, terrible, terribly, awful, i hate, hate, hates, hated, poor, poorly, poor service, bad service,
    poor customer, bad customer, terrible customer, zero stars, one star, sucks, suck, sucked, blows, stinks, sucky,
    lame, idiot*, morons, unhappy, upset, furious, pissed, pissing, livid, fuming, raging, not good enough,
    not good, not happy, nothappy, not impressed, unimpressed, not cool, not ok, not okay, not helpful,
    wasnt helpful, not fair, unfair, not right, not great, not ideal, not funny, not amused, not fun, not a fan,
    unhelpful, unreliable, untrustworthy, unfriendly, inconvenien*, inconsiderate, disrespect*, mistreat*, joke,
    a joke, what a joke, laughable, farce, no excuse, dont care, doesnt care, dont give a, couldnt care less,
    no respect, bad, really bad, so bad, very bad, too bad, sadly, negligen*, careless, arrogan*, hostile, nasty,
    vile, bully, dodgy, shady, sketchy, tacky, greedy, bait and switch, false advertising, wtf, fuck, fucking,
    fucked, fuckin, damn, dammit, damnit, ffs, smh, grrr, ugh, argh, aargh, yuck, meh, fml, bloody, freaking,
    friggin, seriously, unbelievably, bonkers, so much for, nickel and dime, third world, third rate, second rate,
    subpar, sub par, mediocre, downhill, gone downhill, going downhill, do better, cringe, yikes, killing me,
    driving me, drives me, gross, trash, dumpster fire, headache, headaches, impossible, train wreck, trainwreck,
    shit show, shitshow, hot mess, dead to me, clown show, tone deaf, out of touch, nonsense, pointless, worthless,
    unusable, unwatchable, unplayable, a mess, this mess
    """),
)
GOODBYE = Group(
    "goodbye",
    -3500,
    2,
    "a customer leaves, warns others or goes to somebody stronger",
    _terms("""
    never again, never fly*, never us*, never buy*, never shop*, never order*, never book*, never eat*, never go*,
    never stay*, never trust, never bank*, never come, never return*, never recommend, will never, last time,
    im done, so done, done with you, lost a customer, lost another customer, lost customer, lost my business,
    lost my custom, my business elsewhere, my custom elsewhere, take my business, taking my business, elsewhere,
    switching to, switching from, switch provider*, moving to another, time to switch, leaving you, cancel my,
    cancelling my, canceling my, cancelled my subscription, delete my account, deleting my, uninstall*,
    unsubscribe*, avoid, dont use, do not use, dont buy, do not buy, dont fly, do not fly, dont order, do not order,
    dont shop, dont eat, dont ever, dont bother, dont waste, stay away, steer clear, beware, boycott*, wish i had,
    wish id, i regret, regret*, class action, file a complaint, formal complaint, complain*, complaint, complaints,
    lawyer, attorney, small claims, trading standards, ombudsman, watchdog, better business bureau,
    going to the press, would not recommend, wouldnt recommend, cant recommend, do not recommend, dont recommend
    """),
)
HARM = Group(
    "harm",
    -3000,
    2,
    "people hurt, wronged or deceived: what makes news about a brand bad news, however dry",
    _terms("""
    recalls, recalled, recall issued, recall of, product recall, safety recall, lawsuit*, sued, sues, suing,
    being sued, i will sue, data breach*, breached, data leak*, leaked data, personal data, hacked, hackers, racist,
    racism, sexist, sexism, homophobic, antisemitic, discriminat*, harass*, assault*, abused, abusive, arrested,
    dragged, bleeding, injured, injury, injuries, hospitalised, hospitalized, poisoned, poisoning, salmonella,
    listeria, e coli, contaminat*, allergic reaction, explod*, caught fire, catches fire, catching fire,
    on fire and, went up in flames, burned my, burnt my, died, dies, deaths, dead after, killed,
    under investigation, investigated, fined, scandal*, backlash, outcry, cover up, accused, accuses, allegation*,
    alleged, wrongdoing, unsafe, dangerous, hazard*, fraud*, scammed, phishing, bankrupt*, laid off, layoffs,
    mass layoffs, walkout, sweatshop*, child labour, child labor, slave labour, exploit*, unethical, illegal,
    criminal, criminals, corrupt, corruption, misconduct, neglected, animal cruelty, toxic, pollut*, apologises,
    apologizes, apologise for, apologize for, apologised after, apologized after
    """),
)
SARCASM = Group(
    "sarcasm",
    -3000,
    1,
    "thanks and praise that are said of bad things only",
    _terms("""
    cant say that i, cant say im, cant say i am, cant say ive, thanks for nothing, thanks for the delay*,
    thanks for the wait, thanks for losing, thanks for ruining, thanks for making me, thanks for making us,
    thanks for not, thanks for cancel*, thanks for leaving, thanks for ignoring, thanks for wasting,
    thanks for keeping me waiting, thanks for breaking, thanks for charging, thanks for hanging up,
    thanks for forgetting, thanks for screwing, thanks for messing, thanks for no, thanks for the canned,
    thanks for the generic, thanks for the automated, thanks for the non, thanks for the lack,
    thanks for the heads up not, thank you for ruining, thank you for not, thank you for nothing,
    thank you for losing, thank you for cancel*, thank you for wasting, thanks a bunch, no thanks to, way to treat,
    way to run, way to ruin, way to lose, way to keep, way to screw, love how, love waiting, love paying,
    love sitting, nothing like waiting, nothing like a, just what i needed, oh great, oh good, oh joy, oh wonderful,
    oh look, what a surprise, surprise surprise, no surprise, shocker, big surprise, color me shocked, slow clap,
    well done for, good luck getting, good luck with that, what a way to, another great day, must be nice,
    another outage, another delay*, another cancel*, another day another, great another, top notch not,
    so helpful not, sure jan, because thats what, said no one, tell me again how, please tell me again,
    remind me again, remind me why
    """),
)
MOCKERY = Group(
    "mockery",
    2500,
    1,
    "applause: praise where it stands alone; beside a complaint it is sarcasm",
    _terms("""
    love it when, love being, love that you, love that i, way to go, congrats on, congratulations on, congrats to,
    great start, nice try, great job, good job, nice job, fine job, nice work, great work, good work, well done,
    nice one, bravo, yay for, hooray for, round of applause, gold star, nice to know, good to know that,
    yet another, great way to, nice way to, just what i need, as if, yeah right, gee thanks, lucky me, how nice,
    how lovely, how convenient, top job, love when, wonderful way to
    """),
)
DEMAND = Group(
    "demand",
    -2000,
    2,
    "questions and orders that only somebody let down puts to a company",
    _terms("""
    please fix, pls fix, plz fix, fix your, fix this, fix it, fix the, fix that, fixed yet, to be fixed,
    need to fix, needs to be, get it fixed, need fixing, get it together, get your, get it right, get with the,
    act together, sort it, sort this, sort out, sort your, sort yourselves, step up, step it up, do something,
    must do, shouldnt, shouldnt have, shouldve, should have, couldve, wouldve, how hard, how difficult, how is it,
    how is this, how can you, how could you, how do you not, how come, how many times, how much longer,
    how many more, where is my, wheres my, where are my, when are you going, when is my, need an answer,
    need answers, supposed to, was told, were told, been told, told me, told us, tells me, keep telling,
    keeps telling, promised, ive been, i have been, weve been, been trying, tried to, trying to get, tried,
    trying to, had to, come on, cmon, whats going on, what is going on, whats wrong, what is wrong, whats the point,
    whats the deal, what gives, whats up with, what happened to, what the, what kind of, and yet, yet you,
    yet again, not even, doesnt even, dont even, didnt bother, why is, why are, why do, why does, why cant,
    why wont, why would, why did, why have, why has, why dont, why didnt, why should, why am, why not, why you,
    why the, why my, please respond, please reply, please answer, please explain, asap, you guys need, you need to,
    i want my, i need my, want my, stop sending, stop charging, stop calling, please stop, stop making, all i want,
    everyone else, unless, customer service, customer services, customer support, tech support, cust service,
    customer relations, csr, supervisor, your system, your website, your site, escalate*, urgently, ridiculous that,
    is it too much, too much to ask, last chance, this is the second, this is the third, this is not, this isnt,
    not what i, not as described
    """),
)
UNEASE = Group(
    "unease",
    -500,
    4,
    "small words of denial, delay and repetition: little each, together the tone of a complaint",
    _terms("""
    not, no, cant, cannot, wont, dont, didnt, doesnt, isnt, wasnt, wouldnt, couldnt, arent, werent, hasnt, havent,
    aint, never, nothing, without, still, again, another, since, after, because, only, even, but, why, told, said,
    says, they, them, then, hours, hour, ago, been, until, yet, twice, waiting, wait, hold, call, called, calling,
    calls, email, emailed, emails, when, anyone, already, nor, either, pay, paid, charge, charged, than, same,
    problem, problems, however, due, lose, losing, supposedly, apparently
    """),
)
PRAISE = Group(
    "praise",
    2500,
    2,
    "thanks, praise and delight, as people give them to companies",
    _terms("""
    thanks, thank you, thank u, thankyou, thx, thnx, ty, cheers, thank you so much, thanks so much,
    thank you very much, thanks for the, thank you for, thanks for your, many thanks, much appreciated,
    really appreciate, appreciate the, appreciate it, appreciate you, appreciate your, great service,
    great customer, great customer service, excellent service, excellent customer, amazing service, awesome service,
    amazing customer, best service, best customer, best customer service, shout out, shoutout, kudos, props,
    you rock, you guys rock, rocks, the best, the bomb, best ever, keep up the, keep it up, on point, love my,
    love the, love your, love this, love you, love, i love, we love, loving, loved, love it, so happy, very happy,
    so glad, glad, excellent, amazing, awesome, outstanding, fantastic, fabulous, wonderful, incredible, brilliant,
    superb, flawless, flawlessly, perfect, perfectly, obsessed, cant wait, cannot wait, excited, made my day,
    made my night, made my week, slay*, legend, legends, lifesaver, life saver, saved my, saved me, impressed,
    impressive, thumbs up, above and beyond, works great, works perfectly, works like a charm, works well,
    working again, fixed it, it works now, works now, sorted it, quick response, fast response, quick reply, prompt,
    speedy, super helpful, so helpful, very helpful, really helpful, helpful, hats off, grateful,
    pleasantly surprised, dope, delicious, yum, yummy, tasty, so good, so cool, so easy, so fast, cool, sweet,
    beautiful, gorgeous, stunning, favourite, favorite, my fav, fave, fan of, big fan, huge fan, addicted to,
    great experience, great news, great time, great flight, great stay, great meal, great product, great app, great,
    good, nice, highly recommend, stellar, classy, yay, woohoo, woo hoo, nailed it, crushing it, win for, is great,
    are great, was great, is awesome, are awesome, was awesome, is amazing, are amazing, was amazing, is good,
    so much better, way better, much better, better than ever, rescued, to the rescue, lovely, enjoy*, happy with,
    happy customer, happy, pleasure, pleasant, smooth, seamless*, easy, in love, in love with, finally, good stuff,
    great stuff, never disappoint*, never fails to, never let me down, cant fault, cannot fault, couldnt be happier,
    cant recommend enough, cant thank, cant praise, cant stop listening, cant stop eating, cant get enough,
    sooo good, chefs kiss, goated, bussin, stan
    """),
)
SLANG = Group(
    "slang",
    4000,
    1,
    "praise in words that VADER takes for blame: its negative figure is set aside",
    _terms("""
    killing it, killed it, killin it, kills it, slaying, is fire, are fire, straight fire, absolute fire, pure fire,
    so fire, sick beat, sick beats, sick drop, sick track, sick tune, sick album, sick song, sick new, is sick af,
    so sick af, badass, bad ass, insanely good, crazy good, stupid good, wicked good, criminally good,
    criminally underrated, dangerously good, stupidly good, disgustingly good, ridiculously good, scary good,
    to die for, im dead, im deceased, not bad, not bad at all, not too bad, not as bad, cant complain, no delays,
    no problems, no issues, no hassle, no fuss, never been disappointed, never been happier, never had a better,
    never had better, never had a problem*, never had an issue*, never had any, no regrets
    """),
)
TOPIC = Group(
    "topic",
    -500,
    2,
    "kind words to VADER that name a matter, a courtesy or a wish: they take its bonus back in part",
    _terms("""
    please, pls, plz, help, helping, hope, hoping, would like, id like, looks like, look like, sounds like,
    seems like, feel like, feels like, like a, like this, like that, like to, something like, things like,
    places like, companies like, want, wants, wanted, free, care, cares, support, supports, credit, credits, secure,
    security, share, shares, sharing, play, playing, plays, energy, top, chance, save, saves, saving, ready,
    special, interest, interested, interesting, yes, sure, ok, okay, well, easier, win, wins, winning, winner, gift,
    gifts, reward, rewards, party, certain, dear, kind of, worth, better, best way, resolve, resolved, solution,
    solutions, solve, alert, alerts, number, straight, important, active, clear, fine, trust, value, agree, agreed,
    agreement, opportunity, success, create, created, increase, increased, increases, lol, haha, lmao, hi, hey,
    welcome, profit, profits, strong, super, bonus, benefit, benefits, true, clean, respect, original, smart,
    popular, growth, friend, friends, innovation, innovative, confident, challenge, promote, god, luck, peace,
    faith, dream, dreams, festival, treat, treats, pretty, keep, honest, honestly, hand, natural
    """),
)

WISH = Group(
    "wish",
    -2000,
    2,
    "kind words of greetings and wishes: they are no praise, and lose VADER's bonus",
    _terms("""
    would be great, would be nice, would be good, would be awesome, would be amazing, would be cool,
    would be appreciated, would be helpful, would be lovely, would be better, will be appreciated, it be great,
    be nice if, be great if, be good if, be cool if, be helpful if, be better if, nice if, great if, good if,
    cool if, could be better, could be more, should be better, must be better, used to be great, used to be good,
    used to be, used to love, used to like, i wish, wish you, wish they, wish there, just wish, good luck,
    good morning, good evening, good afternoon, good night, goodnight, good day, good thing, good idea,
    good question, good point, good to know, good one, good old, have a good, have a great, have a nice,
    happy birthday, happy new year, happy friday, happy monday, happy holidays, merry christmas, would love,
    id love, wed love, would love to, id love to, wed love to, i would love, love to hear, love to see,
    more helpful, more friendly, better service, better customer, appreciate a, appreciate if, appreciate some,
    appreciate any, thanks in advance, thank you in advance, hopefully, no problem, no worries, greatly appreciated,
    free gift, gift card, gift cards, best way to, best price, best prices, best time to, best place to,
    chance to win, to win, a chance to
    """),
)

GROUPS = (
    SARCASM, MOCKERY, GOODBYE, SILENCE, FAILURE, MISHAP, MONEY, HARM, WAITING, VERDICT, DEMAND, WISH, SLANG, PRAISE,
    TOPIC, UNEASE,
)  # fmt: skip
"""The first group that lists a word keeps it."""

DENIABLE = frozenset(("failure", "goodbye", "harm", "mishap", "money", "praise", "verdict"))
"""Groups of which a negation within two words in front leaves nothing: "no delays", "not broken", "not great"."""
COMPLAINTS = frozenset(("failure", "mishap", "money", "silence", "waiting"))
"""Groups beside which applause is mockery."""

# By their names in Unicode ("pouting face", "thumbs up sign"). VADER reads those names word by word, which is how
# "face with tears of joy" comes to be sad and glad at once, and "face with rolling eyes" to be nothing.
EMOJI = {
    **dict.fromkeys("😡🤬😠😤👎🙄🤦💩😒😞🤮🤢😑🖕😾💔🤡😣😖☹🙁", -1500),
    **dict.fromkeys("😍❤💙👍🙌👏💕😊💜💖🎉💚🥰💯😘🏆🤩💗♥👌☺😀😃😄🤗🥳🧡💛🔥", 1500),
}

MISREAD = "🔥💣🔪💀"
"""Emoji that are kept from VADER: to it they are fire, bombs, knives and skulls."""

# Found inside a hashtag, which VADER takes for one unknown word: #badservice, #nothappy, #acmefail. The bad are asked
# first: "nothappy" holds "happy".
BAD_TAGS = _terms("""
    fail, worst, suck, horrible, terrible, awful, disappoint, unhappy, nothappy, notimpressed, notcool, neveragain,
    scam, boycott, shame, poorservice, badservice, ridiculous, pathetic, frustrat, annoy, angry, joke, unacceptable,
    disgrace, rude, liars, greed, cancel, delete, useless, rubbish, garbage, wtf, pissed, fedup, racis, refund,
    outage, ripoff
    """)
GOOD_TAGS = _terms("""
    love, best, awesome, amazing, great, thank, happy, winning, kudos, perfect, impress, grateful, excellent
    """)
TAG_MILLI = 1500
