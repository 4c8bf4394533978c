"""Prints drawn in code: bottle labels, can bodies, cartons, boxes, news pages, wrappers. uint8 RGB arrays.

Brand names are invented. Hangul needs a font with it (Noto Sans CJK if the machine has one); without, the prints
fall back to Latin words in Pillow's own font. Never reads a picture.
"""

from __future__ import annotations

import colorsys
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Generator = np.random.Generator
HANGUL_FONTS = ("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
                "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
HANGUL_INDEX = 1  # the KR face in the collection
DRINKS = ["맑은샘", "산들수", "사이다", "콜라", "보리차", "오렌지", "이온음료", "탄산수", "레몬", "커피", "식혜", "녹차"]
DRINKS_LATIN = ["COLA", "FRESH", "SPARK", "LEMON", "AQUA", "ICE", "TEA", "BREW", "GINGER", "LAGER", "SODA", "JOLT"]
MILK = ["우유", "딸기우유", "초코우유", "두유", "바나나", "주스", "저지방"]
MILK_LATIN = ["MILK", "SOY", "JUICE", "CHOCO", "BANANA", "OAT"]
SNACKS = ["새우칩", "감자칩", "라면", "초코볼", "고구마", "쌀과자", "젤리"]
SNACKS_LATIN = ["CHIPS", "RAMEN", "CRUNCH", "PUFFS", "JELLY", "SNACK"]
WORDS = "the of city paper item bin daily report new water light field market price river house over under school".split()


@lru_cache(maxsize=64)
def font(size: int) -> tuple[ImageFont.FreeTypeFont, bool]:
    """A font and whether it has Hangul."""
    for path in HANGUL_FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, size, index=HANGUL_INDEX), True
    return ImageFont.load_default(size), False


def vivid(rng: Generator, value: tuple[float, float] = (0.35, 0.95), saturation: tuple[float, float] = (0.6, 1.0),
          ) -> tuple[int, int, int]:
    """A strong colour, 0..255."""
    c = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    return tuple(int(255 * x) for x in c)


def word(rng: Generator, hangul: list[str], latin: list[str]) -> str:
    """A word the font can show."""
    return str(rng.choice(hangul if font(20)[1] and rng.uniform() < 0.65 else latin))


