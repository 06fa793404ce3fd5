"""Files that people attach: their objects in messages, and their bytes for who may have them."""

import mimetypes
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from aiohttp import web

from playground.slack.wire import Json, fresh_id

LOGIN_PAGE = """<!DOCTYPE html>
<html><head><title>Sign in to your workspace | Slack</title></head>
<body><h1>Sign in to your workspace</h1></body></html>
"""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that another app registered: Slack has its address and not its bytes."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ConnectFile:
    """A file in a Slack Connect channel: the event holds its id alone, files.info the rest."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class GoneFile:
    """A file without bytes: deleted, or hidden by the plan's limit."""

    mode: Literal["tombstone", "hidden_by_limit"] = "tombstone"


Upload = tuple[str, bytes] | RemoteFile | ConnectFile | GoneFile


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What Slack keeps of one file: the full object, what an event shows of it, the bytes."""

    id: str
    channel: str
    object: Json
    shown: Json
    data: bytes | None


class Shelf:
    """Every file by its id, at one origin."""

    def __init__(self, team: str) -> None:
        self.origin = ""
        self._team = team
        self._files: dict[str, StoredFile] = {}

    def find(self, file_id: str) -> StoredFile | None:
        return self._files.get(file_id)

    def put(self, upload: Upload, *, user: str, channel: str) -> StoredFile:
        """Keeps what a person attached."""
        identity = fresh_id("F")
        stored = self._store(identity, upload, user, channel)
        self._files[identity] = stored
        return stored

    def _store(self, identity: str, upload: Upload, user: str, channel: str) -> StoredFile:
        if isinstance(upload, GoneFile):
            gone: Json = {"id": identity, "mode": upload.mode}
            return StoredFile(identity, channel, gone, gone, None)
        if isinstance(upload, RemoteFile):
            known = self._object(identity, upload.name, user, size=0) | {
                "mode": "external",
                "is_external": True,
                "external_type": "remote",
                "external_url": upload.url,
                "url_private": upload.url,
            }
            del known["url_private_download"]
            return StoredFile(identity, channel, known, known, None)
        if isinstance(upload, ConnectFile):
            known = self._object(identity, upload.name, user, size=len(upload.data))
            hint = {"id": identity, "file_access": "check_file_info"}
            return StoredFile(identity, channel, known, hint, upload.data)
        name, data = upload
        known = self._object(identity, name, user, size=len(data))
        return StoredFile(identity, channel, known, known, data)

    def _object(self, identity: str, name: str, user: str, *, size: int) -> Json:
        """The file object; type and name are what the uploader claims, never what is inside."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        address = f"{self.origin}/files-pri/{self._team}-{identity}"
        now = int(time.time())
        return {
            "id": identity,
            "created": now,
            "timestamp": now,
            "name": name,
            "title": name,
            "mimetype": kind,
            "filetype": name.rpartition(".")[2].lower(),
            "user": user,
            "user_team": self._team,
            "editable": False,
            "size": size,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": True,
            "public_url_shared": False,
            "url_private": f"{address}/{quote(name)}",
            "url_private_download": f"{address}/download/{quote(name)}",
            "permalink": f"{self.origin}/files/{user}/{identity}/{quote(name)}",
            "file_access": "visible",
        }


def download(stored: StoredFile | None) -> web.Response:
    """The bytes, under the type that the uploader claimed."""
    if stored is None or stored.data is None:
        raise web.HTTPNotFound(text="file_not_found")
    return web.Response(body=stored.data, content_type=str(stored.object["mimetype"]))


def login_page() -> web.Response:
    return web.Response(text=LOGIN_PAGE, content_type="text/html")
