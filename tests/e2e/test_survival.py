"""Nothing acknowledged is lost, nothing runs twice with effect: killed, wiped, stopped and started again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.local import LocalPlatform, PlatformError, eventually
from loadtests.origin import Origin, Resource, make_clip
from tests.e2e.visitor import Client, write_platform

SIZE = 4 * 2**20


@pytest.fixture
def platform(folder: Path, request: pytest.FixtureRequest) -> Iterator[LocalPlatform]:
    """A platform of the test's own, since it is going to be broken."""
    state = folder / f"s{abs(hash(request.node.name)) % 10**6}"
    state.mkdir()
    file = write_platform(state / "platform.yaml", "frail")
    running = LocalPlatform([file], state, log=state / "up.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def slow(origin: Origin, folder: Path, request: pytest.FixtureRequest) -> str:
    """URL of a download that takes some four seconds."""
    clip = make_clip(folder / f"{request.node.name}.mp4", seconds=2, pad_to=SIZE)
    return origin.add(f"/{request.node.name}.mp4", Resource(file=clip, rate=SIZE // 4))


def under_way(view: dict[str, object]) -> bool:
    progress = view.get("progress")
    return isinstance(progress, dict) and (progress.get("bytes") or 0) > SIZE // 8


def processes_of(platform: LocalPlatform) -> list[int]:
    return [process["pid"] for process in platform.record["processes"] if process["pid"]]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_ctrl_c_drains_and_a_second_start_finds_everything(
    platform: LocalPlatform, client: Client, slow: str, origin: Origin, clip: Path
) -> None:
    done = client.download(origin.add_file("/before.mp4", clip))
    assert done["state"] == "done"
    job = client.submit(slow).json()["id"]
    client.until(job, under_way)
    pids = processes_of(platform)
    assert platform.stop() == 0
    assert not [pid for pid in pids if alive(pid)]
    platform.start()
    client.http.base_url = platform.url
    assert client.end(job)["state"] == "done"
    again = client.submit(origin.url("/before.mp4"))
    assert again.status_code == 200
    assert client.http.get(again.json()["media"]["url"]).content == clip.read_bytes()


def test_a_killed_supervisor_leaves_no_process_and_loses_no_job(
    platform: LocalPlatform, client: Client, slow: str
) -> None:
    job = client.submit(slow).json()["id"]
    client.until(job, under_way)
    pids = processes_of(platform)
    platform.kill()
    eventually(lambda: not any(alive(pid) for pid in pids), within=15, what="all processes are gone")
    platform.start()
    client.http.base_url = platform.url
    assert client.end(job)["state"] == "done"


def test_wiped_valkey_loses_no_accepted_job(
    platform: LocalPlatform, client: Client, slow: str, origin: Origin, clip: Path
) -> None:
    jobs = [client.submit(slow).json()["id"]]
    jobs += [client.submit(origin.add_file(f"/queued-{n}.mp4", clip)).json()["id"] for n in range(8)]
    valkey = platform.processes("valkey")[0]["pid"]
    shutil.rmtree(platform.folder / "valkey/appendonlydir")
    platform.kill_process(valkey)
    assert [client.end(job)["state"] for job in jobs] == ["done"] * 9
    assert client.submit(slow).status_code == 200


def test_without_valkey_new_work_is_refused_with_a_time_and_known_videos_still_answer(
    platform: LocalPlatform, client: Client, origin: Origin, clip: Path
) -> None:
    url = origin.add_file("/known.mp4", clip)
    client.download(url)
    for address in platform.addresses():
        assert Client(address).submit(url).status_code == 200
    valkey = platform.processes("valkey")[0]["pid"]
    os.kill(valkey, signal.SIGSTOP)
    try:
        refused = client.submit(origin.add_file("/new.mp4", clip))
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.submit(url).status_code == 200
    finally:
        os.kill(valkey, signal.SIGCONT)
    eventually(
        lambda: client.submit(origin.url("/new.mp4")).status_code in (200, 202),
        within=20,
        what="accepts again",
    )


def test_a_killed_worker_is_replaced_and_its_job_finished_by_another_within_seconds(
    platform: LocalPlatform, client: Client, slow: str, origin: Origin
) -> None:
    job = client.submit(slow).json()["id"]
    client.until(job, under_way)
    platform.kill_process(
        eventually(platform.busy_worker, within=15, what="a worker says that it is busy")["pid"]
    )
    killed = time.monotonic()
    view = client.until(job, lambda view: view["attempt"] == 2, within=30)
    noticed = time.monotonic() - killed
    assert noticed < 15 + 10, (
        f"worker death noticed after {noticed:.0f} s"
    )  # 12.5 s by design; the machine may be slow
    view = client.end(job)
    assert (view["state"], view["attempt"]) == ("done", 2)
    path = slow.removeprefix(origin.base)
    assert origin.count(path).bytes < 2 * SIZE, "the second attempt resumed the first one's file"


def test_cancel_detaches_one_follower_and_the_work_stops_with_the_last(
    platform: LocalPlatform, slow: str, origin: Origin
) -> None:
    one, two = Client(platform.url), Client(platform.url)
    first, second = one.submit(slow).json()["id"], two.submit(slow).json()["id"]
    one.until(first, under_way)
    assert two.http.get(f"/v1/downloads/{first}").status_code == 404
    assert two.http.delete(f"/v1/downloads/{first}").status_code == 404
    assert one.http.delete(f"/v1/downloads/{first}").status_code == 204
    assert one.job(first)["state"] == "cancelled"
    assert two.job(second)["state"] == "running"
    assert two.http.delete(f"/v1/downloads/{second}").status_code == 204
    path = slow.removeprefix(origin.base)
    time.sleep(2)
    sent = origin.count(path).bytes
    time.sleep(1.5)
    assert origin.count(path).bytes == sent, "the origin is still being read"


def test_two_platforms_live_on_one_machine(
    platform: LocalPlatform, folder: Path, origin: Origin, clip: Path
) -> None:
    url = origin.add_file("/shared.mp4", clip)
    other_file = write_platform(folder / "other.yaml", "other")
    with LocalPlatform([other_file], folder / "other", log=folder / "other.log") as other:
        assert other.url != platform.url
        for running in (platform, other):
            assert Client(running.url).download(url)["state"] == "done"
        assert origin.count("/shared.mp4").whole >= 2, "each platform fetched for itself"


def test_the_same_platform_is_not_started_twice(platform: LocalPlatform, folder: Path) -> None:
    state = platform.folder.parent
    twin = LocalPlatform([state / "platform.yaml"], state, log=folder / "twin.log")
    with pytest.raises(PlatformError, match="already runs"):
        twin.start()
    assert platform.status()["platform"] == "frail"


def test_playlists_become_a_set_of_jobs(
    platform: LocalPlatform, client: Client, origin: Origin, clip: Path
) -> None:
    items = [(f"Item {n}", origin.add_file(f"/item-{n}.mp4", clip)) for n in range(3)]
    feed = origin.add_rss("/feed.xml", items)
    assert client.download(feed)["error"]["code"] == "is_playlist"
    view = client.download(feed, playlist=True)
    assert view["state"] == "done", view
    assert [item["state"] for item in view["items"]] == ["done"] * 3
    assert view["counts"]["total"] == 3
