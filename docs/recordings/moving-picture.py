#!/usr/bin/env python3
"""Makes a moving picture (WebP, GIF) of a recording of a terminal.

    moving-picture.py picture.cast demo.webp [FROM]

Draws at most two screens a second, from second FROM until the console is left. Needs pyte and pillow, and DejaVu Sans Mono (Debian: fonts-dejavu-core).
"""

import json
import sys

import pyte
from PIL import Image, ImageDraw, ImageFont

SIZE = 13
FOLDER = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono"
FONTS = {bold: ImageFont.truetype(f"{FOLDER}{'-Bold' * bold}.ttf", SIZE) for bold in (False, True)}
WIDE, HIGH = 8, 16
BACK, FRONT = (16, 18, 24), (208, 212, 220)
NAMED = {
    "black": "1d1f26", "red": "d9644a", "green": "7fb069", "brown": "e0a33e", "blue": "4f9bd9", "magenta": "b48ead",
    "cyan": "5fb3b3", "white": "c8ccd4", "brightblack": "6b7280", "brightred": "ef7e64", "brightgreen": "99c794",
    "brightbrown": "f2c063", "brightblue": "74b8f0", "brightmagenta": "c9a6d6", "brightcyan": "82cfcf", "brightwhite": "ffffff",
}


def colour(name, default):
    if name == "default":
        return default
    name = NAMED.get(name, name)
    return tuple(int(name[i : i + 2], 16) for i in (0, 2, 4))


def draw(screen):
    picture = Image.new("RGB", (screen.columns * WIDE + 12, screen.lines * HIGH + 12), BACK)
    pen = ImageDraw.Draw(picture)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            front, back = colour(cell.fg, FRONT), colour(cell.bg, BACK)
            if cell.reverse:
                front, back = back, front
            at = (6 + x * WIDE, 6 + y * HIGH)
            if back != BACK:
                pen.rectangle((*at, at[0] + WIDE - 1, at[1] + HIGH - 1), fill=back)
            if cell.data.strip():
                pen.text(at, cell.data, font=FONTS[cell.bold], fill=front)
    return picture


def main(source, target, begin="0"):
    head, *events = (json.loads(line) for line in open(source, encoding="utf-8"))
    begin = float(begin)
    screen = pyte.Screen(head["width"], head["height"])
    stream = pyte.Stream(screen)
    pictures, spans, last, text = [], [], begin, None
    for at, kind, data in events:
        if kind != "o":
            continue
        if at > begin and at - last >= 0.5:
            now = repr(screen.buffer)
            if now != text:
                text = now
                pictures.append(draw(screen))
                spans.append(0)
            spans[-1] += round(1000 * min(at - last, 3))
            last = at
        if "\x1b[?1049l" in data:
            break
        stream.feed(data)
    pictures.append(draw(screen))
    spans.append(2000)
    print(f"{len(pictures)} pictures, {sum(spans) / 1000:.1f} s")
    pictures[0].save(target, save_all=True, append_images=pictures[1:], duration=spans, loop=0, lossless=True, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:])
