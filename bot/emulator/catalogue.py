"""Which models does the emulated service offer, and what does it say about each?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Size = tuple[int, int]

# Pixel sizes: Google's tables for each model, at the default resolution.
_FLASH_25: dict[str, Size] = {
    "1:1": (1024, 1024),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_GEMINI_3: dict[str, Size] = {
    "1:1": (1024, 1024),
    "3:2": (1264, 848),
    "2:3": (848, 1264),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_WITHOUT_2_3 = {ratio: size for ratio, size in _GEMINI_3.items() if ratio not in ("2:3", "3:2")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model of the queue. Prices are micro-dollars per picture, as the queue gives them."""

    id: str
    sizes: dict[str, Size]
    max_images: int
    price: int
    delivery: str = "async"
    dead: bool = False
    """Accepted, and never run (observed for some ids)."""

    def info(self) -> dict[str, Any]:
        """The body of `GET models/{id}`."""
        parameters: list[dict[str, Any]] = [
            {"name": "prompt", "display_name": "Prompt", "type": "string", "required": True,
             "description": "Text description of the desired image."},
            {"name": "image", "display_name": "Image", "type": "array", "required": False,
             "description": f"Optional reference image URLs (up to {self.max_images})."},
            {"name": "aspect_ratio", "display_name": "Aspect ratio", "type": "string", "required": False,
             "default": "1:1", "options": [{"value": ratio} for ratio in self.sizes]},
            {"name": "contents", "display_name": "Contents", "type": "array", "required": False,
             "description": "Conversation history for multi-turn editing."},
        ]  # fmt: skip
        return {
            "model": self.id,
            "org_id": "google",
            "brief_description": f"{self.id}, as the local emulator serves it.",
            "detailed_description": f"# {self.id}\n\nPainted on this machine. Nothing is sent anywhere.",
            "modalities": {},
            "parameters": parameters,
            "price_info": {"price": self.price, "pricing_type": "per_image", "unit": "image"},
            "pricing_details": f"${self.price / 1e6:g} per image",
            "delivery_mode": self.delivery,
            "model_type": "image",
            "tags": ["image"],
        }


CATALOGUE = (
    Model(id="gemini-2.5-flash-image", sizes=_FLASH_25, max_images=3, price=39_000),
    Model(id="gemini-3.1-flash-image", sizes=_GEMINI_3, max_images=14, price=67_000),
    Model(id="gemini-3-pro-image", sizes=_WITHOUT_2_3, max_images=14, price=134_000),
    Model(id="Flux2-Klein", sizes=_FLASH_25, max_images=3, price=20_000, dead=True),
)


def serving(ids: Iterable[str]) -> dict[str, Model]:
    """The models of these ids, in their order; an id that the catalogue lacks behaves like gemini-2.5-flash-image."""
    known = {model.id: model for model in CATALOGUE}
    return {id: known.get(id) or Model(id=id, sizes=_FLASH_25, max_images=3, price=39_000) for id in ids}
