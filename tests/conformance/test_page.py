"""The server's page in a browser: looked at while runs go on, and used as a person does."""

from __future__ import annotations

import io
import json
import re
import wave
from collections.abc import AsyncGenerator
from typing import Any

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is not installed")
from playwright.async_api import FilePayload, Page, expect

from tests.conformance.browser import TOKEN, Shown, browsing, shown
from tests.conformance.outside import node_modules
from tests.conformance.page_agents import MANY
from tests.huge import LONG, ROWS, SOME
from tests.report.test_hostile import HOSTILE, MARK

pytestmark = pytest.mark.anyio
MOST_SENT = 500_000
"""Characters that a browser gets of a run, whatever a result has."""

AT_ONCE = 256
"""Steps that run at once, at most."""

AXE = "axe-core@4.14.1"
EXPECTED = ("Failed to load resource", "[object Event]")
"""What a browser complains of where a page says no, or the wire is cut: a part of the tests."""

PLAY = """audio => new Promise((done, no) => {
  audio.onended = () => done(audio.currentTime); audio.onerror = no; audio.play() })"""
ACTING = """() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes])
  .filter(({ name, value }) => name.startsWith('on') || name === 'style'
    || (['src', 'href', 'action', 'srcset'].includes(name) && !/^([/#]|data:)/.test(value)))
  .map(({ name, value }) => name + ' ' + value)"""
"""Attributes that run, paint or lead elsewhere."""

WATCH = """() => {
  window.took = []; let began = 0;
  addEventListener('htmx:sseBeforeMessage', () => { began = performance.now() });
  addEventListener('htmx:sseMessage', () => {
    document.body.offsetHeight; window.took.push(performance.now() - began) });
}"""


@pytest.fixture
async def at() -> AsyncGenerator[Shown]:
    async with shown() as running:
        yield running


@pytest.fixture
async def page(at: Shown) -> AsyncGenerator[Page]:
    """A browser that was let in. What its console complains of fails the test."""
    async with browsing() as browser:
        page = await browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        foreign: list[str] = []
        page.on(
            "request",
            lambda one: None if one.url.startswith((at.url, "data:")) else foreign.append(one.url),
        )
        await page.goto(f"{at.url}/?token={TOKEN}")
        await expect(page).to_have_url(f"{at.url}/")
        yield page
        assert foreign == []
        assert [one for one in wrong if not one.startswith(EXPECTED)] == []


