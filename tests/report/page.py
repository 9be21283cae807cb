"""A page as a browser's parser sees it: its elements, its links, its words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("meta", "img", "br", "line", "link", "input"))
BLOCKS = frozenset(("dt", "dd", "p", "li", "div", "th", "td", "h4", "pre"))


@dataclass
class Element:
    """One element, with the text below it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[Element] = field(default_factory=list["Element"])

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Those below it of this tag whose attributes have these words among theirs."""
        found: list[Element] = []
        for each in self.inside:
            if each.tag == tag and all(
                set(words.split()) <= set(each.attributes.get(name.strip("_"), "").split())
                for name, words in attributes.items()
            ):
                found.append(each)
            found += each.all(tag, **attributes)
        return found

    def every(self) -> list[Element]:
        """All below it."""
        return [one for each in self.inside for one in (each, *each.every())]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only one."""
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def words(self) -> str:
        """The text below it, white space made one."""
        return " ".join(self.text.split())


class Page(HTMLParser):
    """A parsed page. What is opened must be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], "something is not closed"

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs), "an attribute is there twice"
        self._open[-1].inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> ends <{self._open[-1].tag}>"
        self._open.pop()
        if tag in BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def step(self, name: str) -> Element:
        """The step of this name."""
        (found,) = [
            step
            for step in self.root.all("details", class_="step")
            if step.all("span", class_="name")[0].words == name
        ]
        return found

    def status(self, name: str) -> str:
        """What the step's mark says."""
        marks = self.step(name).all("span", class_="mark")[0].attributes["class"].split()
        return marks[1]


TAGS = frozenset(
    "html head meta title style body a header main nav footer section h1 h2 h3 h4 p b strong br "
    "span div code pre dl dt dd ol ul li sup table thead tbody tr th td details summary i svg g "
    "text rect line path img audio video".split()
)
ATTRIBUTES = frozenset(
    "lang charset http-equiv content name href id class aria-label aria-hidden role tabindex scope "
    "src alt loading controls preload xmlns viewbox width height x y x1 x2 y1 y2 d rx title".split()
)
FILES = re.compile(r"data:(image|audio|video)/[a-z+0-9]+;base64,[A-Za-z0-9+/=]+")
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def sound(page: Page, *hostile: str) -> None:
    """Nothing in the page runs, leads or loads from elsewhere; nothing a browser obeys came from
    data; every link has its place."""
    elements = page.root.every()
    assert {each.tag for each in elements} <= TAGS
    assert {name for each in elements for name in each.attributes} <= ATTRIBUTES
    places = [each.attributes["id"] for each in elements if "id" in each.attributes]
    assert len(places) == len(set(places))
    for each in elements:
        for name, value in each.attributes.items():
            assert not any(text in value for text in hostile), (each.tag, name, value[:80])
            if name == "href":
                assert value.startswith("#") and value[1:] in places, value
            elif name == "src":
                assert FILES.fullmatch(value), value[:80]
    (policy,) = [e for e in elements if e.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'; ")
    assert "unsafe" not in policy.attributes["content"]
    assert not HARMFUL.search(page.source)
