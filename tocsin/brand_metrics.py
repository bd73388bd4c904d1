"""EDGE. How each brand stands, as gauges: what is heard and usual, how near detectors are, what is open and blind."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from tocsin.brand_now import BrandFigures, brand_now
from tocsin.shown_metrics import Labels, Shown
from tocsin.state import Brand

Values = dict[Labels, float]


class BrandMetrics:
    """Gauges by brand, of those that the core here has heard of. Labels are bounded: configured brands, detectors, and
    the sources that a window keeps.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.posts = self._gauge("tocsin_brand_posts", "Posts about a brand in the last five minutes")
        self.expected = self._gauge(
            "tocsin_brand_expected_posts", "Posts that five minutes which end now usually bring; 0: not known yet"
        )
        self.upper = self._gauge(
            "tocsin_brand_upper_posts", "Nineteen times in twenty the last five minutes bring no more posts than this"
        )
        self.notice = self._gauge(
            "tocsin_brand_notice_posts", "From so many posts in the last five minutes on, volume is worth a notice"
        )
        self.negative = self._gauge(
            "tocsin_brand_negative_ratio", "Share of negative posts in the last hour, among those that could be judged"
        )
        self.usual_negative = self._gauge(
            "tocsin_brand_usual_negative_ratio", "Share of negative posts that is usual for a brand"
        )
        self.score = self._gauge(
            "tocsin_detector_score_ratio", "How far a detector is: a notice from 0.5 on, a page from 0.75", "detector"
        )
        self.value = self._gauge(
            "tocsin_detector_value",
            "The measure that a detector holds against its thresholds, in its own unit",
            "detector",
        )
        self.threshold = self._gauge(
            "tocsin_detector_threshold",
            "From where on that measure is a notice, or enough for a page; 0: none is known, or it pages nobody",
            "detector",
            "level",
        )
        self.warm = self._gauge(
            "tocsin_detector_warm", "1 where a detector has learnt enough to say anything, else 0", "detector"
        )
        self.learnt = self._gauge("tocsin_brand_learnt_seconds", "How much of a brand's past was learnt from")
        self.open = self._gauge("tocsin_open_incidents", "Incidents that are open, by brand")
        self.blind = self._gauge("tocsin_brand_blind", "1 while a brand's sources do not deliver, else 0")
        self.blind_for = self._gauge(
            "tocsin_brand_blind_seconds", "For how long we do not hear all that is said of a brand; 0: we do"
        )
        self.newest = self._gauge(
            "tocsin_brand_newest_timestamp_seconds",
            "When a post about a brand last came, from whatever source, in seconds since 1970; 0: never",
        )
        self.heard = self._gauge(
            "tocsin_brand_source_heard_timestamp_seconds",
            "When a post about a brand last came from a source, in seconds since 1970",
            "source",
        )
        self.allowed = self._gauge(
            "tocsin_false_page_budget", "Pages a month that may turn out to be for nothing, as a brand's budget has it"
        )

    def show(self, brands: Iterable[Brand], now_ms: int) -> None:
        """Show these brands as they are now, and no others."""
        known = [(brand, brand_now(brand, now_ms)) for brand in brands]
        self._heard_of([figures for _, figures in known])
        self._detectors([figures for _, figures in known])
        self._incidents([brand for brand, _ in known])
        self.blind_for.show({f.brand: _since_s(f.blind_since_ms, now_ms) for _, f in known})

    def _heard_of(self, known: Iterable[BrandFigures]) -> None:
        known = list(known)
        self.posts.show({f.brand: f.recent.posts for f in known})
        self.expected.show({f.brand: f.usual.posts_milli / 1000 for f in known})
        self.upper.show({f.brand: f.usual.upper for f in known})
        self.notice.show({f.brand: f.usual.notice for f in known})
        self.negative.show({f.brand: f.hour.share_milli / 1000 for f in known})
        self.usual_negative.show({f.brand: f.usual.share_milli / 1000 for f in known})
        self.learnt.show({f.brand: f.learnt_ms / 1000 for f in known})
        self.newest.show({f.brand: f.newest_ms / 1000 for f in known})
        self.heard.show({(f.brand, one.source): one.heard_ms / 1000 for f in known for one in f.sources})

    def _detectors(self, known: Iterable[BrandFigures]) -> None:
        found = [(f.brand, one) for f in known for one in f.standings]
        self.score.show({(brand, one.kind): one.score / 1000 for brand, one in found})
        self.value.show({(brand, one.kind): one.value / 1000 for brand, one in found})
        thresholds: Values = {(brand, one.kind, "notice"): one.notice / 1000 for brand, one in found}
        self.threshold.show(thresholds | {(brand, one.kind, "page"): one.page / 1000 for brand, one in found})
        self.warm.show({(brand, one.kind): one.warm for brand, one in found})

    def _incidents(self, brands: Iterable[Brand]) -> None:
        opened: Values = {}
        blind: Values = {}
        allowed: Values = {}
        for brand in brands:
            name, book = brand.state.brand, brand.book
            opened[name] = book.incident is not None and book.incident.is_open
            blind[name] = book.blind is not None and book.blind.is_open
            allowed[name] = brand.panel.budget.pages_milli / 1000
        self.open.show(opened)
        self.blind.show(blind)
        self.allowed.show(allowed)

    def _gauge(self, name: str, words: str, *labels: str) -> Shown:
        return Shown("gauge", name, words, ["brand", *labels], registry=self._registry)


def _since_s(since_ms: int, now_ms: int) -> float:
    return max(0, now_ms - since_ms) / 1000 if since_ms else 0.0
