"""How near a condition was: its comparisons with the figures they were asked of."""

from collections.abc import Sequence

from alerting.facts import FACT_HELP
from alerting.flowchart.tokens import EQUAL, NUMBERS, ORDER, Token, plain_number


def figures(tokens: Sequence[Token], text: str, seen: dict[str, object]) -> str:
    """The condition with the figures it was asked of."""
    pieces = _pieces(tokens)
    return " ".join(piece if isinstance(piece, str) else _said(piece, text, seen) for piece in pieces)


def _pieces(tokens: Sequence[Token]) -> list[str | list[Token]]:
    """What the topmost `&&` and `||` join, with the signs between."""
    pieces: list[str | list[Token]] = []
    piece: list[Token] = []
    depth = 0
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if depth == 0 and token.text in ("&&", "||", "and", "or"):
            pieces += [piece, token.text]
            piece = []
        else:
            piece.append(token)
    return [*pieces, piece]


def comparison(piece: Sequence[Token]) -> tuple[str, str, str] | None:
    """`name sign number`, if the piece is no more than that."""
    texts = [token.text for token in piece]
    if len(texts) == 4 and texts[2] == "-":
        texts[2:] = [f"-{texts[3]}"]
    if len(texts) != 3 or piece[-1].kind not in NUMBERS or texts[0] not in FACT_HELP:
        return None
    if piece[-1].kind != "number":
        texts[2] = f"{'-' * texts[2].startswith('-')}{float(plain_number(piece[-1])):g}"
    return (texts[0], texts[1], texts[2]) if texts[1] in (*ORDER, *EQUAL) else None


def _said(piece: Sequence[Token], text: str, seen: dict[str, object]) -> str:
    simple = comparison(piece)
    if simple is not None:
        name, sign, limit = simple
        value = seen[name]
        if isinstance(value, int | float):
            return f"{name} {_number(value)} {sign} {limit} ({_signed(value - float(limit))})"
    written = " ".join(text[piece[0].at : piece[-1].at + len(piece[-1].text)].split())
    names = dict.fromkeys(token.text for token in piece if token.kind == "name" and token.text in FACT_HELP)
    known = ", ".join(f"{name} is {_value(seen[name])}" for name in names)
    return f"{written} ({known})" if known else written


def _number(value: float) -> str:
    """In milli-units at most, so that no tail of a double shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if value else "0"


def _signed(difference: float) -> str:
    rounded = round(difference * 1000) / 1000
    return f"+{_number(rounded)}" if rounded >= 0 else _number(rounded)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return f"[{', '.join(map(str, value[:8]))}]"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_value(value[key])}" for key in sorted(value)[:8]) or "empty"
    return str(value) or "empty"
