"""An API server, asked in raw JSON: dicts in, dicts out, errors of ``errors.py``.

    Cluster (this file: verbs) ─► transport.py (one request, its attempts) ─► the server
                               ─► watch.py     (a stream of changes)

No generated models: a manifest is written as it will be sent, and read as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

from reelplane_operator.cluster import access, inline
from reelplane_operator.cluster.errors import (
    ApiError,
    Conflict,
    Gone,
    Invalid,
    NotFound,
    Unserved,
    from_answer,
)
from reelplane_operator.cluster.fields import as_merge_patch, emptied
from reelplane_operator.cluster.resources import ACCESS_REVIEWS, PODS, SERVICES, ResourceType, type_of
from reelplane_operator.cluster.transport import Call, Request, Transport
from reelplane_operator.cluster.watch import METADATA, Change, changes

Object = dict[str, Any]

MANAGER = "reelplane"
"""Our field manager in server-side apply."""
_PAGE = 500
"""Objects of one page of a list; client-go's informers ask for as many."""
_APPLY = "application/apply-patch+yaml"
"""JSON is YAML but for some characters (``_written``), and a server parses it faster."""
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that JSON may hold as they are and YAML may not, or folds as ends of lines."""
_DRY = "&dryRun=All"
_NULL = 'must be of type object: "null"'
"""How a server refuses the null that it made itself."""


class Listing(NamedTuple):
    """The objects of a list, and the version that they were all read at: where a watch goes on from."""

    items: list[Object]
    resource_version: str


class Cluster:
    """One API server and who we are to it. Made by ``connect``; ``close`` it, or use it as a context manager.

    All methods raise ApiError when the server says no and Unreachable when it says nothing. Attempts are repeated
    where that is safe (``transport.py``), so callers need no loops of their own.
    """

    def __init__(self, transport: Transport, manager: str = MANAGER) -> None:
        self._transport = transport
        self._manager = manager
        self._owner = f"fieldManager={quote(manager)}&fieldValidation=Strict"

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        text: str | None = None,
        context: str | None = None,
        on_request: Callable[[Request], None] | None = None,
        *,
        connections: int = 64,
        manager: str = MANAGER,
    ) -> Cluster:
        """Read credentials; nothing is sent yet.

        ``kubeconfig``: a file of the person or the pod that runs us. ``text``: what somebody put into a Secret, in
        which only inline data is accepted. Neither: as kubectl finds it, or the pod's ServiceAccount.
        ``on_request`` sees every attempt when it is over; what it raises goes through to the caller.
        ``connections``: as many requests as are to be under way at once. Raises BadKubeconfig.
        """
        if text is not None:
            found = inline.from_text(text, context)
        elif kubeconfig is not None:
            found = await access.from_file(kubeconfig, context)
        else:
            found = await access.from_surroundings(context=context)
        return cls(Transport(found, connections=connections, on_request=on_request), manager)

    async def close(self) -> None:
        """Hang up. Requests that are under way end as Unreachable."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def host(self) -> str:
        """The server's URL."""
        return self._transport.access.host

    @property
    def namespace(self) -> str:
        """The namespace that the credentials name as theirs, or ``default``."""
        return self._transport.access.namespace

    async def get(self, type: ResourceType, namespace: str | None, name: str) -> Object | None:
        """The object, or None when there is none. Raises Unserved when the server does not know the type."""
        path = type.path(namespace, name)
        try:
            answer = await self._transport.call(
                Call("get", "GET", path, type.kind, namespace, name, repeatable=True)
            )
        except Unserved:
            raise
        except NotFound:
            return None
        return _read(answer)

    async def list(
        self, type: ResourceType, namespace: str | None = None, label_selector: str | None = None
    ) -> list[Object]:
        """All objects of a namespace, or of all namespaces. Raises Unserved when the type is not known."""
        return (await self.listing(type, namespace, label_selector)).items

    async def listing(
        self, type: ResourceType, namespace: str | None = None, label_selector: str | None = None
    ) -> Listing:
        """As ``list``, with the version to ``watch`` from."""
        items: list[Object] = []
        version = ""
        try:
            async for page in self.pages(type, namespace, label_selector):
                items += page.items
                version = page.resource_version
        except Gone:
            # The pages took longer than the server keeps their version: all at once, then.
            return await anext(self.pages(type, namespace, label_selector, limit=None))
        return Listing(items, version)

    async def pages(
        self,
        type: ResourceType,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,
        limit: int | None = _PAGE,
    ) -> AsyncGenerator[Listing, None]:
        """As ``listing``, a page at a time, all of one version: of thousands of objects few are in memory at once.

        ``metadata_only`` leaves out everything but names, labels and the like. Raises Gone when reading took longer
        than the server keeps a version: begin again.
        """
        accept = METADATA.format("PartialObjectMetadataList") if metadata_only else None
        query = {"limit": str(limit)} if limit else {}
        if label_selector:
            query["labelSelector"] = label_selector
        # Items of built-in types come without the two fields that say what they are, bare metadata with others.
        named = {"apiVersion": type.api_version, "kind": type.kind}
        while True:
            path = f"{type.path(namespace)}?{urlencode(query)}" if query else type.path(namespace)
            call = Call("list", "GET", path, type.kind, namespace, repeatable=True, accept=accept)
            page = _read(await self._transport.call(call))
            metadata = page["metadata"]
            items = [each | named if metadata_only else named | each for each in page["items"] or ()]
            yield Listing(items, metadata["resourceVersion"])
            if not (token := metadata.get("continue")):
                return
            query["continue"] = token

    def watch(
        self,
        type: ResourceType,
        namespace: str | None,
        resource_version: str,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,
    ) -> AsyncGenerator[Change, None]:
        """Changes after ``resource_version``, without end; close it (``contextlib.aclosing``) to hang up.

        ``metadata_only`` leaves out of the objects what ``pages`` does.
        Raises Gone when the server has forgotten that far back: list again, and watch from that version. Raises
        Unreachable when the connection is lost: the caller decides when to try again, and lists then as well.
        """
        return changes(
            self._transport, type, namespace, resource_version, label_selector, metadata_only=metadata_only
        )

    async def apply(
        self,
        manifest: Object,
        *,
        force: bool = True,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Object:
        """Server-side apply of the whole object as our field manager; the object as it is now, managedFields included.

        ``force`` takes fields that others own. Raises Conflict, whose causes name field and manager, without it.

        An object whose last fields go, as from ``embedded: {memory: 1Gi}`` to ``embedded: {}``, becomes null inside
        the server, which then refuses it (https://github.com/kubernetes/kubernetes/issues/135841): such fields are
        taken out by a patch first.
        """
        try:
            return await self._apply(manifest, force=force, dry_run=dry_run, subresource=subresource)
        except Invalid as error:
            if dry_run or subresource or _NULL not in str(error) or not await self._emptied(manifest):
                raise
            return await self._apply(manifest, force=force, dry_run=False, subresource=None)

    async def _emptied(self, manifest: Object) -> bool:
        """Whether fields were taken out. Raises Invalid, with nothing changed, when it is not only about them."""
        type, place = type_of(manifest), _place(manifest)
        live = await self.get(type, *place)
        patch = emptied(manifest, live, self._manager) if live else {}
        if not live or not patch:
            return False
        await self.merge_patch(type, *place, as_merge_patch(manifest, live, self._manager), dry_run=True)
        await self.merge_patch(type, *place, patch)
        return True

    async def _apply(
        self, manifest: Object, *, force: bool, dry_run: bool, subresource: str | None
    ) -> Object:
        type = type_of(manifest)
        namespace, name = _place(manifest)
        query = f"{self._owner}&force={'true' if force else 'false'}{_DRY if dry_run else ''}"
        call = Call(
            "apply",
            "PATCH",
            f"{type.path(namespace, name, subresource)}?{query}",
            type.kind,
            namespace,
            name,
            subresource,
            dry_run,
            repeatable=True,
            content_type=_APPLY,
        )
        return _read(await self._transport.call(call, _written(manifest)))

    async def create(self, manifest: Object) -> Object:
        """Create the object. Raises Conflict when it exists, also when a first attempt's answer was lost."""
        type = type_of(manifest)
        namespace, name = _place(manifest)
        path = f"{type.path(namespace)}?{self._owner}"
        call = Call("create", "POST", path, type.kind, namespace, name)
        return _read(await self._transport.call(call, _written(manifest)))

    async def merge_patch(
        self,
        type: ResourceType,
        namespace: str | None,
        name: str,
        patch: Object,
        *,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Object:
        """JSON merge patch (RFC 7386). With ``metadata.resourceVersion`` in it: Conflict if the object has another."""
        call = Call(
            "patch",
            "PATCH",
            f"{type.path(namespace, name, subresource)}?{self._owner}{_DRY if dry_run else ''}",
            type.kind,
            namespace,
            name,
            subresource,
            dry_run,
            repeatable="resourceVersion" not in patch.get("metadata", {}),
            content_type="application/merge-patch+json",
        )
        return _read(await self._transport.call(call, _written(patch)))

    async def delete(
        self,
        type: ResourceType,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete the object; with ``uid`` only that very one, not another of its name. False: it was not there."""
        options: Object = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        path = type.path(namespace, name)
        call = Call("delete", "DELETE", path, type.kind, namespace, name, repeatable=uid is not None)
        try:
            await self._transport.call(call, _written(options))
        except NotFound:
            return False
        except Conflict:
            # Only a precondition conflicts: there is another object of that name.
            if uid is None:
                raise
            return False
        return True

    async def service_json(
        self, namespace: str, service: str, port_name: str, path: str, timeout: float = 5.0
    ) -> Object:
        """A JSON document that a Service's pods serve, through the API server: works from outside the cluster too.

        Raises ApiError when no pod is ready or the answer is an error or no JSON object. One attempt only.
        """
        port = f"{quote(service, safe='')}:{quote(port_name, safe='')}"
        target = f"{SERVICES.path(namespace)}/{port}/proxy/{path.lstrip('/')}"
        call = Call("proxy", "GET", target, "Service", namespace, service, "proxy", timeout=timeout)
        status, answer, retry_after = await self._transport.exchange(call, patient=False)
        what = f"GET {path} of Service {namespace}/{service} ({port_name})"
        if status >= 300:
            error = from_answer(what, status, answer, retry_after)
            if isinstance(error, Unserved):
                # It was the server behind the service that did not know the path.
                error = NotFound(status, error.reason, error.message, what=what)
            raise error
        try:
            document = json.loads(answer)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ApiError(status, "NotJson", "the answer is not a JSON object", what=what)
        return document

    @asynccontextmanager
    async def log(
        self, namespace: str, pod: str, options: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """A container's log in pieces as they come. ``options`` are the API's: container, follow, tailLines, ..."""
        path = f"{PODS.path(namespace, pod, 'log')}?{urlencode(options)}"
        call = Call("get", "GET", path, PODS.kind, namespace, pod, "log")
        async with self._transport.stream(call, silent="follow" in options) as pieces:
            yield pieces

    async def can_i(
        self,
        verb: str,
        type: ResourceType,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> bool:
        """Whether our credentials allow ``verb``; without ``namespace``, whether they do in all of them."""
        asked = {"verb": verb, "group": type.group, "version": type.version, "resource": type.plural}
        optional = {"namespace": namespace, "name": name, "subresource": subresource}
        asked |= {key: value for key, value in optional.items() if value}
        review = {
            "apiVersion": ACCESS_REVIEWS.api_version,
            "kind": ACCESS_REVIEWS.kind,
            "spec": {"resourceAttributes": asked},
        }
        # A question that happens to be POSTed: it stores nothing, and is not counted as a write.
        call = Call(
            "get", "POST", ACCESS_REVIEWS.path(None), ACCESS_REVIEWS.kind, namespace, name, repeatable=True
        )
        answer = _read(await self._transport.call(call, _written(review)))
        return bool(answer["status"].get("allowed"))

    async def serves(self, type: ResourceType) -> bool:
        """Whether the server has this resource: asked of discovery, which everybody may read."""
        try:
            answer = await self._transport.call(
                Call("get", "GET", type.root, "APIResourceList", repeatable=True)
            )
        except NotFound:
            return False
        return any(each["name"] == type.plural for each in _read(answer)["resources"] or ())

    async def server_version(self) -> str:
        """As ``kubectl version`` shows it: ``v1.36.3``."""
        answer = await self._transport.call(Call("get", "GET", "/version", "Version", repeatable=True))
        return str(_read(answer)["gitVersion"])


def _place(manifest: Object) -> tuple[str | None, str]:
    metadata = manifest["metadata"]
    return metadata.get("namespace"), metadata["name"]


def _written(body: Object) -> bytes:
    """JSON that is YAML, too: a pair of escapes for one character beyond the first plane (an emoji) is not."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _read(answer: bytes) -> Object:
    read: Object = json.loads(answer)
    return read
