"""The tool `search_images`: pictures of a folder, and the texts beside them, by what they show.

Pictures and texts stand in one index, as CLIP sees them, and are asked for in words or by another
picture. Texts are nearer to texts than any picture is, whatever they say; so of each cosine that is
taken away which the average picture, or the average text, of the folder has with the query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agentkit.budget import FREE
from agentkit.errors import ToolError
from agentkit.media import Image
from agentkit.tool import Context, Tool, tool
from agentkit.tools.checkpoint import Named
from agentkit.tools.chunks import Chunk, split
from agentkit.tools.clip import CLIP, DEFAULT
from agentkit.tools.documents import SUFFIXES, read_document
from agentkit.tools.index import Contents, Index
from agentkit.tools.pictures import open_picture
from agentkit.tools.shelf import Shelf
from agentkit.tools.vectors import every

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
_TEXTS = tuple(one for one in SUFFIXES if one != ".pdf")
_PICTURE, _TEXT = (1.0, 0.0), (0.0, 1.0)
"""Two numbers behind each vector say which kind it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A picture that fits. `score` says how much nearer to the query it is than the average picture
    of the folder: only the order means something. `image` can be given to other tools."""

    source: str
    score: float
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A passage of a text that fits, with the score of texts likewise."""

    source: str
    score: float
    location: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """Pictures and passages, the best first; the scores of both can be compared.

    `unread` says which files could not be read, and why; else it is empty.
    """

    pictures: list[Seen]
    texts: list[Told]
    unread: str


def search_images(
    folder: str | Path = ".",
    *,
    index: str | Path = ".agentkit/index",
    model: Named = DEFAULT,
    device: str | None = None,
) -> Tool[Any, Any]:
    """A tool that finds pictures, and passages of .md and .txt files, below a folder.

    The vectors are kept below `index` and brought in step with the folder at each call: only what
    changed is looked at again. `model` is a name in the catalogue or the folder of any checkpoint
    of CLIP; ours knows drawings of named things, not photographs. Raises `UsageError` if `folder`
    is not a folder.

    search_images("photos")(query="a dog on a beach").pictures[0].source
    """
    root, eye = Path(folder).resolve(), _Eye(CLIP(model, device=device))
    shelf = Shelf(root, index=index, contents=eye.contents, who="search_images")

    @tool(name="search_images", effect="read", trusted=False, timeout_s=900.0, expected_s=0.3,
          cost=FREE)  # fmt: skip
    def look(
        query: str = "",
        like: Image | None = None,
        k: Annotated[int, Field(ge=1, le=50)] = 5,
        *,
        context: Context | None = None,
    ) -> Sights:
        """Search the pictures, and the texts beside them, for what is shown or told.

        Args:
            query: What to look for, in words; leave it out to search by a picture.
            like: A picture, to find others like it.
            k: How many of each to give, best first.
        """
        if bool(query.strip()) == (like is not None):
            raise ToolError("expected either query, in words, or like, a picture; give one of them")

        def tell(done: int, total: int) -> None:
            if context is not None:
                context.progress(done, total, "pictures")

        current = shelf.current(tell)
        vector = eye.asked(query, like, current)
        meaning = current.by_meaning([vector], k)
        return _sights(root, current.best(meaning, {}, len(meaning)), k, current.problems)

    return look


class _Eye:
    """CLIP as an embedder of pictures and texts that tells the two kinds apart."""

    def __init__(self, clip: CLIP) -> None:
        self._clip = clip

    @property
    def name(self) -> str:
        return f"{self._clip.name}, two kinds"

    @property
    def dimensions(self) -> int:
        return self._clip.dimensions + 2

    @property
    def contents(self) -> Contents:
        """What the index of a folder holds."""
        return Contents(
            kind="sights",
            suffixes=(*_PICTURES, *_TEXTS),
            advice="there are no pictures in {folder!r}; put .png, .jpg or .webp files there",
            embedder=self,
            by_text=False,
            read=_passages,
            embed=self.embed_passages,
        )

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[*vector, *_TEXT] for vector in self._clip.embed(texts)]

    def embed_passages(self, passages: Sequence[tuple[Path, Chunk]]) -> list[list[float]]:
        """Each in its kind: a picture is opened once more, one at a time."""
        pictures = [path for path, _ in passages if _is_picture(path)]
        glances = [self._clip.glance(open_picture(path)) for path in pictures]
        seen = iter(self._clip.embed_glances(glances))
        said = iter(self.embed([one.text for path, one in passages if not _is_picture(path)]))
        return [
            [*next(seen), *_PICTURE] if _is_picture(path) else next(said) for path, _ in passages
        ]

    def asked(self, query: str, like: Path | None, index: Index) -> list[float]:
        """The vector of the query, whose last two numbers take away what is usual of each kind."""
        import numpy as np

        if like is None:
            (vector,) = self._clip.embed([query])
        else:
            (vector,) = self._clip.embed_pictures([open_picture(like)])
        usual = _averages(every(index.vectors)) @ np.asarray(vector)
        return [*vector, *(-usual).tolist()]


def _averages(rows: NDArray[Any]) -> NDArray[Any]:
    """The mean vector of the pictures and that of the texts: shape (2, dimensions)."""
    import numpy as np

    kinds = rows[:, -2:]
    means: NDArray[Any] = kinds.T @ rows[:, :-2] / np.maximum(kinds.sum(axis=0), 1)[:, None]
    return means


def _is_picture(path: Path) -> bool:
    return path.name.lower().endswith(_PICTURES)


def _passages(path: Path) -> list[Chunk]:
    """A picture is one passage, called by the words in its name; a text has several."""
    if not _is_picture(path):
        return split(read_document(path))
    open_picture(path)  # whether it is one: what is wrong with it is told with the others
    words = " ".join(re.findall(r"[^\W_]+", path.stem))
    return [Chunk(text=words, location="picture")]


def _sights(
    root: Path, hits: Sequence[tuple[float, str, Chunk]], k: int, problems: Mapping[str, str]
) -> Sights:
    pictures = [
        Seen(source=name, score=round(score, 4), image=root / name)
        for score, name, _ in hits
        if _is_picture(root / name)
    ]
    texts = [
        Told(source=name, score=round(score, 4), location=one.location, text=one.text)
        for score, name, one in hits
        if not _is_picture(root / name)
    ]
    named = "; ".join(f"{name}: {why}" for name, why in [*problems.items()][:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return Sights(pictures=pictures[:k], texts=texts[:k], unread=named + more)
