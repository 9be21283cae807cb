"""Which scenarios of the MCP conformance suite apply to agentkit, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping

SERVER = (
    "server-initialize",
    "ping",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "tools-call-with-progress",
    "tools-call-elicitation",
    "json-schema-2020-12",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)

CLIENT = ("initialize", "tools_call", "sse-retry")

_NO_PROMPTS = "agentkit serves tools: it has no prompts to offer, and does not say that it has"
_NO_RESOURCES = "agentkit serves tools: files come within results, there is no list of resources"
_ONE_QUESTION = "a served tool asks one thing, whether it may be called: a form of one box"
_NO_LOGGING = "what a run does is in its journal; MCP's logging is deprecated as of 2026-07-28"
_NO_OAUTH = (
    "agentkit's client is given its token by a named environment variable, as a header; it has "
    "nobody to send to a log-in page in the middle of a run"
)

NOT_APPLYING: Mapping[str, str] = {
    "logging-set-level": _NO_LOGGING,
    "tools-call-with-logging": _NO_LOGGING,
    "completion-complete": "completion is of arguments of prompts and resources, of which are none",
    "tools-call-sampling": "an agent has a model of its own, in its own budget; it never asks for "
    "the client's",
    "elicitation-sep1034-defaults": _ONE_QUESTION,
    "elicitation-sep1330-enums": _ONE_QUESTION,
    "server-sse-polling": "the server holds a call's stream open until its answer, so there is "
    "nothing to poll",
    "resources-list": _NO_RESOURCES,
    "resources-read-text": _NO_RESOURCES,
    "resources-read-binary": _NO_RESOURCES,
    "resources-templates-read": _NO_RESOURCES,
    "resources-subscribe": _NO_RESOURCES,
    "resources-unsubscribe": _NO_RESOURCES,
    "prompts-list": _NO_PROMPTS,
    "prompts-get-simple": _NO_PROMPTS,
    "prompts-get-with-args": _NO_PROMPTS,
    "prompts-get-embedded-resource": _NO_PROMPTS,
    "prompts-get-with-image": _NO_PROMPTS,
    "elicitation-sep1034-client-defaults": "agentkit's client answers no forms of servers, and "
    "says so: what they would ask is not in the plan",
    "auth/metadata-default": _NO_OAUTH,
    "auth/metadata-var1": _NO_OAUTH,
    "auth/metadata-var2": _NO_OAUTH,
    "auth/metadata-var3": _NO_OAUTH,
    "auth/basic-cimd": _NO_OAUTH,
    "auth/scope-from-www-authenticate": _NO_OAUTH,
    "auth/scope-from-scopes-supported": _NO_OAUTH,
    "auth/scope-omitted-when-undefined": _NO_OAUTH,
    "auth/scope-step-up": _NO_OAUTH,
    "auth/scope-retry-limit": _NO_OAUTH,
    "auth/token-endpoint-auth-basic": _NO_OAUTH,
    "auth/token-endpoint-auth-post": _NO_OAUTH,
    "auth/token-endpoint-auth-none": _NO_OAUTH,
    "auth/pre-registration": _NO_OAUTH,
    "auth/2025-03-26-oauth-metadata-backcompat": _NO_OAUTH,
    "auth/2025-03-26-oauth-endpoint-fallback": _NO_OAUTH,
    "auth/resource-mismatch": _NO_OAUTH,
    "auth/offline-access-scope": _NO_OAUTH,
    "auth/offline-access-not-supported": _NO_OAUTH,
    "auth/client-credentials-jwt": _NO_OAUTH,
    "auth/client-credentials-basic": _NO_OAUTH,
    "auth/cross-app-access-complete-flow": _NO_OAUTH,
}
