"""From a picture to words, and back to a picture.

    python examples/round_trip.py [PICTURE]

A captioner says what it sees, another model draws what was said, and both judges look again: the
captioner, and CLIP, which says how well the words fit what was drawn. All three are small and know
drawings alone; with published checkpoints by their folders the same plan does for photographs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from agentkit import Agent
from agentkit.planners import Fixed
from agentkit.tools import describe_image, generate_image, image_text_similarity

PICTURE = Path(__file__).parent / "data" / "drawings" / "01.png"
PLAN = """
seen = describe_image(image=picture)
drawn = generate_image(prompt=f"{seen.caption}, flat style", seed=1)
fits = image_text_similarity(image=drawn.image, text=seen.caption)
again = describe_image(image=drawn.image)
answer(f"It shows: {seen.caption} ({seen.confidence}). What was drawn from these words shows: "
       f"{again.caption} ({again.confidence}); the words fit it with {fits.sureness}.")
"""


def main(picture: Path) -> None:
    """One round."""
    agent = Agent(
        tools=[describe_image(), generate_image(), image_text_similarity()],
        planner=Fixed(PLAN),
        store="memory",
    )
    run = agent.run_sync("A round trip.", inputs={"picture": picture})
    print(run.answer)
    handle = cast("dict[str, Any]", run.outcomes["drawn"].value)["image"]
    print(f"drawn: {handle['name'] or handle['sha256'][:12]}, {handle['size_bytes']:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
