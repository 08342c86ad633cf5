"""How benches print what they measured."""

import statistics


def told(name: str, values_ms: list[float]) -> str:
    """Return a line with median and 95th percentile of milliseconds."""
    ordered = sorted(values_ms)
    p95 = ordered[int(len(ordered) * 0.95)]
    return f"{name:<44} p50 {statistics.median(ordered):7.1f} ms   p95 {p95:7.1f} ms"
