"""The one table of a measurement, from the results of all its runs."""

import statistics

COLUMNS = ("system", "version", "acknowledged submission is", "kept per finished task", "lifecycle/s", "submit/s",
           "drain/s", "latency p50 / p99, ms", "lone sync p50 / p99, ms", "server CPU, µs/task",
           "disk, bytes/task")  # yapf: disable


def table(rows, results):
    """`rows`: name, version, durability and what is kept, of each system; `results`: of all runs."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS)]
    for row in rows:
        lines.append((row["system"], row["version"], row["durability"], row["keeps"], *_figures(row, results)))
    lines.append(("Limit: write and fdatasync of 4 KiB", *[""] * 7, _lone_sync(results), "", ""))
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join("| " + " | ".join(_pad(text, width) for text, width in zip(line, widths)) + " |"
                     for line in lines)  # yapf: disable


def _lone_sync(results):
    """Of all latency runs."""
    syncs = [result["lone_sync_ms"] for result in results if "lone_sync_ms" in result]
    return f'{_time([sync["p50"] for sync in syncs])} / {_time([sync["p99"] for sync in syncs])}' if syncs else ""


def _pad(text, width):
    return "-" * width if text == "---" else text.ljust(width)


def _figures(row, results):
    mine = [result for result in results if result["system"] == row["system"]]

    def values(mode, *path):
        found = []
        for result in mine:
            value = result if result["mode"] == mode else {}
            for name in path:
                value = value.get(name, {})
            if value != {}:
                found.append(value)
        return found

    def pair(name):
        both = [_time(values("latency", name, quantile)) for quantile in ("p50", "p99")]
        return " / ".join(both) if all(both) else ""

    return (_rate(values("lifecycle", "tasks_per_second")), _rate(values("submit", "tasks_per_second")),
            _rate(values("drain", "tasks_per_second")), pair("latency_ms"), pair("lone_sync_ms"),
            _number(values("lifecycle", "server_cpu_us_per_task"), "{:.1f}"),
            _number(values("lifecycle", "disk_bytes_per_task"), "{:,.0f}"))  # yapf: disable


def _number(values, form):
    return form.format(statistics.median(values)) if values else ""


def _rate(values):
    """The median, and from which to which value the runs went."""
    text = _number(values, "{:,.0f}")
    return text if len(values) < 2 else f"{text} ({min(values):,.0f}-{max(values):,.0f})"


def _time(values):
    return _number(values, "{:.2f}")
