"""A picture in two stages, as Imagen draws: a small one from words, then a larger one of it.

    python examples/imagen_cascade.py [PROMPT]
    python examples/imagen_cascade.py --stages IF-I-M-v1.0 IF-II-M-v1.0 [PROMPT]

Without --stages our own two draw, 32 pixels and 64. Its folders are two checkpoints in the form of
DeepFloyd's, 64 pixels and 256 in the published ones.

Each stage is a tool whose type has the size of its picture, so the check refuses a plan that has
the stages in the wrong order, before anything is drawn. Both plans here are written out, where a
model would write them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from agentkit import Agent
from agentkit.artifacts import FolderArtifacts
from agentkit.errors import PlanRefused
from agentkit.planners import Fixed
from agentkit.tools import generate_image_cascade
from agentkit.tools.generate_image_cascade import STAGES

RIGHT = """
small = {draw}(prompt=asked, seed=7)
large = {enlarge}(image=small, prompt=asked, seed=7)
answer("Drawn.")
"""
WRONG = """
small = {draw}(prompt=asked, seed=7)
large = {enlarge}(image=small, prompt=asked, seed=7)
larger = {enlarge}(image=large, prompt=asked, seed=7)
answer("Drawn.")
"""


def main() -> None:
    """Draws what is asked, and shows what the check says of the stages in another order."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("prompt", nargs="*")
    arguments.add_argument("--stages", type=Path, nargs=2)
    given = arguments.parse_args()
    asked = {"asked": " ".join(given.prompt) or "red apple, noto style"}
    tools = generate_image_cascade(given.stages or STAGES)
    names = dict(zip(("draw", "enlarge"), (tool.name for tool in tools), strict=True))
    try:
        wrong = Fixed(WRONG.format(**names))
        Agent(tools=tools, planner=wrong, store="memory").run_sync("Draw.", inputs=asked)
    except PlanRefused as refused:
        print(refused)
    folder = Path("cascade")
    agent = Agent(tools=tools, planner=Fixed(RIGHT.format(**names)), store=folder)
    run = agent.run_sync("Draw.", inputs=asked)
    for name, handle in run.artifacts.items():
        path = folder / f"{name}.png"
        path.write_bytes(FolderArtifacts(folder / "artifacts").read(handle.sha256))
        print(f"{path}: {handle.preview}")


if __name__ == "__main__":
    main()
