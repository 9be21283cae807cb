"""Language models: `openai:NAME`, `anthropic:NAME`, `local:NAME`, `test:`, all one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.models.complete import bounded, complete
from agentkit.nearest import nearest

if TYPE_CHECKING:
    from agentkit.protocols import Model

PROVIDERS = ("openai", "anthropic", "local", "test")

__all__ = ["PROVIDERS", "bounded", "complete", "model"]


def model(name: str | Model, **options: Any) -> Model:
    """The model of that name; what is a model already is given back as it is.

    | name | is | options |
    |---|---|---|
    | `openai:NAME` | a model of any server that speaks OpenAI's chat API | those of `OpenAIModel` |
    | `anthropic:NAME` | a model of the Messages API | those of `AnthropicModel` |
    | `local:`, `local:NAME` | the embedded model of the catalogue | those of `LocalModel` |
    | `test:` | a scripted model | those of `ScriptedModel` |

    No key is read from the environment: it is passed as `api_key`. Raises `UsageError` for a
    name that is none of these and for an option that the model does not have.

    >>> model("test:", replies=["Hello."]).name
    'test:scripted'
    """
    if not isinstance(name, str):
        if options:
            raise UsageError(
                f"options ({', '.join(options)}) go with a model's name; this one is made already"
            )
        return name
    provider, colon, rest = name.partition(":")
    if not colon or provider not in PROVIDERS:
        raise UsageError(_unknown(name, provider))
    try:
        return _made(provider, rest, options)
    except TypeError as error:
        raise UsageError(f"{provider}: does not take these options: {error}") from error


def _made(provider: str, name: str, options: dict[str, Any]) -> Model:
    if provider == "local":
        from agentkit.models.local import DEFAULT, LocalModel

        return LocalModel(name or DEFAULT, **options)
    if provider == "test":
        from agentkit.models.scripted import ScriptedModel

        return ScriptedModel(**options)
    if not name:
        raise UsageError(f"expected the model's name after {provider}:, as in {provider}:NAME")
    if provider == "anthropic":
        from agentkit.models.anthropic import AnthropicModel

        return AnthropicModel(name, **options)
    from agentkit.models.openai import OpenAIModel

    return OpenAIModel(name, **options)


def _unknown(name: str, provider: str) -> str:
    from agentkit.models.local import DEFAULT, SMALLER

    known = ["openai:NAME", "anthropic:NAME", "local:", f"local:{DEFAULT}", f"local:{SMALLER}"]
    near = nearest(name, [f"local:{DEFAULT}", f"local:{SMALLER}", DEFAULT, SMALLER])
    near = near or nearest(provider, PROVIDERS)
    hint = f"; did you mean {_whole(near)!r}?" if near else ""
    return f"expected a model, one of {', '.join(known)}, test:, got {name!r}{hint}"


def _whole(near: str) -> str:
    if near in PROVIDERS:
        return f"{near}:"
    return near if near.startswith("local:") else f"local:{near}"
