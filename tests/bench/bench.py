#!/usr/bin/env python3
"""Measures Tidegate beside nginx: CPU time of the proxy per finished request.

The proxy is pinned to core 0; the load and the backend are on core 1. Each round starts every
contestant anew and the order rotates, for on a virtual machine the same program may land on a
faster or a slower mode. So the figure is the ratio of the minima; below 4 % nothing is resolved.

    tests/bench/bench.py [--rounds 7] [--seconds 5] [--row NAME]... [--binary PATH]

Needs nginx, wrk, h2load and openssl; as root, what is missing is installed with apt-get. Exits 1
if a row has too few valid rounds, or if HTTP/1.1 keep-alive is over 1.15 times plain nginx.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import check
import contestants
import load

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = {"nginx": "nginx", "wrk": "wrk", "h2load": "nghttp2-client", "openssl": "openssl", "taskset": "util-linux"}
RESOLUTION = 0.04
LIMIT = {"http1-keep-alive": 1.15}


def install_tools():
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"bench needs {', '.join(missing)}: run `{' '.join(command)}` as root")
    print(f"installing {', '.join(missing)}", flush=True)
    subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def measure_once(contestant, row, seconds):
    """One run: start, check, warm up, measure, check, stop. Returns CPU microseconds a request."""
    with contestant.running(row) as proxy:
        size = check.answers(contestant, row)
        load.run(row, contestant.address(row), 1, size)
        before = proxy.cpu_seconds()
        requests = load.run(row, contestant.address(row), seconds, size)
        spent = proxy.cpu_seconds() - before
        check.answers(contestant, row)
        contestant.check_after(requests)
    return {"microseconds": spent / requests * 1e6, "requests_per_second": requests / seconds}


def run_rounds(rows, everyone, rounds, seconds):
    results = {row: {contestant.name: [] for contestant in everyone} for row in rows}
    voids = []
    for number in range(rounds):
        for row in rows:
            for turn in range(len(everyone)):
                contestant = everyone[(number + turn) % len(everyone)]
                try:
                    run = measure_once(contestant, row, seconds)
                except check.Void as void:
                    voids.append(f"round {number + 1}, {row}, {contestant.name}: {void}")
                    print(f"  VOID {voids[-1]}", flush=True)
                    continue
                results[row][contestant.name].append(run)
                print(
                    f"  round {number + 1}  {row:22} {contestant.name:16}"
                    f" {run['microseconds']:7.2f} us/request  {run['requests_per_second']:8.0f} requests/s",
                    flush=True,
                )
    return results, voids


def verdict(ratio):
    return f"{ratio:.2f}" + (" (equal)" if abs(ratio - 1) < RESOLUTION else "")


def report(results, rounds):
    """Prints every row with all its rounds; returns what is wrong."""
    wrong = []
    for row, by_name in results.items():
        print(f"\n{row}: CPU microseconds of the proxy per request")
        print(f"  {'':16} {'min':>7} {'median':>7}      to nginx   to nginx with features   all rounds")
        lowest = {}
        for name, runs in by_name.items():
            if len(runs) < rounds:
                wrong.append(f"{row}: {name} has only {len(runs)} valid rounds of {rounds}")
            if runs:
                lowest[name] = min(run["microseconds"] for run in runs)
        for name, runs in by_name.items():
            if not runs:
                continue
            values = [run["microseconds"] for run in runs]
            ratios = [
                verdict(lowest[name] / lowest[other]) if other in lowest and other != name else "-"
                for other in ("nginx", "nginx-features")
            ]
            print(
                f"  {name:16} {lowest[name]:7.2f} {statistics.median(values):7.2f}   {ratios[0]:>12}"
                f"   {ratios[1]:>22}   {' '.join(f'{value:.1f}' for value in values)}"
            )
        limit = LIMIT.get(row)
        if limit and {"nginx", "tidegate"} <= lowest.keys():
            ratio = lowest["tidegate"] / lowest["nginx"]
            print(f"  tidegate / nginx = {ratio:.3f} (must be at most {limit})")
            if ratio > limit:
                wrong.append(f"{row}: tidegate takes {ratio:.3f} times what nginx takes, more than {limit}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description="Measures Tidegate beside nginx.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--row", action="append", choices=load.ROWS, help="only this one; may be repeated")
    parser.add_argument("--binary", default=ROOT / "target/release/tidegate", type=pathlib.Path)
    parser.add_argument("--only", action="append", help="only this contestant; may be repeated")
    arguments = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("bench needs two cores: one for the proxy, one for the load and the backend")
    install_tools()

    work = ROOT / "build/bench"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    everyone = [
        contestant
        for contestant in contestants.prepare(work, arguments.binary)
        if not arguments.only or contestant.name in arguments.only
    ]
    check.features(everyone)
    rows = arguments.row or list(load.ROWS)
    with contestants.backend(work):
        results, voids = run_rounds(rows, everyone, arguments.rounds, arguments.seconds)
    wrong = report(results, arguments.rounds)
    (work / "result.json").write_text(json.dumps({"results": results, "void": voids}, indent=1) + "\n")
    print(f"\nall figures: {work / 'result.json'}")
    for line in wrong:
        print(f"FAILED {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
