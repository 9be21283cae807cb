"""Reading documents and cutting them into passages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import ToolError
from agentkit.tools import search
from agentkit.tools.chunks import split
from agentkit.tools.documents import Paragraph, read_document


def write(path: Path, text: str) -> list[Paragraph]:
    """The paragraphs of a file with this text."""
    path.write_text(text, "utf-8")
    return read_document(path)


def test_markdown_has_headings_and_lines(tmp_path: Path) -> None:
    text = "# Trip\n\nBook early.\nPay late.\n\n## Cars ##\n```\n# no heading\n```\n"
    assert write(tmp_path / "a.md", text) == [
        Paragraph(text="Book early.\nPay late.", heading="Trip", line=3),
        Paragraph(text="```\n# no heading\n```", heading="Cars", line=7),
    ]


def test_plain_text_has_headings_where_a_short_line_stands_alone(tmp_path: Path) -> None:
    text = "RULES\nValid from May.\n\nVisitors\n\nThey sign in.\n\nA sentence alone.\n\nlast words"
    found = [(one.heading, one.text, one.place) for one in write(tmp_path / "a.txt", text)]
    assert found == [
        ("RULES", "Valid from May.", "line 2"),
        ("Visitors", "They sign in.", "line 6"),
        ("Visitors", "A sentence alone.", "line 8"),
        ("Visitors", "last words", "line 10"),
    ]


def test_pdf_has_pages_and_numbered_headings(data: Path) -> None:
    found = read_document(data / "handbook" / "venue-agreement.pdf")
    rates = next(one for one in found if "95 euros per person and night" in one.text)
    assert (rates.heading, rates.place) == ("2. Rates for rooms and meals", "page 1")
    assert {one.place for one in found} == {"page 1", "page 2"}


def under(path: Path, text: str) -> list[tuple[str, str]]:
    """Headings and the texts under them."""
    return [(one.heading, one.text) for one in write(path, text)]


def test_a_line_that_looked_like_a_heading_and_has_nothing_below_it_is_text(tmp_path: Path) -> None:
    notes = "Visitors\n\nThey sign in.\n\nMilk\n\nEggs\n\nThe key is under the mat."
    assert under(tmp_path / "a.txt", notes) == [
        ("Visitors", "They sign in."),
        ("Visitors", "Milk"),
        ("Eggs", "The key is under the mat."),
    ]
    questions = "Q: Where is the key\n\nA: Under the mat\n\nQ: Who is boss\n\nA: Ida\n"
    assert under(tmp_path / "b.txt", questions) == [
        ("", "Q: Where is the key"),
        ("", "A: Under the mat"),
        ("Q: Who is boss", "A: Ida"),
    ]


def test_a_markdown_heading_alone_is_text_or_part_of_the_headings_below_it(tmp_path: Path) -> None:
    hours = "# Opening hours\n## Monday 9 to 17\n## Sunday closed\n"
    assert under(tmp_path / "a.md", hours) == [
        ("Opening hours", "Monday 9 to 17\nSunday closed"),
    ]
    fees = "# Fees\nPay late.\n# Phone 555\n# Rooms\n## Cedar\n30 seats.\n## Birch\n16 seats.\n"
    assert under(tmp_path / "b.md", fees) == [
        ("Fees", "Pay late."),
        ("", "Phone 555"),
        ("Rooms: Cedar", "30 seats."),
        ("Rooms: Birch", "16 seats."),
    ]
    assert under(tmp_path / "house-rules.md", "# House Rules\n## Noise\nNone.\n") == [
        ("Noise", "None.")
    ]


def test_a_heading_alone_says_where_it_stands(tmp_path: Path) -> None:
    text = "# Fees\n\n## The code is 4711\n"
    [found] = write(tmp_path / "a.md", text)
    assert (found.place, text[found.offset(4) :]) == ("line 3", "code is 4711\n")


@given(st.lists(st.sampled_from(["Milk", "EGGS", "It is late.", "# One", "## Two", "", "x" * 70])))
def test_no_line_of_a_document_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    for name in ("a.txt", "a.md"):
        path = tmp_path_factory.mktemp("lines") / name
        found = write(path, "\n".join([*lines, "", "The end."]))
        said = "\n".join(f"{one.heading}\n{one.text}" for one in found)
        assert all(line.strip("# ") in said for line in lines)


def test_a_document_without_any_text_is_told_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="it is empty"):
        write(tmp_path / "a.md", "#  \n##  \n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.md", b"", "it is empty"),
        ("a.txt", b" \n\n", "it is empty"),
        ("a.txt", b"caf\xe9", "byte 3 is not UTF-8"),
        ("a.txt", b"a\0b", "binary data"),
        ("a.pdf", b"no pdf at all", "not a PDF"),
        ("a.pdf", b"%PDF-1.7\n" + b"x" * 500, "cut off before its end"),
        ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 500 + b"\n%%EOF", "damaged"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ToolError, match=message) as caught:
        read_document(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_damaged_pdf_never_raises_anything_else(data: Path, tmp_path: Path) -> None:
    whole = (data / "handbook" / "venue-agreement.pdf").read_bytes()
    for start in range(20, len(whole) - 20, 97):
        path = tmp_path / "cut.pdf"
        path.write_bytes(whole[:start] + b"<<" * 10 + whole[start + 20 :])
        try:
            assert read_document(path)
        except ToolError as error:
            assert "PDF" in str(error)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be opened: No such file"):
        read_document(tmp_path / "gone.md")


def test_passages_stay_within_their_heading_and_page() -> None:
    parts = [
        Paragraph(text="a" * 300, heading="One", line=1),
        Paragraph(text="b" * 200, heading="One", line=5),
        Paragraph(text="c" * 300, heading="One", line=9),
        Paragraph(text="d", heading="Two", line=12),
    ]
    found = [(one.text.split("\n")[0], len(one.text), one.location) for one in split(parts)]
    assert found == [("One", 506, "line 1"), ("One", 304, "line 9"), ("Two", 5, "line 12")]


@given(st.text(alphabet="ab .!?\n", max_size=4000))
def test_no_text_is_lost_or_added(text: str) -> None:
    chunks = split([Paragraph(text=text, line=1)], target=100)
    assert "".join("".join(one.text.split()) for one in chunks) == "".join(text.split())
    assert all(len(one.text) <= 150 for one in chunks)


class Same:
    """An embedder to which all texts are alike."""

    name = "same"
    dimensions = 2

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, 0.0] for _ in texts]


def page(*, encrypt: str = "", content: str = "") -> bytes:
    """A PDF of one page that says Hello World; with entries for its trailer and its content."""
    said = "BT /F1 24 Tf 20 200 Td (Hello World) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(said)}{content}>>stream\n{said}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        "<</Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/Length 128>>",
    ]
    text, starts = "%PDF-1.7\n", list[int]()
    for number, one in enumerate(objects, start=1):
        starts.append(len(text))
        text += f"{number} 0 obj{one}endobj\n"
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    key = "<00112233445566778899aabbccddeeff>"
    end = f"trailer<</Size 7/Root 1 0 R{encrypt}/ID[{key}{key}]>>\nstartxref\n{len(text)}\n%%EOF\n"
    return f"{text}xref\n0 7\n0000000000 65535 f \n{table}{end}".encode()


def encrypted(user: str, algorithm: str) -> bytes:
    """The same PDF with a password for its user and one for its owner."""
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(page()))
    writer.encrypt(user, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("pdf", "problem"),
    [
        (page(encrypt="/Encrypt 6 0 R"), "cannot be read here .only Standard PDF encryption"),
        (page(content="/Filter/Unheard"), "cannot be read here .Unsupported filter /Unheard"),
        (encrypted("secret", "RC4-128"), "protected by a password"),
    ],
)
def test_a_pdf_that_cannot_be_read_leaves_the_other_documents_to_be_found(
    tmp_path: Path, pdf: bytes, problem: str
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "good.md").write_text("# Tea\nTea costs 3 euros.")
    (docs / "a.pdf").write_bytes(pdf)
    with pytest.raises(ToolError, match=problem):
        read_document(docs / "a.pdf")
    found = search(docs, index=tmp_path / "index", embedder=Same())(query="tea")
    assert found[0].text == "Tea\nTea costs 3 euros."
    assert "could not be read: a.pdf" in found[-1].text


def test_a_pdf_whose_cipher_is_not_installed_leaves_the_others_to_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    def needs_more(_: PdfReader, password: str) -> int:
        raise DependencyError("cryptography>=3.1 is required for AES algorithm")

    monkeypatch.setattr(PdfReader, "decrypt", needs_more)
    (tmp_path / "a.pdf").write_bytes(encrypted("", "RC4-128"))
    with pytest.raises(ToolError, match="cryptography>=3.1 is required"):
        read_document(tmp_path / "a.pdf")


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(encrypted("", "RC4-128"))
    assert [one.text for one in read_document(tmp_path / "a.pdf")] == ["Hello World"]


def test_a_numbered_heading_of_a_pdf_holds_over_the_end_of_its_page(tmp_path: Path) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    for said in (b"2. Rates", b"3 a person."):
        writer.append(io.BytesIO(page().replace(b"Hello World", said.ljust(11))))
    writer.write(tmp_path / "a.pdf")
    assert [(one.heading, one.text, one.place) for one in read_document(tmp_path / "a.pdf")] == [
        ("2. Rates", "3 a person.", "page 2"),
    ]
