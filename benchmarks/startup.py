"""What `leap` costs before it does anything: processor time and imports of the quick commands.

With all plugins of this environment. The baseline is a Python that does nothing, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from statistics import median

COMMANDS = {"nothing": ["-c", "pass"]} | {
    name: ["-m", "leap_core", *name.split()] for name in ("--help", "--version", "list-plugins")
}
IMPORT_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| (\s*)(\S+)")


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of one process."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime


def import_times(arguments: list[str]) -> dict[str, float]:
    """Seconds by the clock that each import took by itself, by `python -X importtime`."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: int(us) / 1e6 for us, _, name in IMPORT_LINE.findall(done.stderr)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--quick", action="store_true", help="three runs of each instead of 15")
    arguments = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    print(f"{'command':<20}{'CPU':>8}{'imports':>10}{'modules':>9}   slowest")
    for name, command in COMMANDS.items():
        cpu_seconds(command)  # caches of bytecode are filled
        cpu = median(cpu_seconds(command) for _ in range(3 if arguments.quick else 15))
        times = min((import_times(command) for _ in range(3)), key=lambda t: sum(t.values()))
        slowest = sorted(times, key=times.__getitem__, reverse=True)[:3]
        results[name] = {"cpu_s": cpu, "import_s": sum(times.values()), "modules": len(times)}
        shown = ", ".join(f"{module} {times[module] * 1000:.0f} ms" for module in slowest)
        title = name if name == "nothing" else f"leap {name}"
        print(f"{title:<20}{cpu:>6.3f} s{sum(times.values()):>8.3f} s{len(times):>9}   {shown}")
    if arguments.json:
        keys = {"help": "--help", "version": "--version", "list_plugins": "list-plugins"}
        figures = {f"{key}_cpu_s": results[name]["cpu_s"] for key, name in keys.items()}
        figures |= {f"{key}_import_s": results[name]["import_s"] for key, name in keys.items()}
        print(json.dumps({**figures, "nothing_cpu_s": results["nothing"]["cpu_s"]}))


if __name__ == "__main__":
    main()
