"""Reading pictures with the real models."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageDraw, ImageFont

from agentkit.artifacts import FolderArtifacts
from agentkit.errors import ToolError
from agentkit.tool import Context
from agentkit.tools import read_image
from agentkit.tools.read_image import Reading

READ = read_image()


@dataclass
class Call:
    """The context of a call, with an artifact store only."""

    artifacts: FolderArtifacts


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


def note(text: str, *, mode: str = "RGB", ground: Any = "white") -> Image.Image:
    """A picture of one line of text."""
    picture = Image.new(mode, (300, 200), ground)
    ink = (0, 0, 0, 255) if mode == "RGBA" else "black"
    ImageDraw.Draw(picture).text((20, 80), text, font=ImageFont.load_default(30), fill=ink)
    return picture


@pytest.fixture(scope="module")
def menu(data: Path) -> Reading:
    """The example price list, read once."""
    return READ(image=data / "canteen.png")


def test_a_price_list_is_read_line_by_line(menu: Reading) -> None:
    assert menu.text.splitlines() == [
        "Canteen prices from 1 March",
        "Soup of the day 3.20 EUR",
        "Main dish 6.80 EUR",
        "Vegetarian main dish 6.10 EUR",
        "Salad bowl 4.50 EUR",
        "Coffee 1.40 EUR",
        "Tea 1.10 EUR",
        "Guests pay 30 percent more.",
        "Open Monday to Friday, 11:30 to 14:00.",
    ]


def test_lines_have_a_confidence_and_the_picture_a_size(menu: Reading) -> None:
    assert [line.text for line in menu.lines] == menu.text.splitlines()
    assert all(0.8 < line.confidence <= 1 for line in menu.lines)
    assert (menu.width, menu.height) == (760, 498)


def test_in_a_plan_it_takes_a_handle_and_gives_json(data: Path, tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path)
    context = cast("Context", Call(store))
    handle = asdict(store.put_file(data / "receipt.png"))
    result = READ.finish(READ(**READ.prepare({"image": handle}, context)), context)
    assert isinstance(result, dict)
    assert "Total 94.00 EUR" in str(result["text"])
    with pytest.raises(ValueError, match=r"expected an artifact of media type 'image/\*'"):
        READ.prepare({"image": asdict(store.put_file(data / "call.flac"))}, context)


def test_transparent_pictures_have_a_white_ground(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(note("Room Cedar 160", mode="RGBA", ground=(0, 0, 0, 0))))
    assert READ(image=tmp_path / "a.png").text == "Room Cedar 160"


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    turned = note("Room Birch 110").transpose(Image.Transpose.ROTATE_90)
    tags = Image.Exif()
    tags[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    turned.save(tmp_path / "a.jpg", exif=tags, quality=95)
    seen = READ(image=tmp_path / "a.jpg")
    assert (seen.text, seen.width, seen.height) == ("Room Birch 110", 300, 200)


LONG = (
    "Internet2 is a not-for-profit United States computer networking consortium led by members "
    "from the research and education"
)


@pytest.mark.parametrize("turned", [0, 180])
def test_long_lines_are_read_whole_and_upside_down_too(tmp_path: Path, turned: int) -> None:
    picture = Image.new("RGB", (1240, 120), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    pen.text((90, 30), LONG, font=font, fill="black")
    pen.text((90, 60), "communities, industry, and government.", font=font, fill="black")
    (tmp_path / "a.png").write_bytes(png(picture.rotate(turned)))
    seen = READ(image=tmp_path / "a.png").text
    assert seen == f"{LONG}\ncommunities, industry, and government."


def test_a_picture_without_text_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(Image.new("RGB", (64, 64), "white")))
    seen = READ(image=tmp_path / "a.png")
    assert (seen.text, seen.lines) == ("", ())


def test_a_picture_of_too_many_pixels_is_refused(data: Path) -> None:
    with pytest.raises(ToolError, match="760 x 498 pixels, more than 300,000 in all"):
        read_image(most_pixels=300_000)(image=data / "canteen.png")


def test_a_picture_of_one_pixel_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(Image.new("RGB", (1, 1), "black")))
    seen = READ(image=tmp_path / "a.png")
    assert (seen.text, seen.width, seen.height) == ("", 1, 1)


def test_what_the_tool_declares() -> None:
    declared = (READ.name, READ.effect, READ.cache, READ.trusted)
    assert declared == ("read_image", "pure", True, False)
    properties = cast("dict[str, Any]", READ.input_schema["properties"])
    assert properties["image"]["contentMediaType"] == "image/*"
