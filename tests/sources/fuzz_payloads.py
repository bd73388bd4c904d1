"""True-shaped payloads of each platform, made up: what the fuzzing begins with.

Wherever a post's own words stand they hold `MARK`, and no sooner than after forty characters: a line for a human may
quote the beginning of a value, and never a post.
"""

import json
from typing import Any

MARK = "zqmarkq"
SAID = f"Acme lost my order again and nobody there answers {MARK} \N{FIRE} &amp; more"
AT = "2026-01-05T14:58:00.000Z"
DID = "did:plc:" + "a" * 24
POST = "app.bsky.feed.post"
URI = f"at://{DID}/{POST}/3kaaaaaaaaaaa"


def lines(*found: object) -> tuple[bytes, ...]:
    """Each as JSON."""
    return tuple(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() for one in found)


def _frame(kind: str, held: dict[str, Any]) -> dict[str, Any]:
    return {"did": DID, "time_us": 1_767_625_080_000_000, "kind": kind, kind: held}


def _commit(operation: str, collection: str, record: dict[str, Any] | None) -> dict[str, Any]:
    held = {"rev": "3kx", "operation": operation, "collection": collection, "rkey": "3kaaaaaaaaaaa"}
    return _frame("commit", held | ({"record": record, "cid": "bafyreib"} if record is not None else {}))


_RECORD = {"$type": POST, "createdAt": AT, "langs": ["en"], "text": SAID}
_REF = {"uri": URI, "cid": "bafyreia"}
JETSTREAM = lines(
    _commit("create", POST, _RECORD | {"reply": {"root": _REF, "parent": _REF}}),
    _commit("create", POST, _RECORD | {"embed": {"$type": "app.bsky.embed.record", "record": _REF}}),
    _commit("create", POST, _RECORD | {"embed": {"media": {"images": [{"alt": SAID}]}, "record": {"record": _REF}}}),
    _commit("update", POST, _RECORD),
    _commit("delete", POST, None),
    _commit("create", "app.bsky.feed.like", {"subject": _REF, "createdAt": AT}),
    _commit("delete", "app.bsky.feed.repost", None),
    _frame("account", {"active": False, "did": DID, "seq": 7, "status": "deleted", "time": AT}),
    _frame("identity", {"did": DID, "handle": "a.example", "seq": 7, "time": AT}),
)
BLUESKY_PUBLIC = lines(
    {"posts": [{"uri": URI, "cid": "b", "likeCount": 10, "repostCount": 2, "replyCount": 1, "quoteCount": 0}]},
    {"profiles": [{"did": DID, "handle": "a.example", "followersCount": 12, "createdAt": "2024-02-06T10:00:00.000Z"}]},
)

_ACCOUNT = {"id": "7", "username": "jo", "acct": "jo@elsewhere.example", "bot": False, "followers_count": 37}
_STATUS: dict[str, Any] = {
    "id": "115842000000000001",
    "created_at": AT,
    "in_reply_to_id": None,
    "visibility": "public",
    "language": "en",
    "url": "https://social.example/@jo/115842000000000001",
    "replies_count": 1,
    "reblogs_count": 2,
    "favourites_count": 3,
    "edited_at": AT,
    "spoiler_text": "",
    "content": f"<p>{SAID}<br>twice</p>",
    "reblog": None,
    "quote": {"state": "accepted", "quoted_status": {"id": "115842000000000000"}},
    "account": _ACCOUNT | {"created_at": "2018-08-18T00:00:00.000Z"},
    "tags": [{"name": "acme"}],
}
_BOOST = _STATUS | {"id": "115842000000000002", "content": "", "reblog": _STATUS}
_PRIVATE = _STATUS | {"visibility": "private"}
MASTODON_STREAM = (
    *(b"event: update\ndata: " + line + b"\n\n" for line in lines(_STATUS, _BOOST, _PRIVATE)),
    b"event: status.update\r\ndata: " + lines(_STATUS)[0] + b"\r\n\r\n",
    b"event: delete\ndata: 115842000000000001\n\n",
    b":thump\n\n:)\nevent: filters_changed\ndata: \n\n",
)
MASTODON_PAGE = lines([_STATUS, _BOOST], [_PRIVATE, _STATUS])

