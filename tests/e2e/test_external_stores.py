"""The same platform on PostgreSQL and S3: what a laptop embeds can be named instead, without another line."""

from __future__ import annotations

from pathlib import Path

import httpx
import yaml

from loadtests.local import LocalPlatform
from loadtests.origin import Origin
from tests.e2e.visitor import Client, write_platform
from tests.servers.s3 import BUCKET, REGION, s3_server


def test_a_video_goes_through_postgresql_and_s3(
    postgres_url: str, folder: Path, origin: Origin, clip: Path
) -> None:
    with s3_server() as s3:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "stores"},
            "stringData": {
                "database": postgres_url,
                "access": s3.access_key_file.read_text().strip(),
                "secret": s3.secret_key_file.read_text().strip(),
            },
        }
        objects = {
            "bucket": BUCKET,
            "region": REGION,
            "endpoint": s3.endpoint,
            "accessKeyFrom": {"secret": "stores", "key": "access"},
            "secretKeyFrom": {"secret": "stores", "key": "secret"},
        }
        file = write_platform(
            folder / "external.yaml",
            "external",
            platform={
                "database": {"postgres": {"urlFrom": {"secret": "stores", "key": "database"}}},
                "objects": {"s3": objects},
            },
        )
        file.write_text(file.read_text() + "---\n" + yaml.safe_dump(secret))
        url = origin.add_file("/external.mp4", clip)
        with LocalPlatform([file], folder / "external", log=folder / "external.log") as platform:
            client = Client(platform.url)
            view = client.download(url)
            assert view["state"] == "done", platform.log_tail()
            link = view["media"]["url"]
            assert link.startswith(s3.endpoint), "the client fetches from the store itself"
            assert httpx.get(link).content == clip.read_bytes()
            assert httpx.get(link.replace("Signature=", "Signature=0")).status_code == 403
            redirect = client.http.get(f"/v1/media/{view['media']['key']}")
            assert redirect.status_code == 302
            assert not list((platform.folder).glob("*.db"))
        secrets = [path.read_text() for path in (folder / "external").rglob("documents/*.json")]
        assert secrets
        assert not any(s3.secret_key_file.read_text().strip() in text for text in secrets)
        # Started again, the platform finds it in PostgreSQL and the bucket.
        with LocalPlatform([file], folder / "external", log=folder / "external.log") as platform:
            again = Client(platform.url).submit(url)
            assert again.status_code == 200
            assert httpx.get(again.json()["media"]["url"]).content == clip.read_bytes()
