"""Colours and columns for a terminal. Without colour the same text, so that it can be piped and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Style = Literal["", "good", "bad", "warn", "faint", "head", "cyan", "blue", "magenta"]
_CODES: dict[Style, str] = {
    "good": "32",
    "bad": "1;31",
    "warn": "33",
    "faint": "2",
    "head": "1",
    "cyan": "36",
    "blue": "34",
    "magenta": "35",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text and what it looks like."""

    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True)
class Paint:
    """``width``: columns of the terminal; longer lines of tables are cut with an ellipsis. 0: not at all."""

    colour: bool = False
    width: int = 0

    def __call__(self, text: str, style: Style) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and style else text

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> list[str]:
        """Left-aligned columns, two spaces apart; the last one takes what room is left."""
        cells = [
            [Cell(name, "faint") for name in head],
            *([each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows),
        ]
        widths = [max(len(row[column].text) for row in cells) for column in range(len(head))]
        return [self._row(row, widths) for row in cells]

    def _row(self, row: Sequence[Cell], widths: Sequence[int]) -> str:
        last = max((index for index, cell in enumerate(row) if cell.text), default=-1)
        parts: list[str] = []
        used = 0
        for index, cell in enumerate(row[: last + 1]):
            text = self.cut(cell.text, used)
            padding = " " * (widths[index] - len(text)) if index < last else ""
            parts.append(self(text, cell.style) + padding)
            used += widths[index] + 2
        return "  ".join(parts)

    def cut(self, text: str, used: int = 0) -> str:
        """``text``, or its beginning where the line, of which ``used`` columns are taken, is full."""
        room = self.width - used
        return f"{text[: max(room - 1, 1)]}…" if self.width and len(text) > max(room, 2) else text
