"""The models that were trained here and come with agentkit, in `agentkit/weights`: their hashes."""

from __future__ import annotations

from agentkit.models.weights import Entry, ModelFile

_CASCADE_SCHEDULE = ModelFile(
    "scheduler/scheduler_config.json",
    "5e6a1ec807807d138a275eaf87b08de5594f4d72f2baf12e54d2e268c254afd4",
    911,
)


def _ours(name: str, files: tuple[ModelFile, ...], *, good_for: str, memory_bytes: int) -> Entry:
    """A model that was trained here, and comes with agentkit."""
    return Entry(
        name=name,
        files=files,
        licence="Apache-2.0",
        notice=(
            f"{name} by the authors of agentkit\nTrained on drawings of Fluent Emoji (MIT, "
            "Microsoft), Noto Emoji (Apache-2.0, Google), Twemoji (CC BY 4.0, Twitter and others)"
        ),
        upstream="https://pypi.org/project/agentkit/",
        good_for=good_for,
        download_bytes=0,
        memory_bytes=memory_bytes,
        shipped=True,
    )


SHIPPED = (
    _ours(
        "clip-icons",
        (
            ModelFile(
                "model.safetensors",
                "e658f0d83e29200d333818fad954fd55d8e028e2d443180c9490bc739d05c103",
                12_365_226,
            ),
            ModelFile(
                "config.json",
                "c664aa013718207ca1d8e84bce8fa55ed52cfcada109a418884a2116f74d9791",
                1_107,
            ),
            ModelFile(
                "preprocessor_config.json",
                "44fbbc74086f597bebaa70336824417141da9155d96a08da60ea03a9eb23057c",
                422,
            ),
            ModelFile(
                "tokenizer.json",
                "446997c66d8db32e51a9bebcc03c610e2a268394bf0ce3260cf690debc7883c6",
                186_395,
            ),
            ModelFile(
                "tokenizer_config.json",
                "2314db10cda109e5074e7a88a420a5d15aa132f253fc13ae490209a0b1b3e55b",
                416,
            ),
        ),
        good_for="labels of drawings, search in them, how well a text fits one",
        memory_bytes=350_000_000,
    ),
    _ours(
        "diffusion-icons",
        (
            ModelFile(
                "unet/diffusion_pytorch_model.safetensors",
                "60cfa63a1b7f963f3981135107d913c3c3bb8bcb54c4c8acd6e26bc05333010e",
                11_888_336,
            ),
            ModelFile(
                "vae/diffusion_pytorch_model.safetensors",
                "d4cfd340949fa6fdaa1faf006c07b3c4c5aeb9ca2dfb044050d6988277b9c410",
                4_007_574,
            ),
            ModelFile(
                "unet/config.json",
                "047a104da2e42c8650ddb5e3270fd8fb3ef98218b9f5bb6134652ff3a12ce6ce",
                1_715,
            ),
            ModelFile(
                "vae/config.json",
                "b83aaa98d6aa5276ed1cfd3d5cfcabb71f9f64b1275ae1ffbe5fabe969650293",
                808,
            ),
            ModelFile(
                "model_index.json",
                "820ad24a5c50bf6381d5efee5e09ca0bfc59498ffe8a3c769b6382f6846bf33c",
                523,
            ),
            ModelFile(
                "scheduler/scheduler_config.json",
                "279059154600f94ff7870af544555e5c0040e5d5dd284b92f5a9e0518100d630",
                506,
            ),
        ),
        good_for="`generate_image`: small drawings of things, rough; reads words with clip-icons",
        memory_bytes=400_000_000,
    ),
    _ours(
        "cascade-icons-32",
        (
            ModelFile(
                "unet/diffusion_pytorch_model.safetensors",
                "e2a7667a974b2827dff85c447184487c48a6bd0a2f65973705ea42284e253bc0",
                6_268_860,
            ),
            ModelFile(
                "unet/config.json",
                "b76c687c73975c16959a02e2a798f524ce04b845a38369e6837f6240daa07ab2",
                1_697,
            ),
            _CASCADE_SCHEDULE,
            ModelFile(
                "model_index.json",
                "985042d60bf65491c6634102ee687c1204875f6cfbfd045b159e3c830bc6228d",
                469,
            ),
        ),
        good_for="`generate_image_cascade`: 32 x 32 pixels, very rough; reads with clip-icons",
        memory_bytes=300_000_000,
    ),
    _ours(
        "cascade-icons-64",
        (
            ModelFile(
                "unet/diffusion_pytorch_model.safetensors",
                "5d64b39210cd4d3de28fa25f5bef166d24e5c8b5605ad20e8ed556d953f64291",
                3_924_924,
            ),
            ModelFile(
                "unet/config.json",
                "7b53fca6b0d4443a75a451a887b2867921b1a1c9d9ce0f26c28f82386b674280",
                1_752,
            ),
            _CASCADE_SCHEDULE,
            ModelFile(
                "model_index.json",
                "3983a4d4607f78694dbe24eb60036419fbdddacebed1dcee6068d0378d5592a8",
                557,
            ),
            ModelFile(
                "image_noising_scheduler/scheduler_config.json",
                "d864c7749697a800e6640914d26cac9d3c9462ae3a2ae05b56b0672b75b7f11f",
                512,
            ),
        ),
        good_for="`generate_image_cascade`: drawings of 32 x 32 pixels enlarged to 64",
        memory_bytes=300_000_000,
    ),
    _ours(
        "captioner-icons",
        (
            ModelFile(
                "model.safetensors",
                "4d336af15991281cf2d8ded2dded55fad39b3a2908c042dd7a8c26e7405ebf41",
                5_690_632,
            ),
            ModelFile(
                "config.json",
                "e1022c2df1c73d4ce1ea7cc2db9cf64f0e8d8330b10516099f5ba37a7c6ffe66",
                1_637,
            ),
            ModelFile(
                "generation_config.json",
                "adacb08ec5f8a1bf0e53519629d07ab5ccf7084d5a732ed5d7cd6fdbd6d343dd",
                247,
            ),
            ModelFile(
                "tokenizer.json",
                "a8a91b023cd7fecaef6b1d5c38400910ea478bce69765779e0564ef5915a7714",
                36_301,
            ),
            ModelFile(
                "tokenizer_config.json",
                "2314db10cda109e5074e7a88a420a5d15aa132f253fc13ae490209a0b1b3e55b",
                416,
            ),
        ),
        good_for="captions of drawings; it sees with clip-icons",
        memory_bytes=350_000_000,
    ),
)
