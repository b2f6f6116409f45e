"""Titles, names and cookies: the first two decide no path and reach no log raw, the last stay with their site."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtests.origin import Origin, Resource
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import cookies, text
from reelplane_workloads.download.fetch import part_name
from reelplane_workloads.download.runner import Downloaded

if TYPE_CHECKING:
    from tests.workloads.download.conftest import MakeBench

JAR = "# Netscape HTTP Cookie File\n"


def cookie(domain: str, value: str) -> str:
    return f"{domain}\tTRUE\t/\tFALSE\t2147483647\tsession\t{value}\n"


async def test_a_hostile_title_names_no_file_and_is_shown_clean(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    bench = await make_bench(warm=True)
    origin.add_file("/clip.mp4", clips / "clip.mp4")
    title = "../../etc/passwd\x1b[2J\u202egpj.exe | $(reboot) " + "long " * 200
    done = await bench.run(origin.add_page("/page", ["/clip.mp4"], title=title))
    assert isinstance(done, Downloaded)
    assert done.path.parent == bench.work / "f1"
    assert done.path.name.startswith("media-")
    assert {path.name.split("-")[0] for path in done.path.parent.iterdir()} <= {
        "media",
        "validators.json",
        ".lock",
    }
    assert not set(done.title) & {"\x1b", "\u202e", "\n"}
    assert len(done.title) <= text.TITLE


def test_a_files_name_does_not_come_from_the_site() -> None:
    hostile = {
        "extractor_key": "Generic",
        "id": "../../x",
        "title": "/etc/passwd",
        "ext": "desktop",
        "format_id": "a/b",
    }
    assert part_name(hostile).removeprefix("media-").isalnum()


async def test_cookies_reach_their_site_and_no_log(
    make_bench: MakeBench, origin: Origin, clips: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    jars = tmp_path / "jars"
    jars.mkdir()
    jar = jars / "127.0.0.1.txt"
    jar.write_text(JAR + cookie("127.0.0.1", "top-secret-value") + cookie(".example.org", "others-secret"))
    bench = await make_bench(warm=True, extractor={"cookies_dir": jars})
    assert isinstance(await bench.run(origin.add_file("/clip.mp4", clips / "clip.mp4")), Downloaded)
    assert set(origin.count("/clip.mp4").cookies) == {"session=top-secret-value"}
    before = jar.read_text()
    echo = Resource(status=403, headers=(("Set-Cookie", "session=top-secret-value; Path=/"),))
    assert await bench.code(origin.add("/no.mp4?x=top-secret-value", echo)) is not None
    assert jar.read_text() == before, "what a site sets is not written back"
    assert "top-secret" not in caplog.text
    assert not [
        path for path in bench.work.rglob("*") if path.is_file() and b"top-secret" in path.read_bytes()
    ]


def test_a_jar_serves_its_site_and_the_hosts_below_it_only(tmp_path: Path) -> None:
    for site in ("example.com", "video.example.com", "example.org"):
        (tmp_path / f"{site}.txt").write_text(JAR + cookie("." + site, f"of-{site}"))
    served = {
        url: (cookies.text_for(url, tmp_path) or "none").strip().rpartition("\t")[2]
        for url in (
            "https://example.com/v",
            "https://www.example.com/v",
            "https://a.video.example.com/v",
            "https://badexample.com/v",
            "https://example.com.evil.net/v",
        )
    }
    assert list(served.values()) == [
        "of-example.com",
        "of-example.com",
        "of-video.example.com",
        "none",
        "none",
    ]


def test_what_is_of_other_sites_or_malformed_in_a_jar_is_left_out() -> None:
    """The standard library's parser would quote a malformed line, with its value, in an error."""
    lines = [
        cookie(".example.com", "kept"),
        "#HttpOnly_" + cookie("sub.example.com", "also"),
        cookie(".google.com", "foreign"),
        "example.com\tTRUE\t/\tFALSE\tnever\tsession\tno-number\n",
        "example.com\tshort\n",
    ]
    assert cookies.only_for("example.com", JAR + "".join(lines)) == (
        JAR
        + ".example.com\tTRUE\t/\tFALSE\t2147483647\tsession\tkept\n"
        + "sub.example.com\tFALSE\t/\tFALSE\t2147483647\tsession\talso\n"
    )


async def test_an_error_is_quoted_without_its_urls_parameters(make_bench: MakeBench, origin: Origin) -> None:
    bench = await make_bench()
    with pytest.raises(Problem) as raised:
        await bench.run(origin.url("/nothing.mp4?token=s3cr3t"))
    assert raised.value.code is Code.ORIGIN_NOT_FOUND
    assert "s3cr3t" not in str(raised.value)
