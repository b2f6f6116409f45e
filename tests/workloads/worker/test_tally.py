"""What a worker counted reaches the database once, whole, also when the write fails or a stretch ends."""

from __future__ import annotations

from reelplane_workloads.worker.tally import MOST_SITES, NONE, OTHER, STRETCH, ExtractorTally


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_counts_grow_in_one_row_until_its_stretch_is_over() -> None:
    clock = Clock()
    tally = ExtractorTally("w1", "v1", clock)
    assert tally.unwritten() is None
    tally.count("Vimeo", done=True)
    tally.count("", done=False)
    first = tally.unwritten()
    assert first is not None
    assert (first.id, first.counts) == ("w1.0", {("v1", "Vimeo"): (1, 0), ("v1", NONE): (0, 1)})
    assert tally.unwritten() == first, "a write that failed is repeated"
    tally.written(first)
    assert tally.unwritten() is None

    clock.now = STRETCH
    tally.version = "v2"
    tally.count("Vimeo", done=True)
    second = tally.unwritten()
    assert second is not None
    assert second.id == "w1.0", "what was counted in a stretch is written with it, however late"
    assert second.counts[("v2", "Vimeo")] == (1, 0)
    tally.count("Vimeo", done=True)  # while it is being written
    tally.written(second)
    third = tally.unwritten()
    assert third is not None
    assert (third.id, third.counts[("v2", "Vimeo")]) == ("w1.0", (2, 0))
    tally.written(third)
    tally.count("Vimeo", done=False)
    fourth = tally.unwritten()
    assert fourth is not None
    assert (fourth.id, fourth.counts) == ("w1.1", {("v2", "Vimeo"): (0, 1)})


def test_strangers_cannot_make_a_row_grow_without_end() -> None:
    tally = ExtractorTally("w1", "v1", Clock())
    for number in range(MOST_SITES + 50):
        tally.count(f"site{number}" * 50, done=True)
    unwritten = tally.unwritten()
    assert unwritten is not None
    assert len(unwritten.counts) == MOST_SITES + 1
    assert unwritten.counts[("v1", OTHER)] == (50, 0)
    assert max(len(site) for _, site in unwritten.counts) <= 64
