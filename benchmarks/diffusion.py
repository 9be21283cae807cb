"""Whether the pictures drawn here show what was asked, on captions that were not trained on.

    python benchmarks/diffusion.py [--check] [--each 48] [--model FOLDER] [--cascade FOLDER FOLDER]

Asked are pairs of thing and style that were held out (the thing is known in another style), and
things never seen. Two judges look: our CLIP, which has the text encoder that the pictures were
drawn with, and a linear probe on an encoder of photographs that has nothing to do with either.
Beside what is drawn they see the held-out drawings themselves, pictures drawn from no words, and
the drawing trained on whose caption is nearest.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from table import Row, exit_code, show

from agentkit.models.place import cache_folder
from agentkit.tools import generate_image, generate_image_cascade
from agentkit.tools.clip import CLIP
from agentkit.tools.generate_image_cascade import STAGES

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.second_judge import Judge, kernel_distance  # noqa: E402 - from beside agentkit
from training.drawings import Drawing, Drawings, Split, load, sheet  # noqa: E402

NOTHING = "a drawing"
"""The prompt of those drawn from no words; guidance of 1 leaves it out."""

Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judges:
    """Both judges, and the drawings with their captions as CLIP sees them."""

    clip: CLIP
    probe: Judge
    drawings: Drawings
    captions: NDArray[np.float32]


def asked(judges: Judges, split: Split, each: int) -> tuple[list[int], list[Drawing]]:
    """So many drawings of a part, always the same: their rows, and what they are."""
    rows = judges.drawings.rows(split)
    order = np.random.default_rng(0).permutation(len(rows))[:each]
    chosen: list[int] = rows[order].tolist()
    return chosen, [judges.drawings.all[row] for row in chosen]


def caption(one: Drawing) -> str:
    """What is asked for."""
    return f"{one.name}, {one.style} style"


def decoded(data: bytes) -> Pixels:
    """A PNG file as uint8 (height, width, 3)."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def named(
    judges: Judges, pixels: Pixels, meant: Sequence[Drawing], rows: Rows
) -> tuple[float, float]:
    """The shares of pictures whose own name is first, and among the first five, of the names of
    all drawings at these rows, for CLIP."""
    from PIL import Image

    names = sorted({judges.drawings.all[int(row)].name for row in rows})
    texts = np.asarray(judges.clip.embed(names))
    seen = np.asarray(judges.clip.embed_pictures([Image.fromarray(one) for one in pixels]))
    order = np.argsort(-seen @ texts.T, axis=1, kind="stable")
    own = np.array([names.index(one.name) for one in meant])[:, None]
    return float((order[:, :1] == own).mean()), float((order[:, :5] == own).any(1).mean())


def judged(judges: Judges, what: str, pixels: Pixels, meant: Sequence[Drawing], rows: Rows) -> Row:
    """One line: all that both judges say of these pictures."""
    one, five = named(judges, pixels, meant, rows)
    features = judges.probe.encoder.features(pixels)
    told = [f"{kind} {judges.probe.right(features, meant, kind):.0%}" for kind in Judge.KINDS]
    held = judges.probe.known[judges.drawings.rows("pair", "name")]
    distance, deviation = kernel_distance(features, held)
    told += [f"KID {distance:.0f} ± {deviation:.0f}"]
    figure = f"name {one:.0%}, in five {five:.0%}; {', '.join(told)}"
    return Row(what, figure)


def nearest(judges: Judges, meant: Sequence[Drawing]) -> Pixels:
    """The drawings trained on whose captions are nearest to the ones asked for."""
    rows = judges.drawings.rows("train")
    asked = np.asarray(judges.clip.embed([caption(one) for one in meant]))
    best = (asked @ judges.captions[rows].T).argmax(1)
    return judges.drawings.pixels[rows[best]]


def part(judges: Judges, draw: Any, split: Split, what: str, each: int) -> Iterator[Row]:
    """One part of the captions: what is drawn, beside what it is compared with."""
    rows, (chosen, meant) = judges.drawings.rows(split), asked(judges, split, each)
    began = time.perf_counter()
    drawn = [decoded(draw(prompt=caption(one), seed=n).image) for n, one in enumerate(meant)]
    took = (time.perf_counter() - began) / len(meant)
    blind = [decoded(draw(prompt=NOTHING, seed=n, guidance=1.0).image) for n in range(len(meant))]
    for whose, pixels in (
        ("drawn", np.stack(drawn)),
        ("the held-out drawings", judges.drawings.pixels[chosen]),
        ("drawn from no words", np.stack(blind)),
        ("the nearest trained on", nearest(judges, meant)),
    ):
        yield judged(judges, f"{what} ({len(meant)}): {whose}", pixels, meant, rows)
    yield Row(f"{what}: seconds a picture", f"{took:.2f}")


