"""From a recording to an illustrated page: what is said, what the documents know of it, a drawing.

    python examples/podcast_card.py [RECORDING DOCUMENTS]

The drawing's subject is taken out of what was said, drawn four times, and CLIP says which of them
fits best; where none does, the page has none. The page is card.html. Everything runs on this
machine; our own generator of pictures is a small one, so name a published checkpoint for better.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

from agentkit import Agent, Image, tool
from agentkit.planners import Fixed
from agentkit.tools import generate_image, image_text_similarity, search

DATA = Path(__file__).parent / "data"
SURE = 0.5
WHICH = "Which did the speaker use: automobile, bus, train, bicycle or airplane? Say one word."
PLAN = """
talk = transcribe(audio=recording)
facts = search(query=talk.text, k=2)
thing = ask(question=which, about=talk.text)
drawn = [generate_image(prompt=f"{thing}, noto style", seed=seed) for seed in [1, 2, 3, 4]]
fits = [image_text_similarity(image=one.image, text=thing).sureness for one in drawn]
best = max(fits)
chosen = [one.image for one, sure in zip(drawn, fits) if sure == best]
found = [f"{one.text} ({one.source})" for one in facts]
page = card(title=thing, said=talk.text, facts=found, picture=chosen[0], sureness=best)
answer(f"{page}: {thing}, drawn with a sureness of {best}.")
"""


@tool(effect="write")
def card(title: str, said: str, facts: list[str], picture: Image, sureness: float) -> str:
    """Write the page. The picture is on it where it shows what it should."""
    data = b64encode(picture.read_bytes()).decode()
    image = f'<img alt="{escape(title)}" src="data:image/png;base64,{data}" width="256">'
    parts = [image if sureness >= SURE else "", f"<blockquote>{escape(said)}</blockquote>"]
    parts += [f"<p>{escape(fact)}</p>" for fact in facts]
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title>'
    Path("card.html").write_text("\n".join([head, f"<h1>{escape(title)}</h1>", *parts]), "utf-8")
    return "card.html"


def main(recording: Path, documents: Path) -> None:
    """One card."""
    tools: list[Any] = ["transcribe", "ask", card, search(documents)]
    tools += [generate_image(), image_text_similarity()]
    agent = Agent(tools=tools, planner=Fixed(PLAN))
    inputs = {"recording": recording, "which": WHICH}
    run = agent.run_sync("An illustrated page of a recording.", inputs=inputs)
    print(run.answer)


if __name__ == "__main__":
    given = [*map(Path, sys.argv[1:])]
    main(*(given or [DATA / "trip.flac", DATA / "handbook"]))