_X_POST: dict[str, Any] = {
    "id": "2008190000000000001",
    "text": SAID,
    "author_id": "1000",
    "created_at": AT,
    "conversation_id": "2008190000000000001",
    "edit_history_tweet_ids": ["2008190000000000001"],
    "lang": "en",
    "public_metrics": {"retweet_count": 1, "reply_count": 0, "like_count": 5, "quote_count": 0, "impression_count": 30},
    "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://acme.example/a?b=1"}]},
    "referenced_tweets": [{"type": "quoted", "id": "2008180000000000000"}],
}
_X_OTHER = _X_POST | {"id": "2008180000000000000", "referenced_tweets": [], "note_tweet": {"text": SAID * 3}}
_X_USER = {"id": "1000", "username": "ann", "created_at": "2015-05-05T05:05:05.000Z"}
_X_INCLUDES = {"users": [_X_USER | {"public_metrics": {"followers_count": 30}}], "tweets": [_X_OTHER]}
_X_REPOST = _X_POST | {"text": f"RT @ann: {SAID}", "referenced_tweets": [{"type": "retweeted", "id": _X_OTHER["id"]}]}
_X_RULES = [{"id": "7", "tag": "tocsin:x:Acme"}]
X_STREAM = tuple(
    line + b"\r\n"
    for line in lines(
        {"data": _X_POST, "includes": _X_INCLUDES, "matching_rules": _X_RULES},
        {"data": _X_REPOST, "includes": _X_INCLUDES, "matching_rules": _X_RULES},
        {
            "errors": [
                {"title": "operational-disconnect", "disconnect_type": "Upstream", "type": "https://x/problems/y"}
            ]
        },
        {"title": "ConnectionException", "connection_issue": "TooManyConnections", "type": "https://x/problems/z"},
    )
)
X_PAGE = lines(
    {"data": [_X_POST, _X_OTHER], "includes": _X_INCLUDES, "meta": {"result_count": 2, "oldest_id": _X_OTHER["id"]}},
    {"meta": {"result_count": 0}},
)
X_LOOK = lines(
    {
        "data": [_X_POST, _X_OTHER],
        "errors": [{"resource_id": "2008190000000000009", "type": "https://x/problems/resource-not-found"}],
    }
)


def _label(text: str) -> dict[str, str]:
    return {"label": text}


_REVIEW = {
    "id": _label("12345678901"),
    "title": _label("Bad"),
    "content": {"label": SAID, "attributes": {"type": "text"}},
    "author": {"name": _label("ann"), "uri": _label("https://itunes.apple.com/nl/reviews/id1")},
    "im:rating": _label("1"),
    "im:voteSum": _label("2"),
    "updated": _label("2026-01-05T07:58:00-07:00"),
    "link": {"attributes": {"rel": "related", "href": "https://itunes.apple.com/nl/review?id=1"}},
}
_APP = {"im:artist": _label("Acme"), "im:name": _label("Acme App")}
APPLE = lines({"feed": {"entry": [_APP, _REVIEW, _REVIEW]}}, {"feed": {"entry": _REVIEW}}, {"feed": {}})

_COMMENT = {
    "kind": "youtube#comment",
    "id": "UgxAAAAAAAAAAAAAAAAAAA",
    "snippet": {
        "videoId": "abc-def_123",
        "textDisplay": SAID,
        "authorDisplayName": "@ann",
        "authorChannelId": {"value": "UC1"},
        "likeCount": 3,
        "publishedAt": AT,
        "updatedAt": AT,
    },
}
_ANSWER = _COMMENT | {"id": "UgxAAAAAAAAAAAAAAAAAAA.9b"}
_THREAD = {
    "kind": "youtube#commentThread",
    "id": "UgxAAAAAAAAAAAAAAAAAAA",
    "snippet": {"videoId": "abc-def_123", "topLevelComment": _COMMENT, "totalReplyCount": 3, "isPublic": True},
    "replies": {"comments": [_ANSWER]},
}
YOUTUBE_THREADS = lines({"items": [_THREAD, _THREAD], "nextPageToken": "100"}, {"items": []})
YOUTUBE_COMMENTS = lines({"items": [_COMMENT, _ANSWER]})
YOUTUBE_REFUSALS = lines(
    {"error": {"code": 403, "errors": [{"message": "no", "reason": "quotaExceeded"}], "details": [{"reason": "X"}]}}
)

