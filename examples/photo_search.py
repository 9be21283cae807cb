"""Pictures found by what they show, and kept only where CLIP is sure of it.

    python examples/photo_search.py [FOLDER [WORDS ...]]

Without a folder it looks through a dozen drawings that agentkit's own CLIP was not trained on in
that style. Of photographs it knows nothing: name a published checkpoint with --model FOLDER.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.tools import files, image_text_similarity, label_image, search_images

DRAWINGS = Path(__file__).parent / "data" / "drawings"
WORDS = ["lemon", "ferris wheel", "castle"]

PLAN = Fixed("""
found = search_images(query=wanted, k=2)
picture = found.pictures[0]
seen = image_text_similarity(image=picture.image, text=wanted)
if seen.sureness > 0.5:
    kept = write_file(path=f"{wanted}.md", text=f"{wanted}: {picture.source}")
labels = label_image(image=picture.image)
sure = f"{picture.source}, kept; {found.texts[0].source} tells of it in {found.texts[0].location}"
near = f"nothing surely; nearest is {picture.source}, perhaps a {labels[0].label}"
answer(f"{sure if seen.sureness > 0.5 else near}")
""")


def found(folder: Path, wanted: str, model: str | Path, place: Path) -> str:
    """The answer for one wish; the index is kept for the next, beside what was found."""
    tools = [
        search_images(folder, index=place / "index", model=model),
        image_text_similarity(model=model),
        label_image(model=model),
        *files(place),
    ]
    run = Agent(tools=tools, planner=PLAN, store="memory").run_sync(
        f"Find {wanted}", inputs={"wanted": wanted}
    )
    return str(run.answer)


def main() -> None:
    """Looks for each of the words in turn."""
    parser = argparse.ArgumentParser(description="pictures by what they show")
    parser.add_argument("folder", type=Path, nargs="?", default=DRAWINGS)
    parser.add_argument("words", nargs="*", default=WORDS)
    parser.add_argument("--model", default="clip-icons", help="the folder of a checkpoint of CLIP")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for wanted in given.words:
            print(f"{wanted}: {found(given.folder, wanted, given.model, Path(place))}")


if __name__ == "__main__":
    main()
