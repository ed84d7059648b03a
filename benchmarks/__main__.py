"""``make bench``: run every benchmark of this folder, one after the other, and print its ratios."""

import argparse
import importlib
import pkgutil
import sys
import time

import benchmarks


def main() -> int:
    found = [module for module in pkgutil.iter_modules(benchmarks.__path__) if not module.ispkg]
    names = [module.name for module in found if not module.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *names], help="run only these")
    for name in parser.parse_args().only or names:
        print(f"\n== {name} ==", flush=True)
        started = time.perf_counter()
        importlib.import_module(f"benchmarks.{name}").main()
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