_ITEM = (
    "<item><title>Acme &amp; co</title><link>https://news.example/a?utm_source=rss&amp;b=1</link>"
    '<guid isPermaLink="false">post-1</guid><pubDate>Mon, 05 Jan 2026 14:58:00 GMT</pubDate>'
    f"<description><![CDATA[<p>{SAID}</p><script>x()</script>]]></description></item>"
)
_ENTRY = (
    '<entry><id>urn:post:1</id><title type="html">&lt;b&gt;Acme&lt;/b&gt;</title>'
    '<link href="https://www.google.com/url?rct=j&amp;url=https://news.example/b&amp;ct=ga"/>'
    f"<published>{AT}</published><author><name>Desk</name></author>"
    f"<content type='html'>&lt;p&gt;{SAID}&lt;/p&gt;</content></entry>"
)
FEEDS = (
    f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><ttl>30</ttl>{_ITEM}</channel></rss>'.encode(),
    f'<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>{_ENTRY}{_ENTRY}</feed>'.encode(),
)

_ARTICLE = {
    "url": "https://www.news.example/a/1?utm_campaign=x",
    "url_mobile": "",
    "title": SAID,
    "seendate": "20260105T144500Z",
    "domain": "news.example",
    "language": "Dutch",
    "sourcecountry": "Netherlands",
}
GDELT = (
    *lines({"articles": [_ARTICLE, _ARTICLE | {"url": "https://b.example/2"}]}),
    b"{}\n",
    b"Please limit requests to one every 5 seconds or contact us for larger queries.",
    b"Your query was too short or too long.\n",
)

_THING = {
    "name": "t3_1abcde",
    "created_utc": 1_767_625_080.0,
    "author": "ann",
    "title": "Acme again",
    "selftext": SAID,
    "permalink": "/r/acme/comments/1abcde/x/",
    "score": -3,
    "num_comments": 2,
    "edited": False,
    "crosspost_parent": "t3_1abcdd",
    "crosspost_parent_list": [{"title": "Acme again"}],
    "removed_by_category": None,
}
_REPLY = {"name": "t1_2abcde", "created_utc": 1_767_625_081, "author": "bo", "body": SAID, "edited": 1_767_625_090.0}
_REPLY |= {"parent_id": "t3_1abcde", "link_id": "t3_1abcde", "permalink": "/r/acme/x/2abcde/", "score": 5}
REDDIT = lines(
    {
        "kind": "Listing",
        "data": {"after": "t3_1abcde", "children": [{"kind": "t3", "data": _THING}, {"kind": "t1", "data": _REPLY}]},
    },
    {"kind": "Listing", "data": {"after": None, "children": [{"kind": "t1", "data": _REPLY | {"body": "[deleted]"}}]}},
)

_HIT = {"objectID": "40000001", "created_at_i": 1_767_625_080, "author": "ann", "points": 3, "num_comments": 1}
_STORY = _HIT | {"title": "Show HN: Acme", "story_text": f"<p>{SAID}", "_tags": ["story"]}
_ON_IT = _HIT | {"objectID": "40000002", "comment_text": f"<p>{SAID}", "parent_id": 40_000_001, "story_id": 40_000_001}
HACKERNEWS = lines({"hits": [_STORY, _ON_IT], "nbHits": 2, "page": 0, "nbPages": 1, "hitsPerPage": 100}, {"hits": []})
HACKERNEWS_ITEMS = lines(
    {"id": 40_000_001, "type": "story", "time": 1_767_625_080, "by": "ann", "score": 3, "descendants": 1},
    {"id": 40_000_002, "type": "comment", "time": 1_767_625_081, "deleted": True},
)

