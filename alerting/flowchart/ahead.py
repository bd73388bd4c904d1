"""Looks ahead from a node: who would be paged next, and at the earliest when, without asking anything."""

from collections.abc import Iterator

from alerting.flowchart.model import Ask, Chart, End, Page, Statement, Wait, ways_out


def pages_ahead(chart: Chart, name: str | None, at_ms: int) -> tuple[tuple[str, ...], int] | None:
    """Whom the pages that can be reached first from a node wake, and at the earliest when."""
    if name is None or not at_ms:
        return None
    found = list(_first_pages(chart, name, at_ms, []))
    if not found:
        return None
    targets = dict.fromkeys(target for page, _ in found for target in page.page)
    return tuple(targets), min(when for _, when in found)


def _first_pages(chart: Chart, name: str, at_ms: int, seen: list[str]) -> Iterator[tuple[Page, int]]:
    if name in seen:
        return
    seen.append(name)
    match node := chart.nodes[name]:
        case Page():
            yield node, at_ms
        case Wait():
            soonest_ms = at_ms if node.until is not None else at_ms + (node.wait or 0)
            yield from _first_pages(chart, node.then, soonest_ms, seen)
        case Ask() | Statement():
            for key, target in ways_out(node):
                late = key in ("if_no_answer", "if_not_approved")
                yield from _first_pages(chart, target, at_ms + node.within * late, seen)
        case End():
            return
        case _:
            for _, target in ways_out(node):
                yield from _first_pages(chart, target, at_ms, seen)
