"""A small chart without axes, as the points of an SVG: what a page shows of a brand before anything is asked. Pure."""

from collections.abc import Sequence

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
    observed: Sequence[int],
    *,
    negative: Sequence[int] = (),
    expected: float = 0.0,
    low: float = 0.0,
    high: float = 0.0,
) -> Spark:
    """The paths of counts, oldest first, over the band in which they usually lie. All from outside are numbers.

    >>> spark((0, 4, 8), low=1, high=2).observed
    'M0 48L120 24L240 0'
    >>> spark(()).observed
    ''
    """
    if not observed:
        return Spark()
    top = max(4.0, high, expected, *observed)

    def height(value: float) -> str:
        return _short(HEIGHT - HEIGHT * max(0.0, min(value, top)) / top)

    def path(values: Sequence[float]) -> str:
        across = WIDTH / max(1, len(values) - 1)
        return "M" + "L".join(f"{_short(number * across)} {height(value)}" for number, value in enumerate(values))

    line = path(observed)
    flat = f"V{height(low)}H0Z"
    return Spark(
        observed=line,
        under=f"{line}V{HEIGHT}H0Z",
        band=f"M0 {height(high)}H{WIDTH}{flat}" if high > 0 else "",
        negative=path(negative) if any(negative) else "",
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
