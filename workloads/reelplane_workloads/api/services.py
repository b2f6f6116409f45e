"""What an API process holds open, and the order in which it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from reelplane_crds.runtime import ApiSettings, RuntimeDocument
from reelplane_workloads.api.clients import Clients
from reelplane_workloads.api.hits import Hits
from reelplane_workloads.api.intake import Intake
from reelplane_workloads.api.principals import Principals
from reelplane_workloads.api.tally import Tally
from reelplane_workloads.api.wanted import Reader
from reelplane_workloads.cache import Cache
from reelplane_workloads.core.logs import Changes
from reelplane_workloads.core.startup import Startup
from reelplane_workloads.queue.dispatch import Dispatcher
from reelplane_workloads.storage.objects import Objects, open_objects
from reelplane_workloads.storage.signing import UrlSigner
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.repository import Repository

log = logging.getLogger("reelplane.api")

FOLD_EVERY = 1.0
"""Seconds between additions of this process's counts to the platform's."""


@dataclass(slots=True)
class Services:
    document: RuntimeDocument
    instance: str
    settings: ApiSettings
    repository: Repository
    cache: Cache
    dispatcher: Dispatcher
    objects: Objects
    signer: UrlSigner
    principals: Principals
    clients: Clients
    reader: Reader
    hits: Hits
    intake: Intake
    tally: Tally
    standing: Changes
    """Tells in the log when the process becomes unable to serve, and able again."""
    draining: asyncio.Event
    """Set when the process was told to stop: open streams end, /readyz says no."""

    @classmethod
    async def open(
        cls, stack: contextlib.AsyncExitStack, document: RuntimeDocument, instance: str, startup: Startup
    ) -> Services:
        """Open all stores; ``stack`` closes them in reverse order. An absent database is waited for, Valkey and the
        objects while serving: what is known plays without the one, and jobs are accepted without the other.

        Raises StoppedError when told to stop while it waits, Problem(INTERNAL) for a database of a newer release,
        ValueError and OSError for files that cannot be used.
        """
        settings = document.api
        if settings is None:
            raise ValueError(f"the runtime document of {document.workload!r} has no api settings")
        secret = bytes.fromhex(settings.signing_key_file.read_text().strip())
        public_url = (settings.public_url or "").rstrip("/")
        signer = UrlSigner(secret, f"{public_url}/v1/media/")
        database = await startup.wait_for(
            "the database", lambda: asyncio.to_thread(Database.open, document.stores.database)
        )
        stack.push_async_callback(database.close)
        objects = await startup.wait_for(
            "the object store", lambda: asyncio.to_thread(open_objects, document.stores.objects, signer)
        )
        stack.push_async_callback(objects.close)
        cache = Cache(document.stores.cache, document.platform)
        await cache.open()
        stack.push_async_callback(cache.close)
        dispatcher = Dispatcher(document.stores.queue, document.platform)
        await dispatcher.open()
        stack.push_async_callback(dispatcher.close)
        repository = Repository(database, document.retention)
        tally = Tally()
        stack.callback(tally.fold, cache)
        folding = asyncio.create_task(_fold(tally, cache), name="tally")
        stack.callback(folding.cancel)
        hits = Hits(settings, objects, signer)
        intake = Intake(
            settings,
            document.retention,
            repository=repository,
            cache=cache,
            dispatcher=dispatcher,
            hits=hits,
            tally=tally,
        )
        return cls(
            document=document,
            instance=instance,
            settings=settings,
            repository=repository,
            cache=cache,
            dispatcher=dispatcher,
            objects=objects,
            signer=signer,
            principals=Principals(
                platform=document.platform,
                secret=secret,
                anonymous=settings.anonymous,
                keys_file=settings.api_keys_file,
            ),
            clients=Clients(settings.trusted_proxies, https=public_url.startswith("https://")),
            reader=Reader(document, _cookie_jars(document)),
            hits=hits,
            intake=intake,
            tally=tally,
            standing=Changes(log, "not ready"),
            draining=startup.stopping,
        )


async def _fold(tally: Tally, cache: Cache) -> None:
    while True:
        await asyncio.sleep(FOLD_EVERY)
        tally.fold(cache)


def _cookie_jars(document: RuntimeDocument) -> tuple[str, ...]:
    """Sites for which there is a cookie file, as of the start: they are part of every URL's key."""
    folder: Path | None = document.extractor.cookies_dir if document.extractor is not None else None
    return () if folder is None else tuple(sorted(path.stem for path in folder.glob("*.txt")))
