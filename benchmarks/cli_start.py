"""How long `openbell --help` takes, against `import prefect` in the same run."""

import statistics
import subprocess
import sys
import time

REPEATS = 5
#: The issue's bound.
LIMIT = 0.15
HELP = "import sys; sys.argv = ['openbell', '--help']; from openbell.cli import main; main()"


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure() -> tuple[float, float]:
    """Median seconds of (`openbell --help`, `import prefect`), taken in turn so that both see the same load."""
    seconds(HELP), seconds("import prefect")
    pairs = [(seconds(HELP), seconds("import prefect")) for _ in range(REPEATS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def main() -> None:
    ours, reference = measure()
    ratio = ours / reference
    print(f"openbell --help: {ours:.3f} s, import prefect: {reference:.3f} s, ratio {ratio:.3f} (limit {LIMIT})")


if __name__ == "__main__":
    main()
