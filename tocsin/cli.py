"""The command line: maps words and flags to the parts that do the work.

Exit status: 0 done, 1 a check or a verification failed, 2 the call, a file or the configuration is wrong.
"""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tocsin import (
    __version__,
    cli_console,
    cli_drill,
    cli_erase,
    cli_learn,
    cli_mentions,
    cli_review,
    cli_roster,
    cli_silence,
    cli_slack,
    cli_sources,
    cli_topics,
    cli_watch,
    cli_worker,
    flowchart_cli,
)
from tocsin.edition import edition
from tocsin.terminal import Json, complain, err, fail, out, print_json, say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # a secret may be among them
    help="Listen to what the public says, notice early when it turns, and page until a human has acknowledged.",
    epilog="Start with: [bold]tocsin demo[/bold]",
)
app.add_typer(flowchart_cli.app, name="flowchart")
app.add_typer(cli_console.app, name="console")
app.add_typer(cli_slack.app, name="slack")
app.add_typer(cli_sources.app, name="sources")
app.add_typer(cli_topics.app, name="topics")
cli_silence.hook(app)
cli_erase.hook(app)
cli_roster.hook(app)
cli_learn.add_to(app)
cli_mentions.add_to(app)
cli_review.add_to(app)
cli_worker.hook(app)
cli_watch.hook(app)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]


def main() -> None:
    """Run the command line; a user's mistake is one plain line, never a traceback.

    A reader that goes away (`| head`) ends it quietly: typer sees to that, and to Ctrl-C (130).
    """
    from tocsin.mistakes import MISTAKES, told

    _open_streams()
    try:
        app()
    except MISTAKES as mistake:
        fail(told(mistake))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _open_streams() -> None:
    """Whatever the terminal is set to, and if somebody closed them: names from outside can be shown."""
    nowhere = Path(os.devnull)
    sys.stdin = sys.stdin or nowhere.open(encoding="utf-8")
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False) -> None:
    if version:
        compiled = ", detectors compiled" if edition() == "compiled" else ""
        out.print(f"tocsin {__version__}{compiled}", highlight=False)
        raise SystemExit(0)


@app.command(epilog="Example: tocsin demo --seed 7")
def demo(
    seed: Annotated[int, typer.Option(help="Another seed is another fortnight.")] = 1,
    directory: Annotated[Path, typer.Option("--dir", help="Where the files of the demo go.")] = Path("tocsin-demo"),
) -> None:
    """Replay a made-up brand's fortnight, with a crisis in it, through the real path. Needs nothing else."""
    from tocsin.demo import run_demo

    raise SystemExit(run_demo(seed, directory, out, err))


@app.command(epilog="Example: tocsin run --config tocsin.yaml")
def run(config: Config = None) -> None:
    """Listen, decide and page until stopped: the embedded service."""
    from tocsin.checking import check_all
    from tocsin.embedded import run_service
    from tocsin.settings import load_settings

    path = _config_or_default(config)
    if problems := check_all(path, os.environ):
        fail("\n".join(problems))
    settings = load_settings(path, os.environ)
    if settings.cluster is not None:
        fail(
            f"{path}: has a section `cluster`, so workers do the work, and a service beside them would page twice: "
            "start them with `tocsin worker` (docs/deploy.md), or take the section out to run it all in one process"
        )
    run_service(settings, err)


@app.command(epilog="Example: tocsin check --config tocsin.yaml")
def check(config: Config = None, as_json: Json = False) -> None:
    """Check everything in the configuration: settings, queries with their examples, flowchart, rosters, secrets."""
    from tocsin.checking import check_all, check_warnings, roster_problems

    path = _config_or_default(config)
    problems = check_all(path, os.environ) or roster_problems(path, os.environ)
    warnings = [] if problems else check_warnings(path, os.environ)
    if as_json:
        print_json({"ok": not problems, "problems": problems, "warnings": warnings})
    else:
        complain(problems or warnings, style="red" if problems else "yellow")
        if not problems:
            more = f", but for the {len(warnings)} above" if len(warnings) > 1 else ", but for the one above"
            say(f"Everything in the configuration is in order{more if warnings else ''}.")
    raise SystemExit(1 if problems else 0)


