"""The dashboard that is shipped is the one that its list makes, with a row for each page."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.runbooks import harness

FOLDER = harness.FOLDER / "dashboards"


def test_the_dashboard_is_not_stale():
    done = subprocess.run(
        [sys.executable, FOLDER / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_dashboard_has_a_row_for_each_page_and_no_two_panels_in_one_place():
    panels = json.loads((FOLDER / "reelplane.json").read_text())["panels"]
    assert {panel["title"] for panel in panels if panel["type"] == "row"} == set(harness.names())
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
