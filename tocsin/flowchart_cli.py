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


@app.command(epilog="Example: tocsin flowchart check crisis_flowchart.yaml")
def check(file: Chart, as_json: Json = False) -> None:
    """Check a flowchart; every problem has its line, what is wrong and what is allowed."""
    from tocsin.checking import chart_problems

    problems, warnings = chart_problems(file)
    if as_json:
        print_json({"ok": not problems, "problems": problems, "warnings": warnings})
    else:
        complain(problems)
        complain(warnings, style="yellow")
        if not problems:
            say(f"{file}: in order.")
    raise SystemExit(1 if problems else 0)


@app.command(epilog="Example: tocsin flowchart show crisis_flowchart.yaml --svg chart.svg")
def show(
    file: Chart,
    svg: Annotated[
        Path | None, typer.Option(help="Write the drawing here instead of Mermaid to standard output.")
    ] = None,
) -> None:
    """Draw a flowchart: Mermaid on standard output, or an SVG file."""
    from alerting.flowchart import picture
    from tocsin.checking import read_chart

    chart = read_chart(file)
    if svg is None:
        sys.stdout.write(picture.mermaid(chart) + "\n")
    else:
        svg.write_text(picture.svg(chart), encoding="utf-8")
        say(f"{svg}: drawn.")
