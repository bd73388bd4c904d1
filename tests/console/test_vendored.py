"""Files of others that pages are served with: each is the one that the list beside it names, with its licence."""

import hashlib
import re

import pytest

from tocsin.console.statics import STATIC

VENDOR = STATIC / "vendor"
LISTED = re.findall(
    r"^\| `([^`]+)` \| .* \| (\S+) \| .*`([^`]+LICENSE[^`]*)` \| `([0-9a-f]{64})` \|$",
    (VENDOR / "README.md").read_text(),
    re.MULTILINE,
)


@pytest.mark.parametrize(("name", "version", "licence", "digest"), LISTED, ids=[row[0] for row in LISTED])
def test_a_file_of_others_is_what_the_list_says(name: str, version: str, licence: str, digest: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
    assert "Permission" in (VENDOR / licence).read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_every_file_of_others_is_listed() -> None:
    files = {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    assert files == {row[0] for row in LISTED}
