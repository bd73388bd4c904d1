"""Murmur2 as Kafka's clients use it for keys, so that other programs find a brand where we put it. Pure.

aiokafka has the same function; this one is here because how keys are cut is known without a client.
Source: the public-domain MurmurHash2 by Austin Appleby, with Kafka's seed.
"""

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The hash, without a sign.

    >>> murmur2(b"")
    275646681
    """
    length = len(data)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)