def enlarging(judges: Judges, enlarge: Any, folder: Path) -> Iterator[Row]:
    """All held-out drawings made small and enlarged again, by the cascade and by bicubic."""
    from PIL import Image

    rows = judges.drawings.rows("pair")
    chosen: list[int] = rows.tolist()
    true, meant = judges.drawings.pixels[chosen], [judges.drawings.all[row] for row in chosen]
    made: list[Pixels] = []
    plain: list[Pixels] = []
    for n, (one, pixels) in enumerate(zip(meant, true, strict=True)):
        small = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BOX)
        small.save(folder / "small.png")
        made.append(decoded(enlarge(image=folder / "small.png", prompt=caption(one), seed=n)))
        plain.append(np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC)))
    likeness = [_decibels(np.stack(pixels), true) for pixels in (made, plain)]
    for whose, pixels in (("the cascade", made), ("bicubic", plain), ("not made small", [*true])):
        what = f"32 to 64 pixels ({len(meant)}): {whose}"
        yield judged(judges, what, np.stack(pixels), meant, rows)
    what = "nearer to the drawing than bicubic, decibels"
    yield Row(what, f"{likeness[0]:.1f} and {likeness[1]:.1f}", likeness[0] > likeness[1])


def _decibels(pixels: Pixels, true: Pixels) -> float:
    """The peak signal-to-noise ratio over all pictures together."""
    return float(10 * np.log10(255**2 / np.square(pixels.astype(float) - true).mean()))


def whole(judges: Judges, tools: Sequence[Any], each: int, folder: Path) -> Iterator[Row]:
    """The cascade from words."""
    rows, (_, meant) = judges.drawings.rows("pair"), asked(judges, "pair", each)
    began, made = time.perf_counter(), list[Pixels]()
    for n, one in enumerate(meant):
        (folder / "drawn.png").write_bytes(tools[0](prompt=caption(one), seed=n))
        large = tools[1](image=folder / "drawn.png", prompt=caption(one), seed=n)
        made.append(decoded(large))
    took = (time.perf_counter() - began) / len(meant)
    yield judged(judges, f"the cascade from words ({len(meant)})", np.stack(made), meant, rows)
    yield Row("the cascade: seconds a picture", f"{took:.2f}")


def grid(judges: Judges, draw: Any, path: Path) -> None:
    """Six rows of eight held-out pairs; things never seen in two rows of a file beside it."""
    from PIL import Image

    unseen = path.with_stem(f"{path.stem}-unseen")
    parts: tuple[tuple[Path, Split, int], ...] = ((path, "pair", 48), (unseen, "name", 16))
    for place, split, count in parts:
        meant = asked(judges, split, count)[1]
        pictures = [decoded(draw(prompt=caption(one), seed=n).image) for n, one in enumerate(meant)]
        Image.fromarray(sheet(pictures, 8)).save(place)
        for at in range(0, len(meant), 8):
            print(" | ".join(caption(one) for one in meant[at : at + 8]))


def main() -> int:
    """Print the table."""
    import tempfile

    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--each", type=int, default=24, help="pictures of each cell")
    arguments.add_argument("--drawings", type=Path, default=cache_folder().parent / "drawings")
    arguments.add_argument("--model", default="diffusion-icons")
    arguments.add_argument("--cascade", type=Path, nargs=2, default=STAGES,
                           help="folders of its two stages")  # fmt: skip
    arguments.add_argument("--steps", type=int, default=25)
    arguments.add_argument("--guidance", type=float, default=4.0)
    arguments.add_argument("--grid", type=Path, help="also draw 48 pictures into this file")
    given = arguments.parse_args()
    if not (given.drawings / "drawings.npz").exists():
        print("no drawings; make them once: python -m training.drawings")
        return 0
    text = None if "/" not in given.model else "clip-icons"
    draw = generate_image(model=given.model, text_encoder=text, steps=given.steps,
                          guidance=given.guidance)  # fmt: skip
    drawings, clip = load(given.drawings), CLIP()
    captions = np.asarray(clip.embed([caption(one) for one in drawings.all]))
    judges = Judges(clip, Judge(drawings), drawings, captions)
    if given.grid:
        grid(judges, draw, given.grid)
    rows = [*part(judges, draw, "pair", "known thing, new style of it", given.each)]
    rows += part(judges, draw, "name", "thing never seen", given.each)
    show("Latent diffusion", rows)
    with tempfile.TemporaryDirectory() as place:
        tools = generate_image_cascade(given.cascade, text_encoder="clip-icons")
        more = [*enlarging(judges, tools[1], Path(place)),
                *whole(judges, tools, given.each, Path(place))]  # fmt: skip
    show("Cascade", more)
    rows += more
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    raise SystemExit(main())
