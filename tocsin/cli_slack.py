"""`tocsin slack`: whether the Slack app can do what is expected of it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import Json, fail, print_json, say

app = typer.Typer(no_args_is_help=True, help="Set Slack up, and see whether it works.")


@app.callback()
def _slack() -> None:
    """Set Slack up, and see whether it works."""


@app.command(
    epilog="Examples: tocsin slack check --config tocsin.yaml\n\ntocsin slack check --send-test --to chloe --wait 60"
)
def check(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration; its flowchart says who is paged.")
    ] = Path("tocsin.yaml"),
    send_test: Annotated[bool, typer.Option("--send-test", help="Post a page that says TEST to the channel.")] = False,
    to: Annotated[
        list[str] | None, typer.Option(help="With --send-test: a responder who gets one too.", metavar="RESPONDER")
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, max=3600, help="With --send-test: wait so many seconds for a press (mode socket).")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Ask Slack about token, scopes, channels and people; says what is wrong and what to do."""
    import asyncio

    from tocsin.checking import read_chart
    from tocsin.settings import load_settings
    from tocsin.slack_check import as_json as json_of
    from tocsin.slack_check import findings, lines, verdict
    from tocsin.slack_trial import Trial

    if (to or wait) and not send_test:
        fail("--to and --wait belong to --send-test: without it nothing is posted")
    settings = load_settings(config, os.environ)
    chart = read_chart(settings.flowchart_path)
    found = asyncio.run(findings(settings, chart, Trial(tuple(to or ()), wait) if send_test else None))
    if as_json:
        print_json(json_of(found))
    else:
        for line in lines(found):
            say(line)
    raise SystemExit(verdict(found))
