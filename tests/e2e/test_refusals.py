"""What a stranger's URL may do to the platform: nothing; and what the person who sent it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.local import LocalPlatform
from loadtests.origin import Origin, Resource, make_clip
from tests.e2e.visitor import Client, write_platform

FAST_GIVE_UP = {"max": 2, "min": 2, "concurrency": 4, "maxAttempts": 1}


@pytest.fixture(scope="module")
def platform(folder: Path, origin: Origin) -> Iterator[LocalPlatform]:
    """Allows the origin's port on loopback and nothing else there; small limits; one attempt, so that it ends soon."""
    file = write_platform(
        folder / "strict.yaml",
        "strict",
        platform={"egress": {"allow": [{"cidr": "127.0.0.1/32", "port": origin.port}]}},
        pipeline={
            "sources": {"url": {"maxSize": "4Mi", "maxDuration": "10s"}},
            "workers": {"download": FAST_GIVE_UP},
            "extraction": {"socketTimeout": "3s", "retries": 0, "fragmentRetries": 0},
        },
    )
    with LocalPlatform([file], folder / "strict", log=folder / "strict.log") as running:
        yield running


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("not a url", "malformed_url"),
        ("", "malformed_url"),
        ("ftp://example.com/v.mp4", "unsupported_scheme"),
        ("http://127.0.0.1:1/v.mp4", "private_address"),
        ("http://2130706433:1/v.mp4", "private_address"),
        ("http://0x7f.1:1/v.mp4", "private_address"),
        ("http://[::1]/v.mp4", "private_address"),
        ("http://[::ffff:10.0.0.1]/v.mp4", "private_address"),
        ("http://169.254.169.254/latest/meta-data/", "private_address"),
        ("http://10.1.2.3/v.mp4", "private_address"),
    ],
)
def test_what_can_be_refused_at_once_is(client: Client, url: str, code: str) -> None:
    answer = client.submit(url)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, "url")
    assert problem["fix"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_redirect_to_a_private_address_is_refused_at_the_hop(client: Client, origin: Origin) -> None:
    with Origin() as private:
        private.add("/secret.mp4", Resource(body=b"secret"))
        url = origin.add_redirect("/to-private.mp4", private.url("/secret.mp4"))
        view = client.download(url)
        assert (view["state"], view["error"]["code"]) == ("failed", "private_address")
        assert private.requests() == 0


def test_a_name_that_leads_to_a_private_address_is_refused(client: Client) -> None:
    view = client.download("http://localhost:1/v.mp4")
    assert (view["state"], view["error"]["code"]) == ("failed", "private_address")


def test_each_fault_of_an_origin_has_its_code(client: Client, origin: Origin, folder: Path) -> None:
    clip = make_clip(folder / "plain.mp4", seconds=2)
    large = make_clip(folder / "large.mp4", seconds=2, pad_to=5 * 2**20)
    long = make_clip(folder / "long.mp4", seconds=12, width=64, height=36, rate=5)
    data = clip.read_bytes()
    moov = data.index(b"moov") + int.from_bytes(data[data.index(b"moov") - 4 : data.index(b"moov")], "big")
    cases = {
        "origin_not_found": origin.add("/missing.mp4", Resource(status=404)),
        "too_large": origin.add_file("/large.mp4", large),
        "too_long": origin.add_file("/long.mp4", long),
        "origin_reset": origin.add("/reset.mp4", Resource(file=clip, reset_after=20_000)),
        "origin_timeout": origin.add("/slow.mp4", Resource(file=clip, delay=30)),
        "corrupt_media": origin.add(
            "/corrupt.mp4",
            Resource(body=data[: moov + 8] + bytes(len(data) - moov - 8), content_type="video/mp4"),
        ),
        "unsupported_site": origin.add("/page.html", Resource(body=b"<html>nothing here</html>")),
    }
    jobs = {code: client.submit(url).json()["id"] for code, url in cases.items()}
    got = {code: client.end(job)["error"]["code"] for code, job in jobs.items()}
    assert got == {code: code for code in cases}


def test_a_failure_is_remembered_briefly_and_costs_no_extraction(client: Client, origin: Origin) -> None:
    url = origin.add("/gone-for-now.mp4", Resource(status=404))
    assert client.download(url)["state"] == "failed"
    asked = origin.count("/gone-for-now.mp4").requests
    again = client.submit(url)
    assert again.status_code == 422
    assert again.json()["code"] == "origin_not_found"
    assert int(again.headers["retry-after"]) >= 1
    assert origin.count("/gone-for-now.mp4").requests == asked


def test_a_playlist_file_in_a_videos_clothes_reads_no_local_file(client: Client, origin: Origin) -> None:
    body = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    url = origin.add("/innocent.mp4", Resource(body=body, content_type="video/mp4"))
    view = client.download(url)
    assert view["state"] == "failed"
    assert "root:" not in str(view)


def test_a_title_decides_no_path(client: Client, origin: Origin, clip: Path, platform: LocalPlatform) -> None:
    source = origin.add_file("/inner.mp4", clip)
    url = origin.add_page("/page-with-title.html", [source], title="../../../evil\x00\r\nname<script>")
    view = client.download(url)
    assert view["state"] == "done", view
    assert view["media"]["key"].count("/") == 1
    answer = client.http.get(view["media"]["downloadUrl"])
    assert "/" not in answer.headers["content-disposition"].replace("filename*=UTF-8''", "")
    assert not list(platform.folder.rglob("*evil*"))


def test_two_sites_files_of_one_name_stay_two_videos(client: Client, origin: Origin, folder: Path) -> None:
    one = make_clip(folder / "a.mp4", seconds=2, tone=500)
    two = make_clip(folder / "b.mp4", seconds=2, tone=700)
    first = client.download(origin.add_file("/a/clip.mp4", one))
    second = client.download(origin.add_file("/b/clip.mp4", two))
    assert client.http.get(first["media"]["url"]).content == one.read_bytes()
    assert client.http.get(second["media"]["url"]).content == two.read_bytes()
