"""Files that come in a request: as data, never as an address. The server fetches nothing."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from agentkit.media import Artifact, matches
from agentkit.protocols import ArtifactStore

_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

Base64: TypeAlias = Annotated[str, Field(pattern="^" + _BASE64)]


def _expected(value: object, check: ValidatorFunctionWrapHandler) -> str:
    try:
        return cast("str", check(value))
    except ValidationError:
        said = "expected data:TYPE;base64,…: the server fetches no address"
        raise PydanticCustomError("data_url", said) from None


DataUrl: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^data:[a-z]+/[a-z0-9.+-]+;base64," + _BASE64,
        description="data:TYPE;base64,…: the server fetches no address.",
    ),
    WrapValidator(_expected),
]


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came: its media type, its bytes in base64, its name if it has one."""

    media_type: str
    base64: str
    name: str = ""

    @property
    def kind(self) -> str:
        """What a plan's input with it is called.

        >>> Sent("image/png", "").kind, Sent("application/pdf", "").kind
        ('image', 'file')
        """
        kinds = [kind for kind in ("image", "audio") if matches(self.media_type, f"{kind}/*")]
        return kinds[0] if kinds else "file"


def of_url(url: str, name: str = "") -> Sent:
    """The file in a data URL.

    >>> of_url("data:text/plain;base64,aGk=")
    Sent(media_type='text/plain', base64='aGk=', name='')
    """
    about, _, data = url.partition(";base64,")
    return Sent(about.removeprefix("data:"), data, name)


def stored(sent: Sent, artifacts: ArtifactStore) -> Artifact:
    """Its handle, once its bytes are in the store. Blocking. Raises `StoreError`."""
    data = b64decode(sent.base64, validate=True)
    return artifacts.put(data, media_type=sent.media_type, name=sent.name)
