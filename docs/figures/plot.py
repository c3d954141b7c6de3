"""Draws a figure of a run's metrics as an SVG, from its validation rows and, thinly, its steps.

    python3 docs/figures/plot.py RUN/metrics.jsonl kl teacher_agreement > docs/figures/run.svg

One panel a figure, side by side. Needs Python alone.
"""
import json
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 400, 260, 52, 34, 36, 14
TITLES = {
    "kl": "KL from the teacher, nats", "teacher_agreement": "share of top tokens that agree",
    "loss": "loss", "ce": "cross-entropy, nats", "rewards/margins": "reward margin",
}


def ticks(low, high):
    """About four round values between low and high."""
    raw = (high - low) / 4 or 1
    power = 10 ** len(str(int(1 / raw))) if raw < 1 else 1
    step = max(round(raw * power), 1) / power
    first = -(-low // step) * step
    return [first + step * i for i in range(int((high - first) / step) + 1)]


def panel(rows, name, left):
    steps = [(r["step"], r[name]) for r in rows if not r.get("eval") and name in r]
    evaluations = [(r["step"], r["eval_" + name]) for r in rows if r.get("eval")]
    points = steps + evaluations
    last = max(x for x, _ in points)
    high = max(y for _, y in points)
    high *= 1.05

    def place(point):
        x = left + LEFT + point[0] / last * (WIDTH - LEFT - RIGHT)
        y = TOP + (1 - point[1] / high) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    out = [f'<text x="{left + LEFT}" y="20" class="title">{TITLES.get(name, name)}</text>']
    for value in ticks(0, high):
        x, y = place((0, value)).split(",")
        end = place((last, value)).split(",")[0]
        out.append(f'<path d="M{x},{y}H{end}" class="grid"/><text x="{float(x) - 7:.1f}" y="{float(y) + 4:.1f}" class="end">{value:g}</text>')
    for value in ticks(0, last):
        x = place((value, 0)).split(",")[0]
        out.append(f'<text x="{x}" y="{HEIGHT - 14}" class="middle">{value:g}</text>')
    out.append(f'<text x="{left + WIDTH - RIGHT}" y="{HEIGHT - 1}" class="end">step</text>')
    out.append(f'<polyline points="{" ".join(map(place, steps))}" class="steps"/>')
    out.append(f'<polyline points="{" ".join(map(place, evaluations))}" class="held"/>')
    for point in evaluations:
        x, y = place(point).split(",")
        out.append(f'<circle cx="{x}" cy="{y}" r="3.5" class="dot"/>')
    x, y = place(evaluations[-1]).split(",")
    out.append(f'<text x="{float(x) - 6:.1f}" y="{float(y) - 9:.1f}" class="end value">{evaluations[-1][1]:.3g} held out</text>')
    return "\n".join(out)


def main():
    with open(sys.argv[1]) as file:
        rows = [json.loads(line) for line in file]
    names = sys.argv[2:]
    width = WIDTH * len(names)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 6}" width="{width}" height="{HEIGHT + 6}">')
    print("""<style>
text { font: 12px system-ui, sans-serif; fill: #444 } .title { font-weight: 600; fill: #111 }
.end { text-anchor: end } .middle { text-anchor: middle } .value { fill: #0b5cad; font-weight: 600; paint-order: stroke; stroke: #fff; stroke-width: 4px }
.grid { stroke: #ddd } .steps { fill: none; stroke: #9bbfe0; stroke-width: 1 }
.held { fill: none; stroke: #0b5cad; stroke-width: 2 } .dot { fill: #0b5cad }
</style>""")
    print(f'<rect width="{width}" height="{HEIGHT + 6}" fill="#fff"/>')
    for index, name in enumerate(names):
        print(panel(rows, name, index * WIDTH))
    print("</svg>")


main()
