"""Draws the pictures of the documentation anew: `python -m docs.make_pictures`. Needs Debian's chromium.

All of them show what the program shows: the demo's story, the demo's page as the stand-in for Slack renders it, its
review, the shipped flowchart, and the console of a running service while an outage goes on. `--console` takes the
pictures of the console alone.
"""

import asyncio
import io
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import ViewportSize, async_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from alerting.flowchart import picture
from alerting.message import card
from alerting.view import WAKES
from stream.sources.text_store import TextStore
from tests.console import living, pictures
from tests.fakes.slack.ledger import Message
from tests.fakes.slack.server import FakeSlack
from tocsin.checking import read_chart
from tocsin.demo import DEMO_BRAND, run_demo
from tocsin.demo_story import Story, tell_story, with_posts
from tocsin.journal import open_existing
from tocsin.reviewing import incidents, review, write
from tocsin.settings import shipped_chart_path

PICTURES = Path(__file__).parent / "pictures"
CHROMIUM = "chromium"
DOTS = """() => {
  const colours = {'🟠': '#e8912d', '🟢': '#2f9e44', '🔴': '#c92a2a'}
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (const text of [...function* () { while (texts.nextNode()) yield texts.currentNode }()]) {
    const parts = text.data.split(/(🟠|🟢|🔴)/)
    text.replaceWith(...parts.map(part => {
      if (!(part in colours)) return part
      const dot = document.createElement('span')
      dot.style.color = colours[part]
      dot.textContent = '●'
      return dot
    }))
  }
}"""
"""A machine that draws pictures may have no font with emoji, and would show a box."""
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own frame without its fonts, which a picture in a README may not load from elsewhere."""


def main() -> int:
    """Draw all pictures; 1 if there is no chromium."""
    if shutil.which(CHROMIUM) is None:
        print("chromium is not installed: no picture was drawn", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    _console()
    if sys.argv[1:] == ["--console"]:
        return 0
    chart = read_chart(shipped_chart_path())
    (PICTURES / "flowchart.svg").write_text(picture.svg(chart), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "demo"
        silent = Console(file=io.StringIO(), width=80)
        run_demo(1, directory, silent, silent)
        story = Story(chart=chart, timezone=DEMO_BRAND.timezone, beginnings=[])
        journal = open_existing(directory / "journal.db")
        for recorded in journal.decisions():
            story.hear(recorded.decision)
        journal.close()
        _terminal(story)
        texts = TextStore(directory / "texts.db")
        asyncio.run(_card(story, texts))
        texts.close()
        asyncio.run(_review(directory))
    return 0


def _console() -> None:
    """The console on a phone and at a desk."""
    with tempfile.TemporaryDirectory() as past:
        asyncio.run(pictures.take(living.prepared(Path(past), pictures.SEED), PICTURES))


def _terminal(story: Story) -> None:
    """The story as a terminal shows it, without the page, of which there is a picture of its own."""
    console = Console(file=io.StringIO(), record=True, width=80, force_terminal=True, color_system="standard")
    tell_story(console, story, None)
    drawn = console.export_svg(title="tocsin demo", theme=DIMMED_MONOKAI, code_format=SVG, unique_id="demo")
    (PICTURES / "demo.svg").write_text(drawn, encoding="utf-8")


async def _card(story: Story, texts: TextStore) -> None:
    """The first page of the crisis, as the stand-in for Slack shows it."""
    first = next(one for moments in story.incidents.values() for one in moments if one.decision.kind in WAKES)
    async with FakeSlack(port=0) as slack:
        shown = card(with_posts(first.view, texts), "<@U1> <@U2>")
        message = Message("C1", slack.ledger.next_ts(), slack.ledger.clock(), shown.text, blocks=shown.blocks)
        slack.ledger.add(message)
        await _shoot(slack.page_url, message.ts, PICTURES / "page.png")


async def _review(directory: Path) -> None:
    """The head of the crisis's review, down to its picture."""
    incident = next(one.incident for one in incidents(directory / "journal.db") if one.woken)
    page = directory / "review.html"
    write(review(directory / "journal.db", incident, counterfactual=False), page, "html")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=["--no-sandbox"])
        shown = await browser.new_page(viewport={"width": 1040, "height": 2000}, color_scheme="light")
        await shown.goto(page.as_uri())
        box = await shown.locator("figure").bounding_box()
        height = (box["y"] + box["height"] if box else 900) + 24
        await shown.screenshot(path=PICTURES / "review.png", clip={"x": 0, "y": 0, "width": 1040, "height": height})
        await browser.close()


async def _shoot(url: str, ts: str, to: Path) -> None:
    """The message alone, on a light page wide enough for two columns of figures."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(CHROMIUM), args=["--no-sandbox"])
        view: ViewportSize = {"width": 1360, "height": 2000}
        page = await browser.new_page(viewport=view, color_scheme="light")
        await page.goto(url)
        await page.evaluate(DOTS)
        await page.locator(f'[id="m-{ts}"]').screenshot(path=to)
        await browser.close()


if __name__ == "__main__":
    sys.exit(main())