def _small_print(draw: ImageDraw.ImageDraw, rng: Generator, x: int, y: int, w: int, lines: int,
                 ink: tuple[int, int, int], step: int = 9) -> None:
    for i in range(lines):
        at = x
        while at < x + w - 6:
            length = int(rng.integers(4, 22))
            draw.rectangle([at, y + i * step, min(at + length, x + w), y + i * step + max(2, step // 3)], fill=ink)
            at += length + 5


def _barcode(draw: ImageDraw.ImageDraw, rng: Generator, x: int, y: int, w: int, h: int) -> None:
    draw.rectangle([x - 4, y - 4, x + w + 4, y + h + 4], fill=(250, 250, 250))
    at = x
    while at < x + w:
        bar = int(rng.integers(1, 4))
        draw.rectangle([at, y, at + bar - 1, y + h], fill=(10, 10, 10))
        at += bar + int(rng.integers(1, 4))


def _motif(draw: ImageDraw.ImageDraw, rng: Generator, w: int, h: int, colours: list[tuple[int, int, int]]) -> None:
    kind = rng.integers(0, 5)
    a, b = colours[0], colours[1]
    if kind == 0:
        for i in range(int(rng.integers(2, 6))):
            y = int(rng.uniform(0, h))
            draw.rectangle([0, y, w, y + int(rng.uniform(0.02, 0.14) * h)], fill=a if i % 2 else b)
    elif kind == 1:
        x = np.arange(0, w + 8, 8)
        y = h * rng.uniform(0.45, 0.75) + h * 0.12 * np.sin(x / w * 2 * np.pi * rng.integers(1, 4))
        draw.polygon([*zip(x.tolist(), y.tolist()), (w, h), (0, h)], fill=a)
        draw.line([*zip(x.tolist(), y.tolist())], fill=b, width=max(3, h // 40))
    elif kind == 2:
        for _ in range(int(rng.integers(8, 30))):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.02, 0.12) * h
            draw.ellipse([x - r, y - r, x + r, y + r], fill=a if rng.uniform() < 0.5 else b)
    elif kind == 3:
        for i in range(-h, w, max(20, w // int(rng.integers(6, 18)))):
            draw.line([(i, h), (i + h, 0)], fill=a, width=max(4, w // 60))
    else:
        for k in range(2):
            x = w * (0.25 + 0.5 * k)
            r = h * 0.38
            draw.ellipse([x - r, h / 2 - r, x + r, h / 2 + r], fill=a)
            draw.ellipse([x - r * .8, h / 2 - r * .8, x + r * .8, h / 2 + r * .8], fill=b)


def wrap_print(rng: Generator, width: int, height: int, hangul: list[str], latin: list[str],
               background: tuple[int, int, int] | None = None, upright: bool = False) -> np.ndarray:
    """A print that goes round a body: two fronts half a turn apart, small print and a bar code between."""
    base = background or (vivid(rng) if rng.uniform() < 0.7 else (240, 240, 238))
    ink = (250, 250, 248) if sum(base) < 430 else vivid(rng, (0.2, 0.6))
    image = Image.new("RGB", (width, height), base)
    draw = ImageDraw.Draw(image)
    _motif(draw, rng, width, height, [vivid(rng), (248, 248, 245) if rng.uniform() < 0.5 else vivid(rng)])
    text = word(rng, hangul, latin)
    for k in range(2):
        centre = width * (0.25 + 0.5 * k)
        size = int(min(height * rng.uniform(0.26, 0.5), width * 0.42 / max(2, len(text)) * 1.6))
        plate = Image.new("RGBA", (int(width * 0.48), int(size * 1.7)), (0, 0, 0, 0))
        pen = ImageDraw.Draw(plate)
        pen.text((plate.width / 2, plate.height / 2), text, font=font(max(10, size))[0], fill=ink, anchor="mm",
                 stroke_width=max(1, size // 18), stroke_fill=vivid(rng, (0.15, 0.5)))
        if upright:
            plate = plate.rotate(90, expand=True)
        image.paste(plate, (int(centre - plate.width / 2), int(height * 0.42 - plate.height / 2)), plate)
    _small_print(draw, rng, int(width * 0.45), int(height * 0.15), int(width * 0.09), int(height * 0.06), ink)
    _barcode(draw, rng, int(width * 0.94), int(height * 0.6), int(width * 0.05), int(height * 0.25))
    return np.asarray(image)


def label(rng: Generator) -> np.ndarray:
    """A bottle's sleeve."""
    return wrap_print(rng, 1024, 320, DRINKS, DRINKS_LATIN)


def can_body(rng: Generator) -> np.ndarray:
    """A can's body, u around and v along."""
    metal = (205, 205, 208) if rng.uniform() < 0.25 else None
    return wrap_print(rng, 900, 560, DRINKS, DRINKS_LATIN, metal, upright=rng.uniform() < 0.5)


def carton_sides(rng: Generator) -> np.ndarray:
    """Four sides of a drink carton next to each other."""
    base = (246, 246, 242) if rng.uniform() < 0.55 else None
    return wrap_print(rng, 1024, 512, MILK, MILK_LATIN, base, upright=rng.uniform() < 0.3)


def snack(rng: Generator) -> np.ndarray:
    """The front of a snack or noodle bag."""
    pixels = wrap_print(rng, 900, 640, SNACKS, SNACKS_LATIN)
    return pixels


def tub(rng: Generator) -> np.ndarray:
    """A print around a tub or a detergent bottle."""
    return wrap_print(rng, 1024, 380, MILK, MILK_LATIN, (244, 244, 242) if rng.uniform() < 0.6 else None)


def news(rng: Generator, width: int = 620, height: int = 860) -> np.ndarray:
    """A page of a newspaper or a magazine: a headline, columns, grey or coloured pictures."""
    tone = int(rng.integers(205, 240))
    image = Image.new("RGB", (width, height), (tone, tone - 3, tone - 12))
    draw = ImageDraw.Draw(image)
    title = word(rng, ["오늘신문", "동네소식", "주간장터", "새벽일보"], ["DAILY NOTE", "THE MARKET", "CITY POST"])
    draw.text((width / 2, 46), title, font=font(56)[0], fill=(20, 20, 24), anchor="mm")
    draw.line([(20, 84), (width - 20, 84)], fill=(20, 20, 20), width=3)
    columns = int(rng.integers(3, 6))
    step = (width - 40) // columns
    for c in range(columns):
        y = 100
        while y < height - 40:
            if rng.uniform() < 0.22:
                h = int(rng.uniform(60, 150))
                colour = vivid(rng, (0.4, 0.8), (0.2, 0.7)) if rng.uniform() < 0.4 else (int(rng.integers(60, 170)),) * 3
                draw.rectangle([20 + c * step, y, 20 + (c + 1) * step - 12, min(y + h, height - 20)], fill=colour)
                y += h + 10
            elif rng.uniform() < 0.2:
                draw.rectangle([20 + c * step, y, 20 + (c + 1) * step - 16, y + 12], fill=(25, 25, 28))
                y += 24
            else:
                lines = int(rng.integers(5, 16))
                _small_print(draw, rng, 20 + c * step, y, step - 14, lines, (70, 70, 74), 8)
                y += lines * 8 + 8
    return np.asarray(image)


def document(rng: Generator, width: int = 620, height: int = 860) -> np.ndarray:
    """An office sheet, a leaflet or a plain page."""
    kind = rng.uniform()
    tone = int(rng.integers(232, 250))
    image = Image.new("RGB", (width, height), (tone, tone, tone - int(rng.integers(0, 10))))
    draw = ImageDraw.Draw(image)
    if kind < 0.15:
        return np.asarray(image)
    if kind < 0.5:
        draw.rectangle([0, 0, width, int(height * rng.uniform(0.12, 0.5))], fill=vivid(rng))
        draw.text((width / 2, height * 0.12), word(rng, ["안내문", "세일", "분리배출", "공지"], ["SALE", "NOTICE", "OPEN"]),
                  font=font(90)[0], fill=(250, 250, 250), anchor="mm")
        _motif(ImageDraw.Draw(image), rng, width, height // 3, [vivid(rng), vivid(rng)])
    y = int(height * 0.32) if kind < 0.5 else 70
    while y < height - 60:
        lines = int(rng.integers(3, 9))
        _small_print(draw, rng, 60, y, width - 120, lines, (60, 60, 64), 13)
        y += lines * 13 + 20
    return np.asarray(image)


def cardboard(rng: Generator, width: int = 1024, height: int = 512) -> np.ndarray:
    """Kraft board: fibres, a printed mark or word, parcel tape, sometimes a white address label."""
    base = np.array([182, 140, 96]) * rng.uniform(0.78, 1.08) + rng.normal(0, 4, 3)
    pixels = np.clip(base + rng.normal(0, 5, (height, width, 1)) + rng.normal(0, 5, (height, 1, 1)), 0, 255)
    image = Image.fromarray(pixels.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    draw = ImageDraw.Draw(image)
    ink = tuple(int(c) for c in (base * 0.35 if rng.uniform() < 0.7 else np.array(vivid(rng, (0.3, 0.6)))))
    for k in range(4):
        x = width * k / 4
        if rng.uniform() < 0.75:
            draw.text((x + width / 8, height * 0.4), word(rng, ["택배", "사과", "취급주의", "과자", "생활용품"], ["FRAGILE", "BOX", "FRESH"]),
                      font=font(54)[0], fill=ink, anchor="mm")
        for a in range(2):
            ax = x + 30 + a * 40
            draw.polygon([(ax, height - 60), (ax + 14, height - 90), (ax + 28, height - 60)], fill=ink)
            draw.rectangle([ax + 9, height - 60, ax + 19, height - 30], fill=ink)
    if rng.uniform() < 0.6:
        tape = (214, 190, 140) if rng.uniform() < 0.6 else (150, 105, 60)
        draw.rectangle([0, height * 0.44, width, height * 0.55], fill=tape)
    if rng.uniform() < 0.5:
        x, y = int(rng.uniform(0.1, 0.6) * width), int(rng.uniform(0.1, 0.5) * height)
        draw.rectangle([x, y, x + 190, y + 130], fill=(240, 240, 238))
        _barcode(draw, rng, x + 14, y + 14, 110, 34)
        _small_print(draw, rng, x + 14, y + 62, 160, 5, (60, 60, 60), 12)
    return np.asarray(image)


def wrapped_box(rng: Generator) -> np.ndarray:
    """A printed paper box (biscuits, tissues, medicine)."""
    return wrap_print(rng, 1024, 420, SNACKS, SNACKS_LATIN)
