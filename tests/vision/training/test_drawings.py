"""The drawings that models are trained on: what is held out, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from training.colours import main_colour
from training.drawings import Style, sheet, split, subject

STYLES: tuple[Style, ...] = ("flat", "noto", "twemoji")
NAMES: dict[tuple[str, Style], str] = {
    (f"{n:x}", style): f"thing {n}" for n in range(2000) for style in STYLES
}


def test_some_things_are_new_and_others_in_one_style_only() -> None:
    splits = split(NAMES)
    new = {code for (code, _), part in splits.items() if part == "name"}
    assert 0.03 < len(new) / 2000 < 0.07
    held = [key for key, part in splits.items() if part == "pair"]
    assert 0.06 < len(held) / len(splits) < 0.12
    trained = {code for (code, _), part in splits.items() if part == "train"}
    assert {code for code, _ in held} <= trained and not new & trained


def test_other_drawings_change_nothing() -> None:
    fewer = {key: name for key, name in NAMES.items() if key[0].endswith(("3", "7"))}
    whole = split(NAMES)
    assert split(fewer) == {key: whole[key] for key in fewer}


def test_a_new_thing_is_not_a_trained_one_of_another_gender() -> None:
    assert subject("woman cook") == subject("man cook") == "cook"
    both = [(n, who) for n in range(300) for who in ("man", "woman")]
    jobs: dict[tuple[str, Style], str] = {
        (f"{n} {who}", "noto"): f"{who} worker {n}" for n, who in both
    }
    splits = split(jobs)
    for n in range(300):
        assert splits[f"{n} man", "noto"] == splits[f"{n} woman", "noto"]


@pytest.mark.parametrize(
    ("rgb", "word"), [((250, 220, 40), "yellow"), ((40, 110, 220), "blue"), ((20, 20, 24), "black")]
)
def test_the_main_colour_is_that_of_what_is_opaque(rgb: tuple[int, int, int], word: str) -> None:
    picture = np.zeros((8, 8, 4), dtype=np.uint8)
    picture[:4] = (*rgb, 255)
    picture[5:, :, 0] = 255  # red, but nobody sees it
    assert main_colour(picture) == word


def test_a_sheet_shows_pictures_in_rows() -> None:
    one = np.zeros((4, 4, 3), dtype=np.uint8)
    shown = sheet([one] * 5, columns=3, gap=1)
    assert shown.shape == (11, 16, 3)
    assert (shown == 0).all(axis=2).sum() == 5 * 16
