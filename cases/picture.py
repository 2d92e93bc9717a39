"""The map of states as a picture, drawn from the table of edges: the open states in their order, the closed ones below.

Pure geometry; the page turns it into SVG with attributes alone, so that no style of a page or theme is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cases.machine import CLOSED_STATES, EDGES, OPEN_STATES

WIDTH, HEIGHT = 132, 40
GAP = 44
MARGIN = 24
OPEN_TOP, CLOSED_TOP = 150, 372
STEP = 34
"""How much higher an arc is for each state it passes over."""


@dataclass(frozen=True)
class Box:
    state: str
    label: str
    x: int
    y: int
    closed: bool

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def text_y(self) -> int:
        return self.y + HEIGHT // 2 + 5


@dataclass(frozen=True)
class Arrow:
    """One edge, or one for all open states (`source` empty). `path` is SVG path data."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    arrows: list[Arrow]
    frame: tuple[int, int, int, int]  # x, y, width, height around the open states


def draw(labels: Mapping[str, str]) -> Picture:
    """`labels` names each state in the reader's language."""
    place = {state: MARGIN + number * (WIDTH + GAP) for number, state in enumerate(OPEN_STATES)}
    width = place[OPEN_STATES[-1]] + WIDTH + MARGIN
    share = (width - 2 * MARGIN) // len(CLOSED_STATES)
    below = {
        state: MARGIN + number * share + (share - WIDTH) // 2 for number, state in enumerate(CLOSED_STATES)
    }
    boxes = {
        **{state: Box(state, labels[state], x, OPEN_TOP, False) for state, x in place.items()},
        **{state: Box(state, labels[state], x, CLOSED_TOP, True) for state, x in below.items()},
    }
    # The frame leaves room for the highest arc above and the lowest below.
    frame = (6, 12, width - 12, 286)
    arrows = [
        Arrow(edge.source, edge.target, _arc(boxes[edge.source], boxes[edge.target]))
        for edge in EDGES
        if edge.target in OPEN_STATES
    ]
    every = {edge.target for edge in EDGES if edge.target in CLOSED_STATES}
    arrows += [
        Arrow("", state, f"M{boxes[state].middle} {frame[1] + frame[3]} V{CLOSED_TOP - 2}")
        for state in CLOSED_STATES
        if state in every
    ]
    return Picture(width, CLOSED_TOP + HEIGHT + MARGIN, list(boxes.values()), arrows, frame)


def _arc(source: Box, target: Box) -> str:
    """Onward above, back below; a neighbour straight across, the closed up to where the work goes on."""
    if source.closed:
        x, end = source.middle - 30, OPEN_TOP + HEIGHT + 2
        return f"M{x} {CLOSED_TOP} C{x} {CLOSED_TOP - 90} {target.middle} {end + 90} {target.middle} {end}"
    places = OPEN_STATES.index(target.state) - OPEN_STATES.index(source.state)
    if places == 1:
        y = OPEN_TOP + HEIGHT // 2
        return f"M{source.x + WIDTH} {y} H{target.x - 2}"
    over = (abs(places) + 1) * STEP
    if places > 0:
        start, end, y, bend = source.middle + 22, target.middle - 22, OPEN_TOP, OPEN_TOP - over
        return f"M{start} {y} C{start} {bend} {end} {bend} {end} {y - 2}"
    start, end, y = source.middle - 22, target.middle + 22, OPEN_TOP + HEIGHT
    return f"M{start} {y} C{start} {y + over} {end} {y + over} {end} {y + 2}"