async def start(page: Page, task: str, *files: FilePayload) -> str:
    """The id of a run that was started by the form."""
    await page.goto(re.sub(r"(//[^/]+/).*", r"\1", page.url))
    form = page.locator(".start")
    if await form.get_attribute("open") is None:
        await form.locator("summary").click()
    await form.get_by_label("Task").fill(task)
    if files:
        await form.get_by_label("Files").set_input_files([*files])
    await form.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/page/runs/*")
    return page.url.rpartition("/")[2]


async def numbers(page: Page) -> list[int]:
    """The events that the page lists, by their numbers."""
    texts = await page.locator(
        "#log > .event > .dim:first-child, #log > .event > summary > .dim:first-child"
    ).all_text_contents()
    return [int(text) for text in texts]


def recording() -> FilePayload:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 800))
    return {"name": "note.wav", "mimeType": "audio/wav", "buffer": sound.getvalue()}


async def test_a_run_is_watched_approved_and_forked(page: Page, at: Shown) -> None:
    at.gates.close("search_mail", "find_dates", "sum_up")
    run = await start(page, "What about the lease?")
    box = page.locator(".plan a[href='#s3']")
    await expect(box).to_have_class(re.compile("running"))
    await expect(page.get_by_role("status")).to_contain_text("1 of 5 steps ended")
    await page.locator("#row-s2 > summary").click()  # what is open stays open
    await page.reload()
    await expect(page.get_by_role("status")).to_contain_text("1 of 5 steps ended")
    await page.locator("#row-s3 > summary").click()
    at.gates.open("find_dates")
    await expect(box).to_have_class(re.compile("value"))
    await expect(page.locator("#s3")).to_contain_text("31 March 2027")
    await expect(page.locator("#row-s3")).to_have_attribute("open", "")
    at.gates.open("search_mail")
    at.gates.open("sum_up")
    args = page.get_by_label("The call's arguments, exactly")
    await expect(args).to_have_value(re.compile("ann@example.com"))
    await args.fill((await args.input_value()).replace("ann@", "bob@"))
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#answer")).to_contain_text("sent to bob@example.com")
    events = await at.server.store.journal.events(run)
    assert await numbers(page) == [event.seq for event in events]
    await page.locator("#row-s2 > summary").click()
    await page.locator("#s2").get_by_role("link", name="Fork from here").click()
    await page.get_by_label("Arguments, as JSON").fill('{"name": "other.pdf"}')
    await page.get_by_role("button", name="Fork").click()
    await page.wait_for_url(lambda url: "fork" not in url and run not in url)
    await expect(page.locator("#steps")).to_contain_text("other.pdf")
    await expect(page.get_by_role("button", name="Deny")).to_be_visible()
    await page.get_by_label("Reason to deny").fill("not today")
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator("#steps")).to_contain_text("not today")


async def test_nothing_is_missed_or_doubled_when_the_wire_is_cut(page: Page, at: Shown) -> None:
    at.gates.close("search_mail", "read_contract", "find_dates")
    run = await start(page, "What about the lease?")
    await expect(page.locator("#row-s2 > summary")).to_contain_text("running")
    async with page.expect_event("requestfailed"):
        at.wire.cut()
    for gate in ("read_contract", "find_dates"):
        at.gates.open(gate)
    at.wire.mend()
    await expect(page.locator("#row-s3 > summary")).to_contain_text("done")
    at.wire.cut()
    at.gates.open("search_mail")
    at.wire.mend()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    events = await at.server.store.journal.events(run)
    assert await numbers(page) == [event.seq for event in events]


async def test_a_run_is_cancelled_and_gone_on_with(page: Page, at: Shown) -> None:
    at.gates.close("read_contract")
    await start(page, "What about the lease?")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".status")).to_contain_text("cancelled")
    at.gates.open("read_contract")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()


async def test_a_chat_takes_a_recording_and_asks_for_approval(page: Page, at: Shown) -> None:
    await page.get_by_role("link", name="Chat with office").click()
    await page.get_by_label("Message").fill("Keep the recording")
    await page.get_by_label("A recording").set_input_files(recording())
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".turn")).to_contain_text("The recording is kept.")
    await page.locator(".how > summary").click()
    await page.locator("#row-t0-s1 > summary").click()
    sound = page.locator("#t0-s1 audio")
    assert await sound.evaluate(PLAY) == pytest.approx(0.1, abs=0.02)
    await page.get_by_label("Message").fill("And the lease?")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator(".turn").nth(1)).to_contain_text("sent to ann@example.com")
    assert "/page/chat/office/page-" in page.url


async def test_three_hundred_steps(page: Page, at: Shown) -> None:
    at.gates.close(*(f"tick {n}" for n in range(1, MANY + 1)))
    run = await start(page, "Do many things")
    await expect(page.get_by_role("status")).to_contain_text(f"of {MANY} steps", timeout=30_000)
    await expect(page.locator(".plan .running")).to_have_count(AT_ONCE)
    await page.evaluate(WATCH)
    for n in range(1, 21):
        at.gates.open(f"tick {n}")
        await expect(page.get_by_role("status")).to_contain_text(f": {n} of {MANY} steps ended")
    took = sorted(await page.evaluate("took"))
    print(
        f"\n{MANY} steps: an update takes {took[len(took) // 2]:.0f} ms, at most {took[-1]:.0f} ms"
    )
    assert took[-1] < 100
    for n in range(21, MANY + 1):
        at.gates.open(f"tick {n}")
    await expect(page.locator(".status")).to_contain_text("answered", timeout=30_000)
    events = await at.server.store.journal.events(run)
    assert await numbers(page) == [event.seq for event in events]


async def test_hostile_text_does_nothing_in_a_browser(page: Page, at: Shown) -> None:
    await page.add_init_script(
        f"window.{MARK} = () => {{ window.acted = true }}; window.alert = window.{MARK}"
    )
    run = await start(page, f"hostile {HOSTILE}")
    await expect(page.locator("#answer")).to_contain_text(f"<script>{MARK}()</script>")
    title = await page.title()
    await page.locator("#row-s1 > summary").click()
    await expect(page.locator("#s1")).to_contain_text("\\x1b]8;;")
    await page.get_by_role("link", name="Chat with office").click()
    await page.get_by_label("Message").fill(f"hostile {HOSTILE}")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".turn")).to_contain_text(f"![{MARK}](https://{MARK}.example/a.png)")
    for path in ("/", f"/page/runs/{run}", f"/page/runs/{run}/fork?node=a", "/page/chat/office"):
        await page.goto(at.url + path)
        await page.locator("body").hover()
        assert await page.evaluate(ACTING) == [], path
        assert await page.evaluate("window.acted") is None
    assert title.startswith("hostile <script>")
    assert len(page.context.pages) == 1


async def test_ten_megabytes_leave_the_page_at_work(page: Page, at: Shown) -> None:
    at.gates.close("much")
    run = await start(page, "Ten megabytes")
    await expect(page.locator("#row-s1 > summary")).to_contain_text(f"{ROWS} items")
    await page.evaluate(
        """() => { window.came = 0;
          addEventListener('htmx:sseMessage', one => { window.came += one.detail.data.length }) }"""
    )
    at.gates.open("much")
    await expect(page.locator(".status")).to_contain_text("answered", timeout=30_000)
    assert 0 < await page.evaluate("came") < MOST_SENT
    assert len(await page.content()) < MOST_SENT
    await page.locator("#row-s2 > summary").click()
    cut = page.locator("#s2 .cut").first
    await expect(cut).to_contain_text(f"Shown: 12,000 of {len(LONG):,} characters.")
    async with page.expect_download() as saving:
        await cut.get_by_role("link", name="All of it").click()
    saved = await saving.value
    assert saved.suggested_filename == f"{run}-text.jsonl"
    lines = (await saved.path()).read_text("utf-8").splitlines()  # noqa: ASYNC240
    assert json.loads(lines[-1])["data"]["value"] == LONG


async def test_ten_megabytes_leave_a_chat_at_work(page: Page, at: Shown) -> None:
    await page.get_by_role("link", name="Chat with office").click()
    await page.get_by_label("Message").fill("Ten megabytes")
    await page.get_by_role("button", name="Send").click()
    turn = page.locator(".turn")
    await expect(turn.first).to_contain_text(f"of {len(SOME):,} characters", timeout=30_000)
    assert len(await page.content()) < MOST_SENT
    await page.get_by_label("Message").fill("Good morning")
    await page.get_by_role("button", name="Send").click()
    await expect(turn.nth(1)).to_contain_text("You said: Good morning")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_serious_fault(page: Page, at: Shown, scheme: Any) -> None:
    axe = (node_modules(AXE) / "axe-core" / "axe.min.js").read_text("utf-8")
    await page.emulate_media(color_scheme=scheme)
    run = await start(page, "What about the lease?")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    for step in ("s1", "s5"):
        await page.locator(f"#row-{step} > summary").click()
    found = {"run": await _faults(page, axe)}
    await page.goto(f"{at.url}/page/chat/office")
    await page.get_by_label("Message").fill("The lease?")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    found["chat"] = await _faults(page, axe)
    for path in (
        "/",
        f"/page/runs/{run}/fork?node=contract",
        "/page/chat/office",
        "/page/runs/none",
    ):
        await page.goto(at.url + path)
        found[path] = await _faults(page, axe)
    await page.context.clear_cookies()
    await page.goto(at.url)
    found["door"] = await _faults(page, axe)
    assert {where: faults for where, faults in found.items() if faults} == {}


async def _faults(page: Page, axe: str) -> list[str]:
    await page.evaluate(axe)
    found = await page.evaluate("axe.run()")
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
