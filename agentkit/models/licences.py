"""The texts of the licences that models come under."""

from __future__ import annotations

from importlib.resources import files

from agentkit.models.weights import Entry


def licence_text(model: Entry) -> str:
    """Whose the model is and the whole text of its licence, as it is kept beside the weights."""
    text = (files("agentkit.models") / "licences" / f"{model.licence}.txt").read_text("utf-8")
    return f"{model.notice}\n{model.upstream}\nLicence: {model.licence}\n\n{text.strip()}\n"
