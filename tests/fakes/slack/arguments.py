"""Reading the arguments of a call as Slack reads them: form or JSON, booleans, cursors, ranges; and refusing them."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any, TypeVar

from tests.fakes.slack.blocks import block_faults, metadata_fault
from tests.fakes.slack.ledger import Json

T = TypeVar("T")


class SlackRefusalError(Exception):
    """`ok: false` with Slack's word for it."""

    def __init__(self, word: str, **extra: Any) -> None:
        super().__init__(word)
        self.word = word
        self.extra = extra


def truthy(value: Any) -> bool:
    """Slack's booleans come as true, "true", 1 or "1".

    >>> truthy("1"), truthy("true"), truthy("0"), truthy(None)
    (True, True, False, False)
    """
    return str(value).lower() in {"1", "true"}


def decoded(value: Any) -> Any:
    """A JSON argument, which a form carries as a string. Raises SlackRefusalError `invalid_arguments`."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise SlackRefusalError("invalid_arguments") from None


def content_of(params: Json) -> tuple[str, list[Json] | None, list[Json] | None]:
    """Text, blocks and attachments of a call, checked as Slack checks them; None for what was not given."""
    try:
        blocks = decoded(params.get("blocks"))
    except SlackRefusalError:
        raise SlackRefusalError("invalid_blocks_format") from None
    if blocks is not None:
        faults = block_faults(blocks)
        if faults:
            messages = [f"[ERROR] {fault}" for fault in faults]
            raise SlackRefusalError("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    attachments = decoded(params.get("attachments"))
    return str(params.get("text") or ""), blocks, attachments


def metadata_of(params: Json) -> Json | None:
    """The metadata of a call, checked; None if not given, {} to take it away."""
    try:
        metadata = decoded(params.get("metadata"))
    except SlackRefusalError:
        raise SlackRefusalError("invalid_metadata_format") from None
    if metadata is None:
        return None
    fault = metadata_fault(metadata)
    if fault is not None:
        raise SlackRefusalError(fault)
    return dict(metadata)


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """Slack names the blocks that came without a `block_id`."""
    return [{"block_id": f"b{index}", **copy.deepcopy(block)} for index, block in enumerate(blocks)]


def in_range(ts: str, params: Json) -> bool:
    """Whether a ts lies between `oldest` and `latest`, the ends counting only if `inclusive`."""
    at, inclusive = ts_us(ts), truthy(params.get("inclusive"))
    oldest, latest = params.get("oldest"), params.get("latest")
    after = not oldest or at > ts_us(str(oldest)) or (inclusive and at == ts_us(str(oldest)))
    before = not latest or at < ts_us(str(latest)) or (inclusive and at == ts_us(str(latest)))
    return after and before


def ts_us(ts: str) -> int:
    """A ts in whole microseconds. Raises SlackRefusalError `invalid_ts_oldest` if it is no number.

    >>> ts_us("1700000000.000100")
    1700000000000100
    """
    seconds, _, fraction = ts.partition(".")
    if not seconds.isdigit() or (fraction and not fraction.isdigit()):
        raise SlackRefusalError("invalid_ts_oldest")
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def paged(items: list[T], params: Json, *, default: int) -> tuple[list[T], Json]:
    """One page of a listing, and the cursor part of its answer."""
    try:
        limit = min(int(params.get("limit") or default), 1000)
        cursor = str(params.get("cursor") or "")
        start = int(base64.b64decode(cursor.encode(), validate=True).decode().removeprefix("next:")) if cursor else 0
    except (ValueError, UnicodeDecodeError):
        raise SlackRefusalError("invalid_cursor") from None
    more = start + limit < len(items)
    following = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return items[start : start + limit], {"has_more": more, "response_metadata": {"next_cursor": following}}
