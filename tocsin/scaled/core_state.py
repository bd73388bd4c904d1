"""EDGE. The state of the core's partitions in Redis: it makes a start quick, and shows others how things stand.

    {prefix}core:{partition}    a hash: generation, offset, meta (CoreMeta), brand:<name> (FrozenBrand) and seen:<name>
                                (SeenBrand, what others are shown of it), each canonical

One script writes it: what belongs together is written together, never back to an earlier place, and only the brands
that changed - as long as what is there is at least as new as what the writer wrote last. Where it is not (somebody
emptied Redis, or set it back), the whole state is asked for.
"""

from collections.abc import Mapping
from typing import Literal, cast

import msgspec
import structlog
from redis.asyncio import Redis

from alerting.escalation import Casebook
from stream.codec import canonical, decode
from tocsin.scaled.core_partition import FORMAT, CoreMeta, Kept, Place
from tocsin.state import FrozenBrand

log = structlog.get_logger("tocsin")

Outcome = Literal["saved", "lower", "whole"]
"""`lower`: a later state is there, so nothing was written. `whole`: the changes alone would not fit what is there."""

PLACE = ("generation", "offset")
META, BRAND, SEEN = "meta", "brand:", "seen:"

_SAVE = """
local at = {tonumber(redis.call('HGET', KEYS[1], 'generation') or '-1'),
            tonumber(redis.call('HGET', KEYS[1], 'offset') or '-1')}
local new = {tonumber(ARGV[1]), tonumber(ARGV[2])}
local base = {tonumber(ARGV[3]), tonumber(ARGV[4])}
local function before(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end
if before(new, at) then return 'lower' end
if ARGV[5] == 'whole' then
    redis.call('DEL', KEYS[1])
elseif before(at, base) then
    return 'whole'
end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'offset', ARGV[2])
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 'saved'
"""


class SeenBrand(msgspec.Struct):
    """What others are shown of a brand. A brand's whole state can be read as one, too."""

    content: str = ""
    """Digest of the configuration in force."""
    book: Casebook | None = None


def key_of(prefix: str, partition: int) -> str:
    """Where a partition's state is.

    >>> key_of("tocsin.", 3)
    'tocsin.core:3'
    """
    return f"{prefix}core:{partition}"


class StateStore:
    """The states of all partitions of one deployment. Every call raises `RedisError` where Redis does not answer."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._save = redis.register_script(_SAVE)

    async def load(self, partition: int) -> Kept | None:
        """What is there, or `None` where nothing is, or nothing that this version can read."""
        found = await self._redis.hgetall(key_of(self._prefix, partition))
        if not found:
            return None
        try:
            return read(cast("Mapping[bytes, bytes]", found))
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a state in Redis cannot be read", partition=partition, problem=str(error)[:200])
            return None

    async def save(
        self, partition: int, meta: CoreMeta, brands: Mapping[str, FrozenBrand], *, base: Place | None
    ) -> tuple[Outcome, int]:
        """Write `meta` and these brands, and say how many bytes that was.

        `base` is the place of what the caller saved last: `brands` are those that changed since. `None`: `brands` are
        all that there are.
        """
        fields: list[str | bytes] = [META, canonical(meta)]
        for name in sorted(brands):
            brand = brands[name]
            fields += [f"{BRAND}{name}", canonical(brand)]
            fields += [f"{SEEN}{name}", canonical(SeenBrand(brand.content, brand.book))]
        place, since = meta.place, base or Place()
        told = [place.generation, place.offset, since.generation, since.offset, "whole" if base is None else "changes"]
        outcome = await self._save(keys=[key_of(self._prefix, partition)], args=[*told, *fields])
        return cast("Outcome", outcome.decode()), sum(len(field) for field in fields)


def read(found: Mapping[bytes, bytes]) -> Kept:
    """The state in a hash. Raises `ValueError` or `msgspec.MsgspecError` where it is none, or not whole."""
    if META.encode() not in found:
        raise ValueError("it has no field `meta`")
    meta = decode(found[META.encode()], CoreMeta)
    if meta.format != FORMAT:
        raise ValueError(f"it has format {meta.format}, and this version writes {FORMAT}")
    brands = {}
    for name in meta.brands:
        body = found.get(f"{BRAND}{name}".encode())
        if body is None:
            raise ValueError("a brand's state is missing")
        brands[name] = decode(body, FrozenBrand)
    return Kept(meta, brands)
