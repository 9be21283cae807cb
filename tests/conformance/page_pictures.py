"""Draws docs/pictures/page-*.png anew: `python -m tests.conformance.page_pictures`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.conformance.browser import TOKEN, Shown, browsing, shown

HERE = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZE: Any = {"width": 1000, "height": 960}


async def draw() -> None:
    """The list, a run that goes on, a step, a chat; each in light and in dark."""
    async with shown() as at, browsing() as browser:
        page = await browser.new_page(viewport=SIZE)
        await page.goto(f"{at.url}/?token={TOKEN}")
        for task in ("Hello", "What does the lease say, and when does it end?"):
            await _start(page, at, task)
        await page.goto(f"{at.url}/page/chat/office")
        await _say(page, "Hello")
        await _say(page, "When does the lease end? Tell Ann.")
        await expect(page.get_by_role("button", name="Approve")).to_be_visible()
        await page.reload()
        await page.evaluate("scrollTo(0, 0)")
        await _both(page, "chat")
        at.gates.close("sum_up")
        run = await _start(page, at, "Tell Ann when the lease ends")
        await expect(page.locator(".plan .running")).to_be_visible()
        await _both(page, "run")
        await page.locator(".step > summary", has_text="find_dates").click()
        await page.evaluate("document.querySelector('.step[open]').scrollIntoView()")
        await _both(page, "step")
        await page.goto(at.url)
        await _both(page, "list")
        at.gates.open("sum_up")
        await at.server.live.at_rest(run)


async def _start(page: Page, at: Shown, task: str) -> str:
    await page.goto(at.url)
    form = page.locator(".start")
    if await form.get_attribute("open") is None:
        await form.locator("summary").click()
    await form.get_by_label("Task").fill(task)
    await form.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/page/runs/*")
    return page.url.rpartition("/")[2]


async def _say(page: Page, text: str) -> None:
    await page.get_by_label("Message").fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".turn").last).to_contain_text(text)


async def _both(page: Page, name: str) -> None:
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        ending = "-dark" if scheme == "dark" else ""
        await page.screenshot(path=HERE / f"page-{name}{ending}.png")


if __name__ == "__main__":
    asyncio.run(draw())
