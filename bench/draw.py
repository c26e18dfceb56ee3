"""The picture of doc/performance.md: bars, ours beside the peers'."""

import os
from xml.sax.saxutils import escape

PICTURE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "doc",
                       "performance.svg")
WIDTH, LABEL, BAR, ROW, GAP = 820, 250, 430, 22, 34
OURS, PEER, FLOOR = "#1f77b4", "#b0b0b0", "#dddddd"


def colour(name):
    if name.startswith("truefrom") or name.endswith("with truefrom"):
        return OURS
    return FLOOR if name.startswith("null") or name == "Postfix alone" else PEER


def group(title, rows, key, form, top):
    """One set of bars; the elements and where the next one begins."""
    largest = max(row[key] for row in rows)
    elements = [f'<text x="10" y="{top + 15}" font-weight="bold">{escape(title)}</text>']
    top += 24
    for row in rows:
        length = max(BAR * row[key] / largest, 1)
        elements.append(f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">'
                        f'{escape(row["name"])}</text>')
        elements.append(f'<rect x="{LABEL}" y="{top + 2}" width="{length:.1f}" height="{ROW - 5}" '
                        f'fill="{colour(row["name"])}"/>')
        elements.append(f'<text x="{LABEL + length + 6:.1f}" y="{top + 15}">'
                        f'{form.format(row[key])}</text>')
        top += ROW
    return elements, top + GAP - ROW


def write_picture(results):
    elements, top = [], 10
    parts = list(dict.fromkeys(row["part"] for row in results["rows"]))
    for part in parts:
        rows = [row for row in results["rows"] if row["part"] == part]
        if not part.startswith(("milter,", "whole, 1", "whole, 20", "policy requests, 100", "SPF for", "through")):
            continue
        what = "requests" if "request" in part or part.startswith("SPF for") else "messages"
        found, top = group(f"{part}: {what} a second (more is better)", rows, "rate", "{:,.0f}", top)
        elements += found
        if all(row.get("cpu_us") for row in rows):
            found, top = group(f"{part}: CPU for one, µs (less is better)", rows, "cpu_us", "{:,.1f}", top)
            elements += found
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
                   f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="13">\n'
                   f'<title>Truefrom beside its peers, {results["date"]}</title>\n'
                   f'<rect width="{WIDTH}" height="{top}" fill="white"/>\n'
                   + "\n".join(elements) + "\n</svg>\n")
