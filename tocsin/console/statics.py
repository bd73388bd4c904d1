"""EDGE. The files that pages are made with: read once, named after what they hold, and kept by a browser for a year."""

import hashlib
import mimetypes
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.doors import Door, Visitor

STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class File(msgspec.Struct, frozen=True):
    """What is served under one name."""

    content: bytes
    media_type: str
    digest: str
    """The beginning of its SHA-256: in the address, so that a new version is asked for."""


class Statics:
    """All files of a directory, in memory: a path is looked up and never opened, so none leads out of it."""

    def __init__(self, directory: Path = STATIC) -> None:
        self._files = {
            path.relative_to(directory).as_posix(): _file(path)
            for path in sorted(directory.rglob("*"))
            if path.is_file() and path.suffix != ".md"
        }

    def address(self, name: str) -> str:
        """Where a page asks for a file, with its version.

        >>> Statics().address("console.css").partition("?v=")[0]
        '/static/console.css'

        Raises `KeyError` for a file that there is not.
        """
        return f"/static/{name}?v={self._files[name].digest}"

    def doors(self) -> list[Door]:
        """The way to the files. Open: the page to sign in on needs them, and they say nothing about a deployment."""
        return [Door(path="/static/{file:path}", needs="open", handler=self._serve)]

    async def _serve(self, request: Request, _visitor: Visitor) -> Response:
        file = self._files.get(request.path_params["file"])
        if file is None:
            return Response(status_code=404)
        tag = f'"{file.digest}"'
        kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == file.digest else "no-cache"
        headers = {"Cache-Control": kept, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)


def _file(path: Path) -> File:
    content = path.read_bytes()
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(content, _TYPES.get(path.suffix, guessed), hashlib.sha256(content).hexdigest()[:16])
