"""A small chart without axes, as the points of an SVG: what a page shows of a brand before anything is asked. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from tocsin.brand_now import BrandFigures

WIDTH, HEIGHT = 240, 48


class Spark(msgspec.Struct, frozen=True):
    """Paths in a box of `WIDTH` by `HEIGHT`; each may be empty."""

    observed: str = ""
    under: str = ""
    """The area below what was observed."""
    band: str = ""
    negative: str = ""
    expected: str = ""


def spark(
    observed: Sequence[int | None],
    *,
    negative: Sequence[int | None] = (),
    expected: float = 0.0,
    low: float = 0.0,
    high: float = 0.0,
) -> Spark:
    """The paths of counts, oldest first, over the band in which they usually lie; broken where nothing is known. All
    from outside are numbers.

    >>> spark((0, 4, 8), low=1, high=2).observed
    'M0 48L120 24L240 0'
    >>> spark((None, 4, 8)).observed, spark((None, None)).observed, spark(()).observed
    ('M120 24L240 0', '', '')
    """
    known = [count for count in observed if count is not None]
    if not observed:
        return Spark()
    top = max(4.0, high, expected, *known)

    def height(value: float) -> str:
        return _short(HEIGHT - HEIGHT * max(0.0, min(value, top)) / top)

    def stretches(values: Sequence[int | None]) -> Iterator[list[tuple[str, str]]]:
        """The points of each stretch without a gap."""
        across = WIDTH / max(1, len(values) - 1)
        points = [(_short(at * across), None if one is None else height(one)) for at, one in enumerate(values)]
        for is_known, stretch in groupby(points, lambda point: point[1] is not None):
            if is_known:
                yield [(x, y or "") for x, y in stretch]

    def path(points: Sequence[tuple[str, str]]) -> str:
        # A stretch of a single point is drawn as a dot: a line of no length has round ends.
        return "M" + "L".join(f"{x} {y}" for x, y in (points if len(points) > 1 else [*points, *points]))

    lines = list(stretches(observed))
    flat = f"V{height(low)}H0Z"
    return Spark(
        observed="".join(map(path, lines)),
        under="".join(f"{path(points)}V{HEIGHT}H{points[0][0]}Z" for points in lines),
        band=f"M0 {height(high)}H{WIDTH}{flat}" if high > 0 else "",
        negative="".join(map(path, stretches(negative))) if any(negative) else "",
        expected=f"M0 {height(expected)}H{WIDTH}" if expected > 0 else "",
    )


def spark_of(figures: BrandFigures) -> Spark:
    """A brand's last 90 minutes in steps of five, over the band of what five minutes usually bring."""
    usual = figures.usual
    return spark(
        figures.history,
        negative=figures.negatives,
        expected=usual.posts_milli / 1000,
        low=usual.lower,
        high=usual.upper,
    )


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
