"""A failure counts against an extractor only where the extractor can be to blame for it."""

from __future__ import annotations

from reelplane_workloads.core.errors import Code, blames_extractor


def test_only_what_an_outdated_extractor_causes_is_held_against_it() -> None:
    blamed = {code for code in Code if blames_extractor(code, "Youtube")}
    assert blamed == {Code.EXTRACTOR_ERROR, Code.UNSUPPORTED_SITE, Code.UNSUPPORTED_MEDIA}


def test_a_page_without_a_video_is_not_the_generic_extractors_fault() -> None:
    for site in ("Generic", "generic", ""):
        assert {code for code in Code if blames_extractor(code, site)} == {Code.EXTRACTOR_ERROR}