_RESULT = {
    "url": "https://social.example/a/1",
    "published": 1_767_625_080_000,
    "search_indexed": 1_767_625_081_000,
    "title": "",
    "content": SAID,
    "lang": "en",
    "extra_author_attributes": {"name": "Ann", "short_name": "ann"},
    "source_extended_attributes": {"followers": 30},
    "article_extended_attributes": {"twitter_retweets": 1, "num_comments": 2},
    "matched": {"appearance": "UPDATED"},
}
TALKWALKER = lines(
    {"chunk_type": "CT_RESULT", "chunk_result": {"data": {"data": _RESULT, "highlighted_data": []}}},
    {"chunk_type": "CT_CONTROL", "chunk_control": {"connection_id": "#s1#", "resume_offset": "o7"}},
    {"chunk_type": "CT_ERROR", "chunk_error": {"status_code": "8", "status_message": "offset expired"}},
)
BRANDWATCH = lines(
    {
        "resultsTotal": 2,
        "resultsPage": 0,
        "results": [
            {
                "resourceId": f"113_{number}",
                "originalUrl": f"https://news.example/{number}",
                "date": "2026-01-05T14:58:00.000+0000",
                "added": "2026-01-05T14:59:00.000+0000",
                "author": "anna",
                "title": "Acme",
                "snippet": f"<b>Acme</b> {SAID}",
                "language": "en",
                "threadId": "0",
                "twitterFollowers": None,
                "facebookLikes": 0,
            }
            for number in range(2)
        ],
    }
)
_DOCUMENT = {
    "id": "doc-1",
    "published_date": AT,
    "url": "https://social.example/anna/1",
    "content": {"title": None, "opening_text": SAID, "hashtags": ["#acme"]},
    "author": {"handle": "anna", "name": "Anna A.", "metrics": {"followers": 1204}},
    "enrichments": {"language_code": "en"},
    "metrics": {"engagement": {"likes": 3, "reposts": 0, "replies": 1}},
    "source": {"name": "Social"},
}
MELTWATER = lines({"request": {"hook_id": "h1"}, "documents": [_DOCUMENT, _DOCUMENT | {"id": "doc-2"}]})
_MENTION = {
    "mentionId": 4711,
    "published": "2026-01-05T14:58:00",
    "text": f"<b>{SAID}</b>",
    "url": "https://social.example/2",
    "author": {"name": "Bo", "nickname": "bo_b", "subscribers": "1 204"},
    "engagement": {"likes": 2, "comments": 1},
}
YOUSCAN = (*lines(_MENTION, [_MENTION, _MENTION]), b"\n".join(lines(_MENTION, _MENTION)))

ROW = {
    "id": "7",
    "created_at": AT,
    "kind": "create",
    "author": "ann",
    "author_followers": 30,
    "author_created_at": "2015-05-05T05:05:05Z",
    "text": SAID,
    "lang": "en",
    "url": "https://social.example/7",
    "parent_id": "6",
    "root_id": "5",
    "quoted_id": "4",
    "is_repost": False,
    "reposts": 1,
    "likes": 2,
    "replies": 3,
    "views": 40,
    "rating": 2,
    "live": True,
    "mood": {"x": [1]},
}
INTERCHANGE = (*lines(ROW, [ROW, ROW], ROW | {"kind": "engagement"}), b"\n".join(lines(ROW, ROW | {"kind": "delete"})))

_HEADER = "Bericht ID;Datum;Tijd;Auteur;Bericht;Sentiment;Volgers\r\n"
_CELLS = f'm1;5-1-2026;15:58:00;anna;"{SAID}\r\nen ""nog"" iets";negatief;1.204\r\nm2;5 jan. 2026;16:00;bo;{SAID};;\r\n'
FILES = (
    (_HEADER + _CELLS).encode(),
    (_HEADER + _CELLS.replace("\N{FIRE}", "\u20ac")).replace(";", ",").encode("cp1252"),
    (_HEADER + _CELLS).replace(";", "\t").encode("utf-16"),
    b"\n".join(lines(*({"Bericht ID": name, "Datum": "5-1-2026", "Tijd": "15:58", "Bericht": SAID} for name in "ab"))),
    *lines([{"Bericht ID": "c", "Datum": "5-1-2026", "Tijd": "15:58", "Bericht": SAID, "Volgers": "1.204"}]),
)
