"""A line plot as SVG, by hand: logarithmic x, y from zero, least to greatest as bars.
Colours and text suit light and dark pages."""

import math
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 56, 52
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #57606a }
  .title { font-weight: 600; fill: #24292f }
  .grid { stroke: #8c959f; stroke-opacity: .3 }
  .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 }
  .s2 { stroke: #1a7f37; fill: #1a7f37 }
  .line { fill: none; stroke-width: 2 } .bar { stroke-width: 1.5; stroke-opacity: .6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc }
    .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #f0883e; fill: #f0883e }
    .s2 { stroke: #3fb950; fill: #3fb950 }
    .line { fill: none }
  }"""


def plot(title, x_label, y_label, series):
    """`series`: name → [(x, [y of each round])]."""
    xs = sorted({x for points in series.values() for x, _ in points})
    top, step = scale(max(max(ys) for points in series.values() for _, ys in points))
    span = math.log(xs[-1] / xs[0]) or 1

    def at_x(x):
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * math.log(x / xs[0]) / span

    def at_y(y):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / top

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             f'role="img" aria-label="{escape(title)}">', f"<style>{STYLE}\n</style>",
             text(LEFT, 20, title, "title")]
    for i in range(round(top / step) + 1):
        y = at_y(i * step)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(text(LEFT - 8, y + 4, f"{i * step:g}", anchor="end"))
    for x in xs:
        parts.append(text(at_x(x), HEIGHT - BOTTOM + 20, short(x), anchor="middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label, anchor="middle"))
    parts.append(f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2:.0f}" text-anchor="middle" '
                 f'transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:.0f})">{escape(y_label)}</text>')
    for k, (name, points) in enumerate(series.items()):
        middles = [(at_x(x), at_y(sorted(ys)[len(ys) // 2])) for x, ys in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in middles)
        parts.append(f'<path class="s{k} line" d="M{path}"/>')
        for (x, y), (_, ys) in zip(middles, points):
            parts.append(f'<path class="s{k} bar" d="M{x:.1f} {at_y(min(ys)):.1f}V{at_y(max(ys)):.1f}"/>')
            parts.append(f'<circle class="s{k}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        legend = LEFT + 110 * k
        parts.append(f'<circle class="s{k}" cx="{legend + 5}" cy="36" r="4"/>')
        parts.append(text(legend + 15, 41, name))
    return "\n".join([*parts, "</svg>", ""])


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def short(x):
    return f"{x / 1000:g}k" if x >= 1000 else f"{x:g}"


def scale(greatest):
    """The end of the axis, and its step: 4 to 8 steps of 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(greatest / 4))
    step = next(m * power for m in (1, 2, 5, 10) if greatest / (m * power) <= 7)
    return math.ceil(greatest / step) * step, step
