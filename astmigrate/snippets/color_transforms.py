"""Colours of PIL images, changed as torchvision does.

https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance


class ColorJitter:
    """``torchvision.transforms.ColorJitter`` of PIL images."""

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        self.brightness = self.bounds(brightness, 1)
        self.contrast = self.bounds(contrast, 1)
        self.saturation = self.bounds(saturation, 1)
        self.hue = self.bounds(hue, 0)

    @staticmethod
    def bounds(value: Any, center: int) -> tuple[float, float] | None:
        """The least and the greatest factor; None where nothing changes."""
        if isinstance(value, (int, float)):
            value = (max(center - value, 0.0) if center else -value, center + value)
        low, high = float(value[0]), float(value[1])
        if not (0 if center else -0.5) <= low <= high <= (math.inf if center else 0.5):
            raise ValueError(f"factors between {low} and {high} are not possible")
        return None if low == high == center else (low, high)

    def __call__(self, img: Any) -> Any:
        changes = (
            (self.brightness, adjust_brightness), (self.contrast, adjust_contrast),
            (self.saturation, adjust_saturation), (self.hue, adjust_hue),
        )  # fmt: skip
        for place in np.random.permutation(len(changes)):
            bounds, change = changes[place]
            if bounds is not None:
                img = change(img, float(np.random.uniform(*bounds)))
        return img


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """``torchvision.transforms.functional.adjust_brightness`` of PIL images."""
    return ImageEnhance.Brightness(img).enhance(brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """``torchvision.transforms.functional.adjust_contrast`` of PIL images."""
    return ImageEnhance.Contrast(img).enhance(contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """``torchvision.transforms.functional.adjust_saturation`` of PIL images."""
    return ImageEnhance.Color(img).enhance(saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """``torchvision.transforms.functional.adjust_hue`` of PIL images."""
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.asarray(hue) + np.int32(hue_factor * 255).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(img.mode)
