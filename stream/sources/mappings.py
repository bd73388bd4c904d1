"""The payloads of vendors that hold licences for networks which nobody else may read: Meltwater, YouScan, Talkwalker,
Brandwatch.

Field names are those that the vendors publish; where a vendor has used several over the years all of them are looked
at. What a vendor's contract leaves out (YouScan and Brandwatch strip texts and authors of X) cannot be read: `no_text`.
"""

from stream.sources.shapes import Rule, Shape, Unreadable, bytes_of, encode, engagement_of, items_in, row_of, rule
from stream.sources.values import moment

MELTWATER = Shape(
    {
        "id": rule("id", "document_id", "external_id", "url"),
        "created_at": rule("published_date", "publish_date", "document_publish_date", "indexed_date"),
        "author": rule("author.handle", "author.name", "authors.0.name", "source.name"),
        "author_followers": rule("author.metrics.followers", "author.followers", "source.metrics.followers"),
        "text": rule(
            "content.title",
            "title",
            "content.opening_text",
            "content.body",
            "opening_text",
            "hit_sentence",
            join="\n\n",
        ),
        "lang": rule("enrichments.language_code", "language_code"),
        "url": rule("url", "content.url"),
        "parent_id": rule("parent_id", "parent_url"),
        "root_id": rule("thread_id", "thread_url"),
        "reposts": rule("metrics.engagement.reposts", "metrics.engagement.shares"),
        "likes": rule("metrics.engagement.likes", "metrics.engagement.reactions"),
        "replies": rule("metrics.engagement.replies", "metrics.engagement.comments"),
        "views": rule("metrics.views", "metrics.estimated_views"),
    },
    items="documents",
)
"""What a hook of Meltwater's Data Streams posts, with its template `api.json`
(https://developer.meltwater.com/guides/listening/streaming-mentions)."""

YOUSCAN = Shape(
    {
        "id": rule("mentionId", "id", "postId"),
        "created_at": rule("published", "publishedAt", "date", "addedAt", "discovered"),
        "author": rule("author.nickname", "author.name", "channel.name", "author.profileId"),
        "author_followers": rule("author.subscribers"),
        "text": rule("title", "fullText", "text", join="\n\n"),
        "lang": rule("language"),
        "url": rule("url", "postUrl"),
        "root_id": rule("discussionId"),
        "reposts": rule("engagement.reposts", "reposts"),
        "likes": rule("engagement.likes", "likes"),
        "replies": rule("engagement.comments", "commentsCount", "comments"),
        "views": rule("engagement.views", "views"),
    },
    html=True,
)
"""What a webhook of a YouScan topic posts: one mention, or a list
(https://help.youscan.io/en/articles/3371690-how-to-use-webhook-integration)."""

TALKWALKER = Shape(
    {
        "id": rule("url"),
        "created_at": rule("published", "indexed"),
        "author": rule(
            "extra_author_attributes.short_name", "extra_author_attributes.name", "extra_author_attributes.id"
        ),
        "author_followers": rule("source_extended_attributes.followers", "extra_author_attributes.followers"),
        "text": rule("title", "content", join="\n\n"),
        "lang": rule("lang"),
        "url": rule("url"),
        "parent_id": rule("parent_url"),
        "reposts": rule(
            "article_extended_attributes.twitter_retweets",
            "article_extended_attributes.twitter_shares",
            "article_extended_attributes.facebook_shares",
        ),
        "likes": rule(
            "article_extended_attributes.twitter_likes",
            "article_extended_attributes.facebook_likes",
            "article_extended_attributes.instagram_likes",
        ),
        "replies": rule("article_extended_attributes.num_comments", "article_extended_attributes.twitter_replies"),
        "views": rule("article_extended_attributes.twitter_impressions", "article_extended_attributes.youtube_views"),
    }
)
"""`chunk_result.data.data` of a chunk of Talkwalker's (https://developer.talkwalker.com/docs/overview/streaming-api-v3).
Its sentiment is not taken over: one scorer judges all sources alike."""

BRANDWATCH = Shape(
    {
        "id": rule("resourceId", "guid", "originalUrl", "url"),
        "created_at": rule("date", "added"),
        "author": rule("author", "fullname"),
        "author_followers": rule("twitterFollowers", "instagramFollowerCount", "blueskyFollowers"),
        "text": rule("title", "fullText", "snippet", join="\n\n"),
        "lang": rule("language"),
        "url": rule("originalUrl", "url"),
        "parent_id": rule("replyTo", "parentId"),
        "root_id": rule("threadId", "rootId"),
        "quoted_id": rule("retweetOf"),
        "reposts": rule("twitterRetweets", "facebookShares", "blueskyReposts"),
        "likes": rule("twitterLikeCount", "facebookLikes", "instagramLikeCount", "blueskyLikes"),
        "replies": rule("twitterReplyCount", "facebookComments", "instagramCommentCount", "blueskyReplies"),
        "views": rule("impressions"),
    },
    html=True,
)
"""One of the `results` of Brandwatch's mentions
(https://developers.brandwatch.com/docs/mention-metadata-field-definitions)."""

VENDORS = {"meltwater": MELTWATER, "youscan": YOUSCAN, "talkwalker": TALKWALKER, "brandwatch": BRANDWATCH}

OLD_MS = 24 * 3_600_000

Bad = tuple[str, str, bytes]
"""Reason, a line for a human, and what it is about."""


def rows_in(body: bytes, shape: Shape, now_ms: int) -> tuple[list[bytes], list[Bad]]:
    """All rows of a payload, and what of it is none: one item never costs another.

    >>> rows_in(b'[{"n": 1}, 7]', Shape({"id": rule("n")}), 0)[1]
    [('no_time', 'it does not say when it was written: no field is mapped to created_at', b'{"n":1}'), ...
    """
    try:
        items = items_in(body, shape)
    except Unreadable as bad:
        return [], [(bad.reason, bad.detail, body)]
    rows: list[bytes] = []
    bads: list[Bad] = []
    for item in items:
        try:
            rows.append(encode(row_of(item, shape, now_ms)))
        except Unreadable as bad:
            bads.append((bad.reason, bad.detail, bytes_of(item)))
    return rows, bads


def with_counts(item: object, shape: Shape, now_ms: int, *, again: bool) -> list[bytes]:
    """The row of an item; and where the vendor sends it `again`, its counts as they are now. Raises `Unreadable`.

    Both rows are needed then: whoever missed the first sending learns of the post, for all others it is a repeat.
    """
    row = row_of(item, shape, now_ms)
    counts = engagement_of(row, now_ms) if again else None
    if counts is None:
        return [encode(row)]
    # What is older than its id is remembered would be taken for another post.
    known = moment(row["created_at"]) < now_ms - OLD_MS
    return [encode(counts)] if known else [encode(row), encode(counts)]


__all__ = ["BRANDWATCH", "MELTWATER", "TALKWALKER", "VENDORS", "YOUSCAN", "Rule", "rows_in", "with_counts"]
