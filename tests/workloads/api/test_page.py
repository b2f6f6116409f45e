"""The page in a real browser: what a visitor does, sees and hears."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.async_api import Page, async_playwright, expect

from reelplane_workloads.core.errors import Code

pytestmark = pytest.mark.browser

VIDEO = "https://video.example/clips/fjord.mp4"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
PATIENT = 20_000  # ms


@pytest.fixture
async def page(platform: Any) -> AsyncIterator[Page]:
    """The page, opened. Fails the test when the page's own scripts, or its policy, complained."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        page = await browser.new_page()
        page.set_default_timeout(PATIENT)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Policy" in line.text else None)
        await page.goto(platform.url)
        yield page
        await browser.close()
        assert complaints == []


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    argv = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:d=1",
    ]
    argv += ["-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
    subprocess.run(argv, check=True)
    return path.read_bytes()


async def test_a_visitor_asks_watches_the_progress_and_plays_the_result(
    platform: Any, page: Page, clip: bytes, tmp_path: Path
) -> None:
    await page.get_by_label("Video URL").fill(VIDEO)
    await page.get_by_role("button", name="Download").click()
    flight = await platform.next_flight()
    await expect(page.get_by_test_id("phase")).to_have_text("Waiting for a worker", timeout=PATIENT)
    step = {
        "state": "running",
        "phase": "downloading",
        "bytes": 2**20,
        "total": 2**22,
        "speed": 2.0**20,
        "eta": 3.0,
    }
    await platform.services.cache.publish(flight, step)
    await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25", timeout=PATIENT)
    await expect(page.get_by_test_id("speed")).to_have_text("1.0 MiB/s")
    await expect(page.get_by_test_id("eta")).to_have_text("3 s left")
    await platform.finish(flight, clip, tmp_path, title="A fjord <b>at dawn</b>")
    await expect(page.get_by_test_id("state")).to_have_text("Done", timeout=PATIENT)
    await expect(page.locator("#current-title")).to_have_text("A fjord <b>at dawn</b>")
    await expect(page.get_by_test_id("progress")).to_have_attribute("aria-valuenow", "100")
    player = page.get_by_test_id("player")
    played = (
        "player => new Promise(done => { const look = () => player.currentTime > 0.2 && done();"
        " player.ontimeupdate = look; look(); })"
    )
    await player.evaluate("player => { player.muted = true; return player.play(); }")
    await asyncio.wait_for(player.evaluate(played), 20)
    async with page.expect_download() as saved:
        await page.get_by_test_id("save").click()
    assert (await saved.value).suggested_filename == "A fjord _b_at dawn_b_.mp4"

    await page.reload()
    await expect(page.get_by_test_id("jobs").locator("li")).to_have_count(1, timeout=PATIENT)
    await expect(page.get_by_test_id("player")).to_be_visible(timeout=PATIENT)
    await page.get_by_label("Video URL").fill(VIDEO + "?utm_source=again")
    await page.get_by_role("button", name="Download").click()
    await expect(page.get_by_test_id("hit-rate")).to_have_text("50.0 %", timeout=PATIENT)
    await expect(page.get_by_test_id("queue-waiting")).to_have_text("0")


async def test_an_error_says_what_and_what_to_do_and_marks_the_field(platform: Any, page: Page) -> None:
    await page.get_by_label("Video URL").fill("ftp://video.example/1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Only http and https", timeout=PATIENT)
    await expect(page.get_by_role("alert")).to_contain_text("Send the page's http(s) URL.")
    await expect(page.get_by_label("Video URL")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Video URL").fill(VIDEO)
    await page.keyboard.press("Enter")
    await platform.fail(await platform.next_flight(), Code.GEO_BLOCKED, "only in Norway")
    await expect(page.get_by_test_id("failure")).to_contain_text("only in Norway", timeout=PATIENT)
    await expect(page.get_by_test_id("state")).to_have_text("Failed")


async def test_a_running_job_is_found_again_after_a_reload_and_cancelled(platform: Any, page: Page) -> None:
    await page.get_by_label("Video URL").fill(VIDEO)
    await page.get_by_label("Audio only").check()
    await page.get_by_role("button", name="Download").click()
    flight = (await platform.claim(await platform.next_flight())).flight
    assert flight.options.format == "audio"
    await page.goto(platform.url)
    await page.get_by_test_id("cancel").click()
    await expect(page.get_by_test_id("state")).to_have_text("Cancelled", timeout=PATIENT)
    async with asyncio.timeout(20):
        while await platform.services.repository.wanted(flight.id, flight.attempt):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_workers_and_queue_are_shown_as_they_are(platform: Any, page: Page) -> None:
    for name, busy in (("w1", 3), ("w2", 1)):
        await platform.services.repository.heartbeat(
            name, worker_class="download", host="h", capacity=4, busy=busy, draining=False
        )
    await platform.client().post("/v1/downloads", json={"url": VIDEO})
    await expect(page.get_by_test_id("workers")).to_have_text("4 / 8", timeout=PATIENT)
    await expect(page.get_by_test_id("queue-waiting")).to_have_text("1", timeout=PATIENT)


async def test_the_reference_is_drawn_without_help_from_elsewhere(platform: Any, page: Page) -> None:
    await page.goto(platform.url + "/docs#ask")
    await expect(page.locator("#ask summary")).to_contain_text("/v1/downloads", timeout=PATIENT)
    await expect(page.locator("#ask")).to_contain_text("maxHeight")
