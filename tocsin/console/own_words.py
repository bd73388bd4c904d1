"""Words of the deployment's own files, on one line or few: shown as they were written, without what hides or reorders.

Posts go through `alerting.inert.plain`, which also breaks their addresses; a flowchart's owner wants to read
`crisis_flowchart.yaml:12` as it is. Pure.
"""

from alerting.inert import clip, terminal_safe


def own_line(text: str, limit: int = 200) -> str:
    """The text on one line.

    >>> own_line("tocsin.yaml:3:1:\\n no \\u202esuch key")
    'tocsin.yaml:3:1: no such key'
    """
    return clip(" ".join(terminal_safe(text[: 4 * limit + 1000]).split()), limit)


def own_lines(text: str, limit: int = 600) -> str:
    """The text with its line ends, each line without blanks around it."""
    rows = (" ".join(row.split()) for row in terminal_safe(text[: 4 * limit + 1000]).split("\n"))
    return clip("\n".join(row for row in rows if row), limit)
