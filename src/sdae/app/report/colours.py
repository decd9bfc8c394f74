"""Colours of classes, visible on light and on dark backgrounds."""

import colorsys

_GOLDEN = 0.6180339887498949  # step on the colour circle: neighbours differ, and hues do not repeat
_FIRST = 0.58
_SATURATION = 0.75
_LUMINANCES = (0.2, 0.28, 0.15)  # neighbours differ in luminance too, for colour-blind readers


def class_colours(n_classes: int) -> list[str]:
    """Return a colour for each class, as ``#rrggbb``."""
    return [
        _colour((_FIRST + number * _GOLDEN) % 1, _LUMINANCES[number % len(_LUMINANCES)])
        for number in range(n_classes)
    ]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, in [0, 1], as WCAG defines it."""
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour(hue: float, wanted: float) -> str:
    """Return the colour with the given hue and luminance."""
    low, high = 0.0, 1.0
    for _ in range(20):
        lightness = (low + high) / 2
        channels = colorsys.hls_to_rgb(hue, lightness, _SATURATION)
        colour = "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)
        low, high = (lightness, high) if luminance(colour) < wanted else (low, lightness)
    return colour
