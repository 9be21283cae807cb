"""The tools `label_image` and `image_text_similarity`: what a picture shows, by CLIP.

Nothing is trained for the labels: each is compared with the picture as a text (zero-shot). As a
verifier `image_text_similarity` looks at what another node made, and a plan goes on from it:

    made = generate_image(prompt="a red apple")
    seen = image_text_similarity(image=made, text="a red apple")
    if seen.sureness > 0.5:
        page = write_file(path="apple.txt", text="an apple it is")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError, UsageError
from agentkit.media import Image
from agentkit.tool import Tool, tool
from agentkit.tools.checkpoint import Named
from agentkit.tools.clip import BATCH, CLIP, DEFAULT, probabilities
from agentkit.tools.pictures import open_picture

_MOST_LABELS = 1000
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label; `score` from 0 to 1 says how surely it is this one of all that were asked for."""

    label: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """How well a text fits a picture: the cosine of their vectors, and `sureness`, from 0 to 1: the
    probability that the text is the picture's and not one of some hundred everyday things.

    What cosine is a good one differs from model to model; sureness can be compared with 0.5.
    """

    cosine: float
    sureness: float


def label_image(
    labels: Sequence[str] | None = None, *, model: Named = DEFAULT, device: str | None = None
) -> Tool[Any, Any]:
    """A tool that says which of the labels fit a picture, the surest first.

    With `labels` they are fixed, and calls that meet are made at once. Without, each call names its
    own, or has some hundred everyday things. `model` is a name in the catalogue or the folder of
    any checkpoint of CLIP. Raises `UsageError` for no labels, for one twice, or for more than 1000.

    label_image(["cat", "dog"])(image=[Path("rex.png")])
    """
    clip = CLIP(model, device=device)
    if labels is None:
        return _free_labels(clip)
    fixed = checked(labels, "label_image")

    @tool(name="label_image", effect="pure", cache=_kept(clip, fixed), trusted=False, batch=BATCH,
          timeout_s=300.0, expected_s=0.1, cost=FREE)  # fmt: skip
    def label_by_fixed(image: list[Image]) -> list[list[Label] | Exception]:
        """Say what a picture shows: the labels that fit, the surest first, with scores.

        Args:
            image: The picture.
        """
        seen = [_glance(clip, path) for path in image]
        found = iter(labelled(clip, [one for one in seen if not _failed(one)], fixed))
        return [one if _failed(one) else next(found) for one in seen]

    return label_by_fixed


def _free_labels(clip: CLIP) -> Tool[Any, Any]:
    @tool(name="label_image", effect="pure", cache=clip.name, trusted=False,
          timeout_s=300.0, expected_s=0.2, cost=FREE)  # fmt: skip
    def label(
        image: Image,
        labels: Annotated[list[str] | None, Field(max_length=_MOST_LABELS)] = None,
    ) -> list[Label]:
        """Say what a picture shows: the labels that fit, the surest first, with scores.

        Args:
            image: The picture.
            labels: What it may show, such as ["cat", "dog"]; everyday things if left out.
        """
        asked = tuple(dict.fromkeys(one.strip() for one in labels or everyday()))
        if not all(asked):
            raise ToolError("labels: expected words, came an empty text among them")
        return labelled(clip, [clip.glance(open_picture(image))], asked)[0]

    return label


def image_text_similarity(*, model: Named = DEFAULT, device: str | None = None) -> Tool[Any, Any]:
    """A tool that says how well a text fits a picture; a plan can branch on it.

    image_text_similarity()(image=Path("apple.png"), text="a red apple").sureness
    """
    clip = CLIP(model, device=device)

    @tool(name="image_text_similarity", effect="pure", cache=clip.name, trusted=False,
          timeout_s=300.0, expected_s=0.2, cost=FREE)  # fmt: skip
    def compare(image: Image, text: str) -> Similarity:
        """Say how well a text fits a picture, to check what a picture shows: sureness 0 to 1.

        Args:
            image: The picture.
            text: What it may show, in a few words.
        """
        if not text.strip():
            raise ToolError("text: expected words, came an empty text")
        (seen,) = clip.embed_pictures([open_picture(image)])
        said = clip.embed([text])
        others = [
            vector
            for vector, word in zip(_vectors(clip, everyday()), everyday(), strict=True)
            if word.casefold() not in text.casefold()
        ]
        shares = probabilities([seen], [*said, *others], clip.sharpness)
        cosine = sum(a * b for a, b in zip(seen, said[0], strict=True))
        return Similarity(cosine=round(cosine, 4), sureness=round(float(shares[0, 0]), 4))

    return compare


def _glance(clip: CLIP, path: Path) -> Any:
    """What CLIP sees of the picture, or why it is none: that is its own call's failure."""
    try:
        return clip.glance(open_picture(path))
    except ToolError as error:
        return error


def _failed(seen: Any) -> bool:
    return isinstance(seen, ToolError)


def checked(labels: Sequence[str], who: str) -> tuple[str, ...]:
    """The labels. Raises `UsageError` where there are none, too many, an empty one or one twice."""
    if not 0 < len(set(labels)) == len(labels) <= _MOST_LABELS or not all(map(str.strip, labels)):
        raise UsageError(f"{who}: expected 1 to {_MOST_LABELS} different labels")
    return tuple(labels)


def labelled(clip: CLIP, glances: Sequence[Any], labels: tuple[str, ...]) -> list[list[Label]]:
    """Of what `CLIP.glance` gave, for each picture the labels that fit best, with their scores."""
    if not glances:
        return []
    shares = probabilities(clip.embed_glances(glances), _vectors(clip, labels), clip.sharpness)
    return [_surest(labels, row) for row in shares.tolist()]


def _surest(labels: Sequence[str], shares: Sequence[float]) -> list[Label]:
    ranked = sorted(zip(labels, shares, strict=True), key=lambda one: -one[1])[:_SHOWN]
    return [Label(label=label, score=round(share, 4)) for label, share in ranked]


@lru_cache(maxsize=8)
def _vectors(clip: CLIP, texts: tuple[str, ...]) -> list[list[float]]:
    """Vectors of labels, which are the same for many pictures."""
    return clip.embed(texts)


@lru_cache(maxsize=1)
def everyday() -> tuple[str, ...]:
    """Some hundred everyday things, which is what labels are where none are given."""
    text = (files("agentkit.tools") / "prompts" / "everyday.txt").read_text("utf-8")
    return tuple(text.split("\n"))[:-1]


def _kept(clip: CLIP, labels: tuple[str, ...]) -> str:
    return f"{clip.name} {'|'.join(labels)}"
