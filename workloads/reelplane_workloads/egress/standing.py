"""How an egress proxy stands with one extractor, and which one to take: pure functions of past results.

Sites block addresses one by one, so a proxy that is useless for one extractor may be fine for the next: a
standing belongs to a pair of endpoint and extractor.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

MEMORY = 0.7
"""Weight of the past in the moving average (EWMA): about ten results are remembered, 0.7 ** 10 = 3 %."""
FLOOR = 0.05
"""Least weight in the draw, so that an endpoint with a bad record is still tried, seldom, and can recover."""


@dataclass(frozen=True, slots=True)
class Standing:
    score: float = 1.0
    """Moving average of success, 0 to 1."""
    failures: int = 0
    """In a row."""
    banned_until: float = 0.0
    """Seconds since the epoch."""

    def banned(self, now: float) -> bool:
        return now < self.banned_until

    def after(self, *, ok: bool, now: float, max_failures: int, ban_for: float) -> Standing:
        """The standing after one more result. ``max_failures`` in a row ban for ``ban_for`` seconds.

        A ban starts the count anew; a success lifts it at once.
        """
        score = MEMORY * self.score + (1 - MEMORY) * ok
        if ok:
            return Standing(score)
        failures = self.failures + 1
        if failures >= max_failures:
            return Standing(score, 0, now + ban_for)
        return Standing(score, failures, self.banned_until)

    def encode(self) -> str:
        return json.dumps([round(self.score, 6), self.failures, self.banned_until])

    @classmethod
    def decode(cls, text: str) -> Standing:
        score, failures, banned_until = json.loads(text)
        return cls(float(score), int(failures), float(banned_until))


def draw(scores: Mapping[str, float], rng: random.Random) -> str:
    """One of the names at random, each in proportion to its score. ``scores`` must not be empty."""
    names = list(scores)
    return rng.choices(names, [max(FLOOR, scores[name]) for name in names])[0]
