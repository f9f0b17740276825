"""What `rnnfast bench` prints."""

from __future__ import annotations

from rnnfast.bench import comparison, records, words
from rnnfast.bench.peaks import threads_in_words
from rnnfast.bench.records import Point, Result


def machine(result: Result) -> None:
    """What the result was timed on, and how."""
    known = result.machine
    rates = ", ".join(
        f"{rate:.0f} GFLOP/s with {threads_in_words(int(count))}" for count, rate in known["multiply_add"].items()
    )
    print(f"{known['processor']}, {known['isa']}, {known['cores']}; multiply-add: {rates}")
    if "device" in known:
        print(f"on {known['device']}")
    print(", ".join(f"{name} {version}" for name, version in known["versions"].items()))
    print(f"commit {known['commit'] or 'unknown'}; {threads_in_words(result.settings['threads'])} for every contender")


def group(points: list[Point]) -> None:
    """A table of the contenders on one pass of one case, the fastest first."""
    base = records.base_of(points)
    first = points[0]
    print(f"\n{first.suite}: B, T, I, H = {first.case}; {'peak memory' if first.unit == 'B' else first.what}")
    threads = len({point.threads for point in points}) > 1
    width = max(len(words.contender(point, threads=threads)) for point in points)
    for point in sorted(points, key=lambda point: point.median.value if point.rounds else float("inf")):
        name = words.contender(point, threads=threads)
        if point.status == records.LEFT_OUT:
            continue
        if point.status != records.TIMED:
            print(f"  {name:<{width}}  {words.status(point)}")
            continue
        line = f"  {name:<{width}}  {words.amount(point.median.value, point.unit):>8}"
        line += f"  {point.gflop_per_s:6.1f} GFLOP/s" if point.gflop_per_s is not None else ""
        line += f"  {words.times(records.ratio(point, base))}" if base and base is not point else ""
        print(line, flush=True)
    left_out = [point.contender for point in points if point.status == records.LEFT_OUT]
    if left_out:
        print(f"  left out: {', '.join(dict.fromkeys(left_out))}", flush=True)


def comparison_of(old: Result, new: Result) -> None:
    """What changed beyond the noise."""
    for difference in comparison.differences(old, new):
        print(f"\nNot the same: {difference}")
    changes = list(comparison.changes(old, new))
    beyond = [change for change in changes if change.beyond_noise]
    print(f"\n{len(changes)} points in both, {len(beyond)} changed beyond the noise; now over then:")
    for point, ratio in beyond:
        suite, case, what = point.group
        name = words.contender(point, threads=True)
        print(f"  {'slower' if ratio.value > 1 else 'faster'}  {suite}: {case}; {what}: {name}", end="  ")
        print(words.times(ratio, always=True))