@app.command(
    epilog="Examples: tocsin replay mentions.jsonl.gz --brand United\n\n"
    "tocsin replay day1.jsonl day2.jsonl --brand 'JetBlue=jetblue OR \"jet blue\"' --decisions out.jsonl\n\n"
    "tocsin replay crisis.jsonl --config tocsin.yaml --drill --slack --speed 60x"
)
def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Mention files: JSON lines, gzip or not.", metavar="FILE...")
    ] = None,
    brand: Annotated[
        list[str] | None, typer.Option(help="NAME takes every row as about it; NAME=QUERY only what the query hits.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Brands and flowchart from a tocsin.yaml.")
    ] = None,
    flowchart: Annotated[Path | None, typer.Option(help="Another flowchart than the shipped one.")] = None,
    decisions: Annotated[Path | None, typer.Option(help="Write each decision here, one JSON line each.")] = None,
    since: Annotated[str | None, typer.Option(help="Only mentions from here on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Only mentions before this (RFC 3339).")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Languages of --brand; default en.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Keep the journal here, for `tocsin verify`.")] = None,
    planned: Annotated[
        list[Path] | None, typer.Option(help="An iCalendar file of planned events of every brand.", metavar="FILE.ics")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Pages that turn out to be for nothing, a brand and month; default 1.")
    ] = None,
    learn: Annotated[
        list[Path] | None, typer.Option(help="Earlier mentions to know the brand by; they page nobody.", metavar="FILE")
    ] = None,
    drill: cli_drill.Drill = False,
    slack: cli_drill.Slack = False,
    speed: cli_drill.Speed = None,
    channel: cli_drill.Channel = None,
    story: cli_drill.Story = None,
    data: cli_drill.Data = None,
    longest: cli_drill.Longest = None,
    strict: cli_drill.Strict = False,
    as_json: Json = False,
) -> None:
    """Run mention files through intake and core as fast as it goes; or, with --drill, rehearse a crisis with people."""
    from tocsin.replaying import ReplayCall, run_replay

    flags = cli_drill.DrillFlags(drill, slack, speed, channel, story, data, longest, strict)
    files = files or []
    if flags.check(files=bool(files)):
        raise SystemExit(cli_drill.drill(flags, files, learn or [], config, (since, until), as_json=as_json))
    call = ReplayCall(
        files=files,
        brands=brand or [],
        config=config,
        flowchart=flowchart,
        decisions=decisions,
        since=since,
        until=until,
        languages=tuple(language or ["en"]),
        journal=journal,
        planned=planned or [],
        budget=budget,
        learn=learn or [],
    )
    result = run_replay(call, out=err if as_json else out, progress_on=err)
    if as_json:
        print_json(msgspec.to_builtins(result))


@app.command(epilog="Example: tail -F counts.csv | tocsin detect --interval 5m")
def detect(
    interval: Annotated[str, typer.Option(help="How long one row is: 1m, 5m, 1h.")] = "5m",
) -> None:
    """Score a stream of counts: `timestamp,value` lines in, `timestamp,anomaly_score,page` lines out, at once."""
    from tocsin.filters import detect_lines

    detect_lines(interval, sys.stdin.buffer, sys.stdout, sys.stderr)


@app.command(epilog="""Example: echo '{"text": "still waiting for my refund"}' | tocsin sentiment""")
def sentiment(
    explain: Annotated[
        bool, typer.Option("--explain", help="Add `why`: the words, rules and maskings that made the score.")
    ] = False,
) -> None:
    """Judge texts: JSON lines with `text`, `lang`? and `brand`? in, label, score and language out."""
    from tocsin.filters import sentiment_lines

    sentiment_lines(sys.stdin.buffer, sys.stdout, sys.stderr, explain=explain)


@app.command(epilog="Example: tocsin verify tocsin-data/journal.db")
def verify(
    journal: Annotated[Path, typer.Argument(help="The journal of a run, a replay or the demo.")],
    as_json: Json = False,
) -> None:
    """Replay a journal and compare every decision and chain; names the first difference."""
    from tocsin.journal import open_existing
    from tocsin.journal import verify as verify_journal

    verdict = verify_journal(open_existing(journal))
    if as_json:
        print_json({"ok": verdict.ok, **verdict._asdict()})
    elif verdict.ok:
        say(
            f"{journal}: {verdict.entries} entries replay to the same {verdict.decisions} decisions "
            f"({verdict.pages} pages{f', {verdict.probes} probes' if verdict.probes else ''}); the chains agree."
        )
        if verdict.unrecorded:
            say(f"{verdict.unrecorded} decisions on the last entries will be taken at the next start.")
    else:
        complain([f"{journal}: {verdict.difference.removeprefix(f'{journal}: ')}"])
    raise SystemExit(0 if verdict.ok else 1)


def _config_or_default(config: Path | None) -> Path:
    path = config or Path("tocsin.yaml")
    if not path.is_file():
        fail(f"{path}: there is no such configuration; name one with --config, or see docs/reference/settings.md")
    return path
