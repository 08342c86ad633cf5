"""How benches print what they measured."""

import statistics


def p95_of(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def told(name: str, values_ms: list[float]) -> str:
    """Return a line with median and 95th percentile of milliseconds."""
    p50, p95 = statistics.median(values_ms), p95_of(values_ms)
    return f"{name:<44} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms"
