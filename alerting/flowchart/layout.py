"""A small layered layout: boxes in rows from top to bottom, edges that cross as little as may be.

The usual four steps (Sugiyama): rows by the longest path, long edges split by bends, order within rows by the mean
place of neighbours, and places as near to those means as the gaps between boxes allow. All in whole pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP_X = 28
GAP_Y = 46
BEND_WIDTH = 12
SWEEPS = 12


@dataclass
class Box:
    """A box to place. `x` and `y` (its left and top) are filled in."""

    key: str
    width: int
    height: int
    x: int = 0
    y: int = 0

    @property
    def middle(self) -> int:
        """Its centre from the left."""
        return self.x + self.width // 2


@dataclass
class Placed:
    """Where everything is."""

    boxes: dict[str, Box]
    bends: dict[tuple[int, str, str], list[tuple[int, int]]] = field(default_factory=dict)
    """Per edge (its number, from, to) the points it passes between its boxes."""
    width: int = 0
    height: int = 0


def layered(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> Placed:
    """Place `boxes`, joined by `edges`, which must hold no circle."""
    every = {box.key: box for box in boxes}
    depth = _depths(list(every), edges)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        rows[depth[box.key]].append(box)
    links: list[tuple[str, str]] = []
    trails: dict[tuple[int, str, str], list[Box]] = {}
    for number, (start, end) in enumerate(edges):
        trail = [Box(f"\0{number}.{row}", BEND_WIDTH, 0) for row in range(depth[start] + 1, depth[end])]
        for level, bend in enumerate(trail, depth[start] + 1):
            rows[level].append(bend)
        stops = [start, *[bend.key for bend in trail], end]
        links += list(pairwise(stops))
        trails[number, start, end] = trail
    _order(rows, links)
    _place(rows, links)
    placed = Placed(boxes=every)
    for row in rows:
        tall = max(box.height for box in row)
        for box in row:
            box.y = placed.height
            box.height = box.height or tall
        placed.height += tall + GAP_Y
    placed.height -= GAP_Y if rows else 0
    placed.width = max((box.x + box.width for row in rows for box in row), default=0)
    for edge, trail in trails.items():
        placed.bends[edge] = [point for b in trail for point in ((b.middle, b.y), (b.middle, b.y + b.height))]
    return placed


def _depths(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    depth = dict.fromkeys(keys, 0)
    for _ in keys:  # the longest path has at most as many steps as there are boxes
        moved = False
        for start, end in edges:
            if depth[end] <= depth[start]:
                depth[end] = depth[start] + 1
                moved = True
        if not moved:
            break
    return depth


def _neighbours(links: Sequence[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for start, end in links:
        below.setdefault(start, []).append(end)
        above.setdefault(end, []).append(start)
    return above, below


def _order(rows: list[list[Box]], links: Sequence[tuple[str, str]]) -> None:
    """Order each row by the mean place of its neighbours, down and up; keep the order with the fewest crossings."""
    above, below = _neighbours(links)
    best = [list(row) for row in rows]
    fewest = _crossings(best, below)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for i in range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1):
            place = {box.key: k for k, box in enumerate(rows[i - 1 if downwards else i + 1])}
            near = above if downwards else below
            rows[i].sort(key=lambda box, place=place, near=near: _mean(near.get(box.key, []), place))  # type: ignore[misc]
        count = _crossings(rows, below)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    rows[:] = best


def _mean(neighbours: Sequence[str], place: Mapping[str, int]) -> float:
    return sum(place[key] for key in neighbours) / len(neighbours) if neighbours else -1.0


def _crossings(rows: Sequence[Sequence[Box]], below: Mapping[str, list[str]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        place = {box.key: k for k, box in enumerate(lower)}
        ends = [place[key] for box in upper for key in sorted(below.get(box.key, []), key=lambda k: place[k])]
        count += sum(1 for i, end in enumerate(ends) for other in ends[i + 1 :] if other < end)
    return count


def _place(rows: Sequence[Sequence[Box]], links: Sequence[tuple[str, str]]) -> None:
    above, below = _neighbours(links)
    boxes = {box.key: box for row in rows for box in row}
    for row in rows:
        x = 0
        for box in row:
            box.x, x = x, x + box.width + GAP_X
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = []
            for box in row:
                middles = [boxes[key].middle for key in near.get(box.key, [])]
                wanted.append(sum(middles) // len(middles) if middles else box.middle)
            _settle(row, wanted)
    left = min((box.x for row in rows for box in row), default=0)
    for row in rows:
        for box in row:
            box.x -= left


def _settle(row: Sequence[Box], wanted: Sequence[int]) -> None:
    """Put each box's middle as near as possible to where it is wanted, in order and with gaps (pooling violators)."""
    offsets, x = [], 0
    for box in row:
        offsets.append(x + box.width // 2)
        x += box.width + GAP_X
    pools: list[list[int]] = []  # [sum of wanted starts, how many boxes]
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append([want - offset, 1])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] > pools[-1][0] * pools[-2][1]:
            total, many = pools.pop()
            pools[-1] = [pools[-1][0] + total, pools[-1][1] + many]
    starts = [total // many for total, many in pools for _ in range(many)]
    for box, offset, start in zip(row, offsets, starts, strict=True):
        box.x = start + offset - box.width // 2
