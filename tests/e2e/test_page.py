"""The page in a real browser: paste a URL, watch it reach 100 %, see the video play."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from loadtests.local import LocalPlatform
from loadtests.origin import Origin, Resource, make_clip

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
    ),
]
SIZE = 3 * 2**20


WATCH_PROGRESS = """() => {
  window.highest = 0;
  const bar = document.querySelector("[data-testid=progress]");
  const note = () => { window.highest = Math.max(window.highest, Number(bar.getAttribute("aria-valuenow"))) };
  new MutationObserver(note).observe(bar, { attributes: true });
}"""


def is_fault(message: ConsoleMessage) -> bool:
    """An error of the page's own; the browser also logs every answer of 400 and above."""
    return message.type == "error" and "Failed to load resource" not in message.text


@pytest.fixture
def page(platform: LocalPlatform, tmp_path: Path) -> Iterator[Page]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1100, "height": 1000})
        problems: list[str] = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda message: problems.append(message.text) if is_fault(message) else None)
        tab.goto(platform.url)
        yield tab
        pictures = Path(os.environ.get("REELPLANE_SCREENSHOTS", tmp_path))
        pictures.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=pictures / "page.png", full_page=True)
        browser.close()
        assert not problems, f"the page logged errors: {problems}"


def test_a_person_downloads_a_video_and_sees_it_play(page: Page, origin: Origin, folder: Path) -> None:
    clip = make_clip(folder / "person.mp4", seconds=6, pad_to=SIZE)
    url = origin.add("/person.mp4", Resource(file=clip, rate=SIZE // 4))
    page.evaluate(WATCH_PROGRESS)
    page.get_by_test_id("url").fill(url)
    page.get_by_test_id("submit").click()
    # Progress moves while it downloads, and reaches the end.
    progress = page.get_by_test_id("progress")
    page.wait_for_function(
        "() => { const now = Number(document.querySelector('[data-testid=progress]').getAttribute('aria-valuenow'));"
        " return now > 5 && now < 100 }",
        timeout=60_000,
    )
    seen = float(progress.get_attribute("aria-valuenow") or 0)
    assert 5 < seen < 100
    video = page.locator("video")
    expect(video).to_be_visible(timeout=60_000)
    assert page.evaluate("() => window.highest") == 100
    page.evaluate("() => document.querySelector('video').play()")
    page.wait_for_function("() => document.querySelector('video').currentTime > 1", timeout=30_000)
    size = page.evaluate(
        "() => [document.querySelector('video').videoWidth, document.querySelector('video').videoHeight]"
    )
    assert size == [320, 180]
    expect(page.get_by_test_id("workers")).to_contain_text("4")
    expect(page.get_by_test_id("hit-rate")).to_contain_text("%")
    expect(page.get_by_test_id("queue-waiting")).to_contain_text("0")


def test_audio_only_plays_in_an_audio_player_and_is_kept_over_a_reload(
    page: Page, origin: Origin, folder: Path
) -> None:
    url = origin.add_file("/song.mp4", make_clip(folder / "song.mp4", seconds=4, tone=880))
    page.get_by_test_id("url").fill(url)
    page.get_by_test_id("format-audio").check(force=True)
    page.get_by_test_id("submit").click()
    audio = page.locator("audio")
    expect(audio).to_be_visible(timeout=60_000)
    page.wait_for_function("() => document.querySelector('audio').duration > 3", timeout=30_000)
    page.reload()
    expect(page.get_by_test_id("jobs")).to_contain_text("song", timeout=15_000)


def test_an_error_says_what_was_wrong_and_what_would_be_right(page: Page) -> None:
    page.get_by_test_id("url").fill("http://10.0.0.1/video.mp4")
    with page.expect_response(lambda answer: answer.url.endswith("/v1/downloads") and answer.status == 422):
        page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("problem")).to_contain_text("not public")
    expect(page.get_by_test_id("problem")).to_contain_text("egress")
