"""`tocsin flowchart`: what its owner asks of a chart before, during and after a crisis.

Exit status as everywhere: 0 fine, 1 something was found, 2 the call or a file is wrong.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import Json, complain, print_json, say

app = typer.Typer(no_args_is_help=True, help="Check, draw, walk, test, explain and compare crisis flowcharts.")

Chart = Annotated[Path, typer.Argument(help="The flowchart.")]
Data = Annotated[Path | None, typer.Option(help="The data directory of a service or of the demo.")]
JournalFile = Annotated[Path | None, typer.Option(help="A journal, in place of --data.")]


@app.command(epilog="Example: tocsin flowchart check crisis_flowchart.yaml")
def check(file: Chart, data: Data = None, as_json: Json = False) -> None:
    """Check a flowchart; every problem has its line, what is wrong and what is allowed.

    With --data its promises are held against the past incidents of a deployment.
    """
    from tocsin.checking import chart_problems, read_chart
    from tocsin.journal import open_existing
    from tocsin.promised import promise_warnings

    problems, warnings = chart_problems(file)
    if data is not None and not problems:
        past = (recorded.decision for recorded in open_existing(data / "journal.db").decisions())
        warnings += promise_warnings(read_chart(file), past)
    if as_json:
        print_json({"ok": not problems, "problems": problems, "warnings": warnings})
    else:
        complain(problems)
        complain(warnings, style="yellow")
        if not problems:
            say(f"{file}: in order.")
    raise SystemExit(1 if problems else 0)


@app.command(
    epilog="Examples: tocsin flowchart show crisis_flowchart.yaml --svg chart.svg\n\n"
    "tocsin flowchart show --incident acme-1773428150000 --data tocsin-data --svg walked.svg"
)
def show(
    file: Annotated[Path | None, typer.Argument(help="The flowchart; with --incident the one it walked.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the drawing here.")] = None,
    mermaid: Annotated[Path | None, typer.Option(help="Write Mermaid here; without --svg, to standard output.")] = None,
    incident: Annotated[str | None, typer.Option(help="Light the path that this incident walked.")] = None,
    data: Data = None,
    journal: JournalFile = None,
) -> None:
    """Draw a flowchart as Mermaid or SVG; with an incident, the chart that it walked with its path lit."""
    from alerting.flowchart import picture
    from tocsin.checking import read_chart
    from tocsin.explaining import journal_of
    from tocsin.mistakes import UsageError
    from tocsin.rerun import walked_by

    walked: list[str] = []
    if incident is not None:
        chart, walked = walked_by(journal_of(data, journal), incident)
        chart = read_chart(file) if file is not None else chart
    elif file is None:
        raise UsageError("name a flowchart, or an incident with --incident and --data DIR")
    else:
        chart = read_chart(file)
    if mermaid is not None:
        mermaid.write_text(picture.mermaid(chart) + "\n", encoding="utf-8")
        say(f"{mermaid}: drawn.")
    if svg is not None:
        svg.write_text(picture.svg(chart, walked), encoding="utf-8")
        say(f"{svg}: drawn.")
    if mermaid is None and svg is None:
        sys.stdout.write(picture.mermaid(chart) + "\n")


@app.command(
    epilog="Examples: tocsin flowchart walk facts.yaml\n\n"
    "tocsin flowchart walk counterexample.yaml --chart crisis_flowchart.yaml --json"
)
def walk(
    facts: Annotated[Path, typer.Argument(help="A walk file: an instant, facts, how people behave.")],
    chart: Annotated[Path | None, typer.Option(help="The flowchart, where the walk file names none.")] = None,
    as_json: Json = False,
) -> None:
    """Walk a flowchart on virtual time: each condition with its margin, and who is told when, by which way."""
    import msgspec

    from tocsin.walks import run_walk, walk_lines

    walked_chart, tested = run_walk(facts, chart)
    if as_json:
        outcome = msgspec.to_builtins(tested.outcome)
        print_json(outcome | {"path": tested.outcome.path, "differences": tested.differences})
    else:
        for line in walk_lines(walked_chart, tested):
            say(line)
        complain(f"  {line}" for line in tested.differences)
    raise SystemExit(1 if tested.differences else 0)


@app.command("test", epilog="Example: tocsin flowchart test tests/flowchart/walks")
def run_tests(
    directory: Annotated[Path, typer.Argument(help="The directory of example walks.")] = Path("walks"),
    chart: Annotated[Path | None, typer.Option(help="The flowchart, where the walks name none.")] = None,
    as_json: Json = False,
) -> None:
    """Run the example walks of a chart, one line each, and say what of the chart no walk comes through."""
    from tocsin.walks import covered, run_all

    tested_chart, tested = run_all(directory, chart)
    cover = covered(tested_chart, (one.outcome.path for one in tested))
    failed = [one for one in tested if one.differences]
    if as_json:
        walks = [{"walk": one.path.name, "differences": one.differences} for one in tested]
        print_json({"ok": not failed, "walks": walks, "coverage": cover._asdict()})
        raise SystemExit(1 if failed else 0)
    for one in tested:
        say(f"{'FAILED' if one.differences else 'ok    '} {one.path.name}", "red" if one.differences else "")
        complain(f"         {line}" for line in one.differences)
    nodes, edges = _share(cover.nodes, cover.of_nodes), _share(cover.edges, cover.of_edges)
    say(f"{len(tested)} walks, {len(failed)} failed; walked: {nodes} nodes, {edges} ways between them.")
    for line in cover.missing:
        say(f"  no walk comes through {line}")
    raise SystemExit(1 if failed else 0)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part * 100 // whole if whole else 100} %)"


@app.command(
    epilog="Examples: tocsin flowchart explain acme-1773428150000 --data tocsin-data\n\n"
    "tocsin flowchart explain acme-1773428150000 --journal journal.db --page 2 --json"
)
def explain(
    incident: Annotated[str, typer.Argument(help="The incident, as its card names it.")],
    data: Data = None,
    journal: JournalFile = None,
    page: Annotated[int, typer.Option(help="Which of its pages, from 1.")] = 1,
    as_json: Json = False,
) -> None:
    """The receipt of a page: path, figures, margins, and the smallest change that prevents it, run again."""
    import msgspec

    from tocsin.explaining import explain as explained
    from tocsin.explaining import journal_of, told

    receipt = explained(journal_of(data, journal), incident, page=page)
    if as_json:
        print_json(msgspec.to_builtins(receipt))
        return
    for line in told(receipt):
        say(line)


@app.command(
    epilog="Examples: tocsin flowchart prove crisis_flowchart.yaml\n\n"
    "tocsin flowchart prove crisis_flowchart.yaml --from 2027-03-01 --bound 10m --walks holes"
)
def prove(
    file: Chart,
    days: Annotated[int, typer.Option(help="For how many days.")] = 90,
    start: Annotated[str, typer.Option("--from", help="From this instant or day on; default now.")] = "",
    timezone: Annotated[str, typer.Option(help="The brand's time zone; default that of the first roster.")] = "",
    bound: Annotated[str, typer.Option(help="Within this time, in place of the chart's `promise_pages`.")] = "",
    walks: Annotated[Path | None, typer.Option(help="Write a walk file for each hole into this directory.")] = None,
    as_json: Json = False,
) -> None:
    """Prove that in every situation a named human is reached in time, and that no escalation runs dry."""
    from tocsin import flowchart_prove as proving

    proved = proving.run_prove(file, days=days, start=start, zone_name=timezone, bound=bound)
    written = proving.write_walks(proved.proof, walks) if walks is not None else []
    if as_json:
        print_json(proving.as_json(proved))
    else:
        for line in proving.proof_lines(proved, written):
            say(line)
    raise SystemExit(0 if proved.proof.holds else 1)


@app.command(
    epilog="Examples: tocsin flowchart diff old.yaml new.yaml --data tocsin-data\n\n"
    "tocsin flowchart diff old.yaml new.yaml march.jsonl.gz --brand 'Acme=acme OR \"acme air\"'"
)
def diff(
    old: Chart,
    new: Chart,
    mentions: Annotated[
        list[Path] | None, typer.Argument(help="Mention files to replay under either.", metavar="[FILE]...")
    ] = None,
    data: Data = None,
    journal: JournalFile = None,
    brand: Annotated[str | None, typer.Option(help="For mention files: NAME or NAME=QUERY.")] = None,
    as_json: Json = False,
) -> None:
    """What another chart changes: nodes, ways, people; and which pages of the past appear or vanish."""
    import msgspec

    from tocsin.checking import chart_text
    from tocsin.explaining import journal_of
    from tocsin.flowchart_diff import diff_lines, difference
    from tocsin.mistakes import UsageError
    from tocsin.replaying import brand_of

    if mentions and brand is None:
        raise UsageError("mention files are about a brand: say --brand NAME or --brand NAME=QUERY")
    past = journal_of(data, journal) if data is not None or journal is not None else None
    if past is not None and mentions:
        raise UsageError("one past is enough: a journal or mention files")
    about = brand_of(brand, ("en",)) if brand is not None else None
    found = difference(chart_text(old), chart_text(new), journal=past, mentions=mentions or (), brand=about)
    if as_json:
        print_json({"same": found.is_none, **msgspec.to_builtins(found)})
    else:
        for line in diff_lines(found):
            say(line)
    raise SystemExit(0 if found.is_none else 1)


@app.command(
    epilog="Example: tocsin flowchart coverage crisis_flowchart.yaml walks --data tocsin-data --drill drill/journal.db"
)
def coverage(
    file: Chart,
    walks: Annotated[
        list[Path] | None, typer.Argument(help="Directories of example walks.", metavar="[DIR]...")
    ] = None,
    data: Annotated[list[Path] | None, typer.Option(help="Data directories of services: real incidents.")] = None,
    drill: Annotated[list[Path] | None, typer.Option(help="Journals of drills.")] = None,
    as_json: Json = False,
) -> None:
    """What of a chart was exercised by walks, drills and incidents, when last, and what to drill next."""
    import msgspec

    from tocsin.checking import read_chart
    from tocsin.coverage import Ledger, coverage_lines
    from tocsin.mistakes import UsageError
    from tocsin.walks import run_all

    if not (walks or data or drill):
        raise UsageError("nothing to look at: name a directory of walks, or --data DIR, or --drill JOURNAL")
    ledger = Ledger(read_chart(file))
    for directory in walks or ():
        ledger.walks(run_all(directory, file)[1])
    for directory in data or ():
        ledger.journal(directory / "journal.db", "incident")
    for path in drill or ():
        ledger.journal(path, "drill")
    found = ledger.coverage()
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    for line in coverage_lines(found):
        say(line)


@app.command(
    "print", epilog="Example: tocsin flowchart print crisis_flowchart.yaml --html playbook.html --pdf playbook.pdf"
)
def print_playbook(
    file: Chart,
    html: Annotated[Path | None, typer.Option(help="Write the playbook as one HTML page here.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write it as a PDF here (needs Chromium and playwright).")] = None,
    timezone: Annotated[str, typer.Option(help="The time zone of its hours.")] = "Europe/Amsterdam",
) -> None:
    """Print the playbook for the day everything is down: ladders, drawings, rosters, telephone numbers, statements."""
    import time

    from stream.zones import zone
    from tocsin.checking import read_chart
    from tocsin.mistakes import UsageError
    from tocsin.playbook import playbook, write_pdf
    from tocsin.walks import rosters_of

    if html is None and pdf is None:
        raise UsageError("say where it goes: --html FILE, --pdf FILE or both")
    try:
        zone(timezone)
    except ValueError as error:
        raise UsageError(f"--timezone: {error}; expected an IANA name, as Europe/Amsterdam") from None
    chart = read_chart(file)
    at_ms = time.time_ns() // 1_000_000
    text = playbook(chart, rosters_of(chart, file.parent, at_ms), at_ms, zone=timezone)
    if html is not None:
        html.write_text(text, encoding="utf-8")
        say(f"{html}: printed.")
    if pdf is not None:
        write_pdf(text, pdf)
        say(f"{pdf}: printed.")
