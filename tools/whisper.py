"""A Whisper checkpoint in transformers' form, which `transcribe` asks as it asks faster-whisper."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.tools.audio import RATE
from agentkit.tools.checkpoint import FROM_DISK, quietly, read_config
from agentkit.tools.device import place
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FEATURE = "transcribing by a checkpoint of transformers"


@dataclass(frozen=True, slots=True)
class About:
    """What was found out of the recording: its language (as `en`)."""

    language: str


class Whisper:
    """Has what `agentkit.tools.listening` asks of faster-whisper's model; its segments are theirs.

    Windows, timestamps and words are transformers' own; how tokens make words is found as
    faster-whisper does. One recording at a time: torch uses the cores by itself.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `UsageError` where the folder holds no Whisper that gives timestamps,
        `MissingExtra` without transformers or torch."""
        kind = read_config(folder).get("model_type")
        if kind != "whisper":
            raise UsageError(f"expected a checkpoint of Whisper in {folder}, came {kind!r}")
        self._place = place(feature=_FEATURE)
        library = imported("transformers", feature=_FEATURE, package="transformers", extra="vision")
        model, processor = library.WhisperForConditionalGeneration, library.WhisperProcessor
        with quietly():
            loaded: Any = model.from_pretrained(folder, dtype=self._place.dtype, **FROM_DISK)
            self._model: Any = loaded.to(self._place.device).eval()
            self._processor: Any = processor.from_pretrained(folder, local_files_only=True)
        self._settings: Any = self._model.generation_config
        if not hasattr(self._settings, "no_timestamps_token_id"):
            raise UsageError(
                f"the generation_config.json in {folder} lacks no_timestamps_token_id, so no times "
                "can be had; take that of the checkpoint that it was trained from"
            )
        self._working = Lock()

    @property
    def supported_languages(self) -> list[str]:
        """As `en`; that one only where it was trained on no other."""
        return [*self._languages()] or ["en"]

    def detect_language(
        self, samples: NDArray[np.float32]
    ) -> tuple[str, float, list[tuple[str, float]]]:
        """The language of the first window (as `en`) and how likely it is; of all, the same. Only
        for a model of several."""
        import torch

        languages, settings = self._languages(), self._settings
        features = self._features(samples[: self._processor.feature_extractor.n_samples])
        first = torch.tensor([[settings.decoder_start_token_id]], device=self._place.device)
        with self._working, torch.inference_mode():
            logits = self._model(
                input_features=features["input_features"], decoder_input_ids=first
            ).logits[0, -1]
        shares: Any = torch.softmax(logits[[*languages.values()]].float(), dim=-1)
        likely: list[float] = shares.tolist()
        found = sorted(zip(languages, likely, strict=True), key=lambda one: -one[1])
        return *found[0], found

    def transcribe(
        self,
        samples: NDArray[np.float32],
        *,
        language: str,
        task: str,
        word_timestamps: bool,
        **how: Any,
    ) -> tuple[Iterable[Any], About]:
        """The segments, and what was found out. Raises `UsageError` for a language it has not.

        `how`: `beam_size`, `no_repeat_ngram_size`, `repetition_penalty`, `temperature`,
        `condition_on_previous_text`.
        """
        told = self._told(language, task) | {_THEIRS[name]: one for name, one in how.items()}
        told.setdefault("temperature", 0.0)
        with self._working, quietly():
            made = self._model.generate(
                **self._features(samples),
                **told,
                **_WHOLE,
                return_token_timestamps=word_timestamps or None,
            )
        words = self._words(language, task)
        end = len(samples) / RATE
        found = (_segment(one, words, end, timed=word_timestamps) for one in made["segments"][0])
        return found, About(language)

    def _languages(self) -> dict[str, int]:
        """From a language, as `en`, to its token; empty where it knows English only."""
        found: dict[str, int] = getattr(self._settings, "lang_to_id", None) or {}
        return {token.strip("<|>"): number for token, number in found.items()}

    def _told(self, language: str, task: str) -> dict[str, Any]:
        """What a model of several languages has to be told."""
        languages = self._languages()
        if not languages and (language, task) == ("en", "transcribe"):
            return {}
        if language not in languages:
            known = ", ".join(languages) or "en, which it cannot translate into"
            raise UsageError(f"expected a language of the checkpoint ({known}), came {language!r}")
        return {"language": language, "task": task}

    def _features(self, samples: NDArray[np.float32]) -> dict[str, Any]:
        """Log-mel features of shape (1, bins, frames): one window at least."""
        extract = self._processor.feature_extractor
        made: Any = extract(
            samples,
            sampling_rate=RATE,
            truncation=False,
            padding="longest" if len(samples) > extract.n_samples else "max_length",
            return_attention_mask=True,
            return_tensors="pt",
        )
        place = self._place
        return {
            "input_features": made.input_features.to(place.device, place.dtype),
            "attention_mask": made.attention_mask.to(place.device),
        }

    def _words(self, language: str, task: str) -> Any:
        """Tokens to text and to words."""
        tokens = self._processor.tokenizer.backend_tokenizer
        return _theirs("tokenizer").Tokenizer(
            tokens, multilingual=bool(self._languages()), task=task, language=language
        )


_THEIRS = MappingProxyType(
    {
        "beam_size": "num_beams",
        "condition_on_previous_text": "condition_on_prev_tokens",
        "no_repeat_ngram_size": "no_repeat_ngram_size",
        "repetition_penalty": "repetition_penalty",
        "temperature": "temperature",
    }
)
"""What faster-whisper calls a setting, and what transformers call it."""

# The thresholds are Whisper's own: a window that is likely no speech, and whose text is unlikely,
# has no text. They make transformers keep the scores too.
_WHOLE = MappingProxyType(
    {
        "return_timestamps": True,
        "return_segments": True,
        "no_speech_threshold": 0.6,
        "logprob_threshold": -1.0,
    }
)


def _theirs(module: str) -> Any:
    return imported(
        f"faster_whisper.{module}", feature=_FEATURE, package="faster-whisper", extra="speech"
    )


def _segment(one: Any, words: Any, end: float, *, timed: bool) -> Any:
    """A segment, none of whose times is after the `end` of the samples."""
    tokens: list[int] = one["tokens"].tolist()
    text = words.decode(tokens)
    data = text.encode()
    return _theirs("transcribe").Segment(
        id=0,
        seek=0,
        start=min(float(one["start"]), end),
        end=min(float(one["end"]), end),
        text=text,
        tokens=tokens,
        avg_logprob=_likely(one["result"]),
        compression_ratio=len(data) / len(zlib.compress(data)) if data else 0.0,
        no_speech_prob=0.0,
        words=[*_timed(tokens, one["token_timestamps"].clamp(max=end).tolist(), words)]
        if timed
        else None,
        temperature=0.0,
    )


def _likely(window: Any) -> float:
    """The mean logarithm of the probabilities of a window's tokens."""
    import torch

    scores = torch.stack([*window["scores"]]).float()  # shape (tokens, vocabulary)
    tokens = window["sequences"][-len(scores) :]
    return float(scores.log_softmax(dim=-1).gather(1, tokens[:, None]).mean())


def _timed(tokens: Sequence[int], ends: Sequence[float], words: Any) -> Iterator[Any]:
    """Words with times: each token ends at its time, where the next one begins."""
    word = _theirs("transcribe").Word
    spoken = [(token, end) for token, end in zip(tokens, ends, strict=True) if token < words.eot]
    before = ends[0] if ends else 0.0
    texts, tokens_of = words.split_to_word_tokens([token for token, _ in spoken])
    for text, parts in zip(texts, tokens_of, strict=True):
        took, spoken = spoken[: len(parts)], spoken[len(parts) :]
        yield word(start=before, end=took[-1][1], word=text, probability=1.0)
        before = took[-1][1]
