"""Results as text: lines while measuring, and the tables of doc/performance.md."""

import os

DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "doc",
                        "performance.md")
BEGIN, END = "<!-- made by bench/run --write: -->\n", "<!-- end of what bench/run made -->\n"

COLUMNS = [  # key, heading, format
    ("rate", "messages/s", "{:,.0f}"), ("rate_ratio", "ratio", "{:.2f}"),
    ("cpu_us", "CPU µs", "{:,.1f}"), ("cpu_ratio", "ratio", "{:.2f}"),
    ("p50", "p50 µs", "{:,.0f}"), ("p99", "p99 µs", "{:,.0f}"),
    ("rss_kib", "peak RSS KiB", "{:,}"), ("own_kib", "of its own KiB", "{:,}"),
    ("added_us", "added to a message, µs", "{:,.0f}"),
    ("nanoseconds", "ns a look-up", "{:,.0f}"), ("compile_ms", "ms to compile", "{:,.2f}"),
]


def cells(row, columns):
    return [form.format(row[key]) if row.get(key) is not None else "" for key, _, form in columns]


def line(row):
    columns = [column for column in COLUMNS if row.get(column[0]) is not None]
    figures = [f"{heading} {text}" for (_, heading, _), text in zip(columns, cells(row, columns))]
    return f"{row['part']}: {row['name']}: " + ", ".join(figures)


def target_line(target):
    return (f"  target {target['number']}: {target['text']}: {target['value']:.2f} "
            f"({'at least' if target['least'] else 'at most'} {target['limit']}): "
            f"{'met' if target['met'] else 'MISSED'}")


def table(headings, lines):
    text = "| " + " | ".join(headings) + " |\n|" + " --- |" * len(headings) + "\n"
    return text + "".join("| " + " | ".join(cell) + " |\n" for cell in lines)


def tables(results):
    """All results as Markdown."""
    text = ""
    if results["targets"]:
        text += table(["target", "what", "measured", "asked", ""], [
            [str(t["number"]), t["text"], f"{t['value']:.2f}",
             f"{'≥' if t['least'] else '≤'} {t['limit']}", "met" if t["met"] else "**missed**"]
            for t in results["targets"]]) + "\n"
    parts = list(dict.fromkeys(row["part"] for row in results["rows"]))
    for part in parts:
        rows = [row for row in results["rows"] if row["part"] == part]
        columns = [c for c in COLUMNS if any(row.get(c[0]) is not None for row in rows)]
        heading = "requests/s" if "request" in part or part.startswith("SPF for") else "messages/s"
        headings = [part] + [heading if c[0] == "rate" else c[1] for c in columns]
        text += table(headings, [[row["name"]] + cells(row, columns) for row in rows]) + "\n"
    return text


def write_document(results):
    """Put the tables into doc/performance.md, between its marks."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{results['date']}, `bench/run --write`:\n\n{tables(results)}{END}{after}")
