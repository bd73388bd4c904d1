"""`python -m tests.fakes.slack`: the fake by hand, with its page; prints the environment that points tocsin at it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from alerting.flowchart.load import load_chart
from tests.fakes.slack.sample import put_sample
from tests.fakes.slack.server import FakeSlack

SHIPPED = Path(__file__).parents[3] / "crisis_flowchart.yaml"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=8899, help="port on 127.0.0.1 (default 8899; 0 takes a free one)")
    parser.add_argument("--interactivity-url", help="where clicks are posted; without it they go by Socket Mode")
    parser.add_argument("--signing-secret", default="fake-signing-secret", help="secret that signs the clicks")
    parser.add_argument(
        "--flowchart", type=Path, default=SHIPPED, help="whose responders work here (default: the shipped flowchart)"
    )
    parser.add_argument("--sample", action="store_true", help="begin with a sample page in #crisis")
    return parser.parse_args(argv)


def staff(slack: FakeSlack, flowchart: Path) -> None:
    """Let the people and channels of a flowchart exist, so that their buttons can be pressed as them."""
    chart = load_chart(flowchart.read_text("utf-8"), str(flowchart))
    for name, responder in chart.responders.items():
        if responder.slack is not None and responder.slack.startswith(("U", "W")):
            slack.workspace.add_user(responder.slack, name, responder.name)
        elif responder.slack is not None and responder.slack.startswith("C"):
            slack.workspace.add_channel(responder.slack, responder.name.lstrip("#"))


async def serve(options: argparse.Namespace) -> None:
    """Run until interrupted."""
    slack = FakeSlack(options.signing_secret, options.interactivity_url, port=options.port)
    async with slack:
        staff(slack, options.flowchart)
        if options.sample:
            put_sample(slack)
        # These secrets open nothing but this fake.
        print(f"# The fake Slack listens on {slack.page_url} - open it in a browser. In another terminal:")
        print(f"export SLACK_BOT_TOKEN={slack.api.bot_token}")
        print(f"export SLACK_APP_TOKEN={slack.api.app_token}")
        print(f"export SLACK_SIGNING_SECRET={slack.interactivity.signing_secret}")
        mode = "http" if options.interactivity_url else "socket"
        print("# and in tocsin.yaml:")
        print(f"# slack: {{channel: C1, mode: {mode}, base_url: {slack.base_url}}}")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments()))
