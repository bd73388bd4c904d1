"""Uploads in Slack's three steps: ask for an address, send the bytes there, complete."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.arguments import SlackRefusalError


@dataclass
class StoredFile:
    """A file that was announced; `data` is None until its bytes came."""

    id: str
    ticket: str
    name: str
    length: int
    alt: str
    title: str = ""
    data: bytes | None = None
    completed: bool = False

    def to_slack(self, base: str) -> dict[str, Any]:
        """The file object of files.completeUploadExternal and of messages."""
        address = f"{base}/files/{self.id}"
        return {"id": self.id, "name": self.name, "title": self.title or self.name, "size": self.length} | {
            "alt_txt": self.alt,
            "url_private": address,
        }


class FileStore:
    """The files of the workspace. Refusals are SlackRefusalError with Slack's word."""

    def __init__(self) -> None:
        self.by_id: dict[str, StoredFile] = {}

    def expect(self, name: str, length: Any, alt: str) -> StoredFile:
        """Announce a file. Raises SlackRefusalError `invalid_arguments` without a name or a length."""
        if not name or not str(length).isdigit() or int(length) == 0:
            raise SlackRefusalError("invalid_arguments")
        file = StoredFile(f"F{len(self.by_id) + 1:08d}", secrets.token_urlsafe(12), name, int(length), alt)
        self.by_id[file.id] = file
        return file

    def receive(self, ticket: str, data: bytes) -> bool:
        """Take the bytes; false if the address is unknown or used, or the length is not what was announced."""
        file = next((f for f in self.by_id.values() if f.ticket == ticket and f.data is None), None)
        if file is None or len(data) != file.length:
            return False
        file.data = data
        return True

    def complete(self, wanted: list[dict[str, Any]], base: str) -> list[dict[str, Any]]:
        """Finish uploads. Raises SlackRefusalError `file_not_found` for one whose bytes never came."""
        files = [self.by_id.get(str(one.get("id"))) for one in wanted]
        if not files or any(f is None or f.data is None for f in files):
            raise SlackRefusalError("file_not_found")
        shown = []
        for one, file in zip(wanted, files, strict=True):
            assert file is not None
            file.title = str(one.get("title") or file.name)
            file.completed = True
            shown.append(file.to_slack(base))
        return shown
