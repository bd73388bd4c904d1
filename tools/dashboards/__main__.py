"""Writes every dashboard. The same code gives the same bytes."""

import json
import sys
from pathlib import Path

from tools.dashboards import capacity, detection, listening, paging, workers

BOARDS = {
    "capacity.json": capacity.board,
    "detection.json": detection.board,
    "listening.json": listening.board,
    "paging.json": paging.board,
    "workers.json": workers.board,
}


def texts() -> dict[str, str]:
    """Each dashboard's file, by its name."""
    return {name: json.dumps(board(), indent=1, ensure_ascii=False) + "\n" for name, board in BOARDS.items()}


def main() -> None:
    """Write them into the directory that is named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
