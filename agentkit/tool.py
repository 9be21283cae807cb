"""A tool: a named function with schemas, an effect class, a trust label and limits.

>>> @tool(effect="pure")
... def total(prices: list[float], vat: float = 0.19) -> float:
...     "Sum of the prices with VAT."
...     return sum(prices) * (1 + vat)
>>> total.name, total.description, total.input_schema["required"]
('total', 'Sum of the prices with VAT.', ['prices'])
>>> total([1.0, 2.0], vat=0.5)
4.5
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, cast, get_args, overload
from weakref import WeakKeyDictionary

from typing_extensions import ParamSpec, TypedDict, TypeVar, Unpack

from agentkit.budget import Cost
from agentkit.errors import UsageError
from agentkit.types import Effect, Json, Runs, Schema

if TYPE_CHECKING:
    from decimal import Decimal

    from agentkit.protocols import ArtifactStore, Model

P = ParamSpec("P", default=...)
R = TypeVar("R", default=Any)

NOT_DONE: Final = object()
"""What a tool's `reconcile` gives back where the call did not take effect: it is made again."""


class Context(Protocol):
    """What a running call may know and do; a parameter annotated `Context` receives it."""

    @property
    def run(self) -> str: ...

    @property
    def node(self) -> str: ...

    @property
    def task(self) -> str:
        """What the run was asked to do."""
        ...

    @property
    def artifacts(self) -> ArtifactStore: ...

    @property
    def key(self) -> str:
        """Idempotency key: stable over retries and resumes of this node with these arguments."""
        ...

    @property
    def model(self) -> Model:
        """The agent's model; calls through it are journaled under this node."""
        ...

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        """Tell whoever follows the run how far this call is."""
        ...

    def spend(self, *, usd: Decimal | None = None, tokens: int | None = None) -> None:
        """Say what this call has cost, besides the agent's model; what is said adds up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Attempts, and the waits between them: exponential from `first_s` to `most_s`, with jitter."""

    attempts: int = 3
    first_s: float = 0.5
    most_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[P, R]):
    """A tool as the rest of agentkit sees it. `@tool` makes one from a function.

    `prepare` validates JSON arguments into keyword arguments for `function` (raises `ValueError`
    saying which argument is wrong); `finish` validates what it returned into JSON.

    With `batch`, `prepare` gives one item under the name of the function's only parameter. Whoever
    calls collects up to `batch` items into a list, passes it under that name, and gives each
    element of the returned list to `finish`; an exception in that list is its own call's failure.
    Only items with the same `batch_key` share a list: the shape of an image, say. `meetings` is
    where the engine collects, by event loop; a copy of the tool has its own.

    `cache` keeps results by name and arguments; a text says what else they depend on, such as the
    model that makes them.

    `approve` says which calls a person must allow: all, or those whose arguments it is true for.
    `reconcile` tells by its idempotency key what a `once` call came to that nobody heard of again,
    or `NOT_DONE`; where it raises, the call stays in doubt.

    `cost` is what a call costs at most. A function that takes no `Context` cannot ask the agent's
    model, so its tokens are known to be none.

    `nested` is there where a call is a run of its own, with a journal that tells how far it is: it
    makes the function, given the run around. A call that was cut off goes on from there.
    """

    name: str
    description: str
    input_schema: Schema
    output_schema: Schema
    function: Callable[P, R]
    prepare: Callable[[Mapping[str, Json], Context], dict[str, Any]]
    finish: Callable[[Any, Context], Json]
    effect: Effect = "once"
    trusted: bool = True
    timeout_s: float | None = None
    retry: Retry | None = None
    concurrency: int | None = None
    rate_per_s: float | None = None
    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    runs: Runs = "thread"
    cache: bool | str = False
    batch: int | None = None
    batch_key: Callable[[Any], Hashable] | None = None
    expected_s: float = 1.0
    approve: bool | Callable[[Mapping[str, Json]], bool] = False
    reconcile: Callable[[str], Any] | None = None
    cost: Cost = field(default_factory=Cost)
    nested: Callable[[Any], Callable[..., Any]] | None = None
    meetings: MutableMapping[Any, Any] = field(
        default_factory=WeakKeyDictionary[Any, Any], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise UsageError(f"tool {self.name!r}: {complaint}")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, without validation: a decorated function stays a function."""
        return self.function(*args, **kwargs)


class ToolOptions(TypedDict, total=False):
    """What `@tool(...)` takes; the fields of `Tool` of the same names say what each means."""

    name: str
    description: str
    effect: Effect
    trusted: bool
    timeout_s: float | None
    retry: Retry | None
    concurrency: int | None
    rate_per_s: float | None
    resources: Mapping[str, int]
    runs: Runs
    cache: bool | str
    batch: int | None
    batch_key: Callable[[Any], Hashable] | None
    expected_s: float
    approve: bool | Callable[[Mapping[str, Json]], bool]
    reconcile: Callable[[str], Any] | None
    cost: Cost


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(**options: Unpack[ToolOptions]) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Unpack[ToolOptions]) -> Any:
    """Make a tool of a typed function, sync or async: `@tool` or `@tool(effect="read", ...)`.

    Name, description, parameter descriptions and both schemas come from the signature and the
    docstring (Google, NumPy or reST). A parameter annotated `Context` is filled in at call time
    and is no parameter in plans. Raises `UsageError` where an annotation is missing or the
    options contradict each other.
    """
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    local_names = caller.f_locals if caller else {}  # hints may name what the caller defined

    def make(function: Callable[..., Any]) -> Tool[..., Any]:
        return _from_function(function, local_names, options)

    return make if function is None else make(function)


def as_tool(value: Callable[..., Any] | Tool) -> Tool:
    """The tool itself, or the tool made of a plain typed function, with the default options.

    >>> def double(number: int) -> int:
    ...     return 2 * number
    >>> as_tool(double).output_schema
    {'type': 'integer'}
    """
    if isinstance(value, Tool):
        return cast("Tool", value)
    if not callable(value):
        raise UsageError(f"expected a tool or a typed function; found {value!r}")
    return _from_function(value, {}, {})


def from_schema(
    function: Callable[..., Any],
    *,
    input_schema: Schema,
    output_schema: Schema | None = None,
    **options: Unpack[ToolOptions],
) -> Tool:
    """A tool that comes with its JSON Schemas (Draft 2020-12), as remote tools do.

    `function` takes the arguments as keywords, as plain JSON, and returns plain JSON; both are
    validated against the schemas. Without `output_schema` the result may be anything. Raises
    `UsageError` for an invalid schema, when the tool is first used.

    >>> add = from_schema(
    ...     lambda a, b: a + b,
    ...     name="add",
    ...     input_schema={"type": "object", "properties": {"a": {"type": "integer"}}},
    ... )
    >>> add.output_schema
    {}
    """
    from agentkit.validation import finisher, preparer

    named = cast("ToolOptions", {"name": getattr(function, "__name__", ""), **options})
    named.setdefault("description", inspect.getdoc(function) or "")
    named.setdefault("runs", _default_runs(function))
    named["cost"] = _without_model(named.get("cost", Cost()))
    output: Schema = {} if output_schema is None else output_schema
    return Tool(
        input_schema=input_schema,
        output_schema=output,
        function=function,
        prepare=preparer(input_schema),
        finish=finisher(output),
        **cast("Any", named),
    )


def _from_function(
    function: Callable[..., Any], local_names: Mapping[str, Any], options: ToolOptions
) -> Tool:
    from agentkit.signature import signature

    found = signature(function, local_names, batch=options.get("batch") is not None)
    given = cast("ToolOptions", dict(options))
    given.setdefault("name", name_of(function))
    given.setdefault("description", found.description)
    given.setdefault("runs", _default_runs(function))
    if not found.context:
        given["cost"] = _without_model(given.get("cost", Cost()))
    return Tool(
        input_schema=found.input_schema,
        output_schema=found.output_schema,
        function=function,
        prepare=found.prepare,
        finish=found.finish,
        **cast("Any", given),
    )


def _without_model(cost: Cost) -> Cost:
    """The cost of a call that is given no model."""
    return cost if cost.tokens is not None else replace(cost, tokens=0)


def _default_runs(function: Callable[..., Any]) -> Runs:
    return "loop" if _is_async(function) else "thread"


def unfilled(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a `functools.partial` calls; any other function is itself."""
    return function.func if isinstance(function, partial) else function


def name_of(function: Callable[..., Any]) -> str:
    """What the function is called; an object that can be called, as its class is."""
    inner = unfilled(function)
    return getattr(inner, "__name__", type(inner).__name__)


def _is_async(function: Callable[..., Any]) -> bool:
    function = unfilled(function)
    if inspect.isroutine(function):
        return inspect.iscoroutinefunction(function)
    return inspect.iscoroutinefunction(type(function).__call__)


def _complaints(tool: Tool[..., Any]) -> list[str]:
    """What contradicts itself in a tool's options; plans could not use it or it would misbehave."""
    found: list[str] = []
    if not tool.name.isidentifier() or iskeyword(tool.name) or tool.name.startswith("_"):
        found.append("a name is a Python identifier without leading underscore; pass name=")
    words = (("effect", tool.effect, get_args(Effect)), ("runs", tool.runs, get_args(Runs)))
    for option, word, known in words:  # a misspelt effect would be repeated like a reading one
        if word not in known:
            found.append(f"expected {option} as one of {', '.join(known)}; found {word!r}")
    if _is_async(tool.function) != (tool.runs == "loop"):
        kind = "async" if _is_async(tool.function) else "sync"
        fitting = '"loop"' if kind == "async" else '"thread" or "process"'
        found.append(f"runs={tool.runs!r} does not fit the {kind} function; use {fitting}")
    if tool.batch and tool.runs == "process":
        found.append('batch= gathers calls in this process; use runs="thread", or no batch')
    if tool.batch_key and not tool.batch:
        found.append("batch_key= says which calls share a batch; it needs batch=")
    if tool.cache and tool.effect != "pure":
        found.append(f'cache={tool.cache!r} needs effect="pure"; found {tool.effect!r}')
    if tool.reconcile and tool.effect != "once":
        found.append(f'reconcile= is for effect="once"; {tool.effect!r} may simply be repeated')
    limits = {
        "timeout_s": tool.timeout_s,
        "concurrency": tool.concurrency,
        "rate_per_s": tool.rate_per_s,
        "batch": tool.batch,
    }
    found += [
        f"{name} is a positive number or None; found {value!r}"
        for name, value in limits.items()
        if value is not None and value <= 0
    ]
    return found
