#!/usr/bin/env python3
"""Draws a movement of the board test as SVG: plot.py move.csv|servo.csv OUT.svg (the CSVs are in target/arm-test/results)."""

import csv
import sys
from pathlib import Path

WIDTH, LEFT, RIGHT, ROW, LOW = 960, 150, 20, 46, 26
OUTPUTS = [("enable", "enable"), ("reverse", "reverse"), ("forward", "forward")]


def levels_of(rows, value):
    """[(seconds, level)] of what `value` says of each row."""
    return [(float(row["seconds"]), value(row)) for row in rows]


def main(source, target):
    """Reads the trace, writes the drawing."""
    rows = list(csv.DictReader(Path(source).open()))
    # The item's long rest before and after is left out.
    moving = [float(row["seconds"]) for row in rows if row["enable"] == "1"]
    begin, end = min(moving) - 0.4, max(moving) + 1.2
    places = sorted({place for row in rows for place in row["switches"].split()})
    lines = [(name, levels_of(rows, lambda row, key=key: int(row[key]))) for key, name in OUTPUTS]
    for place in places:
        lines.append((f"switch {place}", levels_of(rows, lambda row, place=place: int(place in row["switches"].split()))))
    height = 50 + ROW * (len(lines) + 2) + 40
    x = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * (min(max(seconds, begin), end) - begin) / (end - begin)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24">One can, from home to its place and back (times of an emulated processor)</text>',
    ]
    bottom = 50 + ROW * (len(lines) + 2)
    second = 0
    while begin + second <= end:
        at = x(begin + second)
        out.append(f'<path d="M{at:.1f} 40V{bottom}" stroke="#ddd"/><text x="{at:.1f}" y="{bottom + 20}" text-anchor="middle">{second} s</text>')
        second += 1
    for index, (name, levels) in enumerate(lines):
        base = 50 + ROW * index + LOW + 6
        shown = [levels[0][1]] + [level for seconds, level in levels if seconds <= begin]
        path, level = f"M{LEFT} {base - LOW * shown[-1]}", shown[-1]
        for seconds, to in levels:
            if begin < seconds <= end and to != level:
                path += f"H{x(seconds):.1f}V{base - LOW * to}"
                level = to
        colour = "#1b6ca8" if index < len(OUTPUTS) else "#a85a1b"
        out.append(f'<path d="{path}H{WIDTH - RIGHT}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{LEFT - 12}" y="{base - 6}" text-anchor="end">{name}</text>')
    angles = [(float(row["seconds"]), float(row["angle_deg"])) for row in rows]
    low, high = min(angle for _, angle in angles), max(angle for _, angle in angles)
    base, top = bottom - 8, bottom - 2 * ROW + 14
    y = lambda angle: base - (base - top) * (angle - low) / (high - low or 1)
    inside = [point for point in angles if begin <= point[0] <= end]
    points = " ".join(f"{x(seconds):.1f},{y(angle):.1f}" for seconds, angle in inside)
    out.append(f'<polyline points="{points}" fill="none" stroke="#444" stroke-width="2"/>')
    out.append(f'<text x="{LEFT - 12}" y="{(base + top) / 2:.0f}" text-anchor="end">angle {low:.0f} to {high:.0f}°</text>')
    Path(target).write_text("\n".join([*out, "</svg>", ""]))


def servo(source, target):
    """The same for a servo: its pulses' width and its power, as steps."""
    rows = list(csv.DictReader(Path(source).open()))
    of = lambda what: [(float(row["seconds"]), int(row["value"])) for row in rows if row["what"] == what]
    widths, power = of("width_us"), of("power")
    end = max(seconds for seconds, _ in widths + power) + 0.3
    height, low, high, bottom = 300, 1_000, 1_500, 190
    x = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * (seconds + 0.3) / (end + 0.3)
    y = lambda width: bottom - 110 * (width - low) / (high - low) if width else bottom + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24">A bottle, from home to its place and back (times of an emulated processor)</text>',
    ]
    for second in range(int(end) + 1):
        at = x(second)
        out.append(f'<path d="M{at:.1f} 40V260" stroke="#ddd"/><text x="{at:.1f}" y="282" text-anchor="middle">{second} s</text>')
    for width, name in [(high, "1500 µs, home"), (low, "1000 µs"), (0, "no pulses")]:
        out.append(f'<path d="M{LEFT} {y(width):.1f}H{WIDTH - RIGHT}" stroke="#eee"/>')
        out.append(f'<text x="{LEFT - 12}" y="{y(width) + 5:.1f}" text-anchor="end">{name}</text>')
    curves = [(widths, y, "#1b6ca8"), (power, lambda level: 256 - LOW * level, "#a85a1b")]
    for points, height_of, colour in curves:
        path = f"M{LEFT} {height_of(0):.1f}"
        for seconds, value in points:
            path += f"H{x(seconds):.1f}V{height_of(value):.1f}"
        out.append(f'<path d="{path}H{WIDTH - RIGHT}" fill="none" stroke="{colour}" stroke-width="2"/>')
    out.append(f'<text x="{LEFT - 12}" y="250" text-anchor="end">power</text>')
    Path(target).write_text("\n".join([*out, "</svg>", ""]))


(servo if "servo" in Path(sys.argv[1]).name else main)(*sys.argv[1:])
