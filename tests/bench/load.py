"""The load: wrk for HTTP/1.1, h2load for HTTP/2, 64 connections, on core 1."""

import re
import subprocess

from check import Void

CONNECTIONS = 64
STREAMS = 8
HOST = "host117.example.com"
PATH = "/svc3/orders?id=7"
BODY_BYTES = 1024

ROWS = ("http1-keep-alive", "http1-new-connection", "tls13-keep-alive", "http2")
PINNED = ("taskset", "-c", "1")


def scheme(row):
    return "https" if row.startswith("tls") else "http"


def run(row, address, seconds, answer_bytes):
    """Loads the proxy for that long; returns the finished requests. Any error makes the run void."""
    url = f"{scheme(row)}://{address}{PATH}"
    if row == "http2":
        return run_h2load(url, address, seconds)
    return run_wrk(row, url, seconds, answer_bytes)


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Void(f"{command[3]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def run_wrk(row, url, seconds, answer_bytes):
    command = [*PINNED, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-H", f"Host: {HOST}"]
    if row == "http1-new-connection":
        command += ["-H", "Connection: close"]
    output = output_of([*command, url])
    if "Socket errors" in output or "Non-2xx" in output:
        raise Void(output)
    total = re.search(r"(\d+) requests in .*, ([\d.]+)([KMG]?)B read", output)
    if not total:
        raise Void(f"wrk says nothing of its requests: {output}")
    requests = int(total[1])
    read = float(total[2]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[total[3]]
    # Whole answers only: heads differ by a few bytes, and wrk rounds to two digits.
    if not requests or abs(read / requests - answer_bytes) > 0.02 * answer_bytes:
        raise Void(f"{read / max(requests, 1):.0f} bytes a request, and an answer has {answer_bytes}: {output}")
    return requests


def run_h2load(url, address, seconds):
    # --connect-to keeps the authority that the routes are chosen by.
    command = [*PINNED, "h2load", "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", f"-D{seconds}"]
    output = output_of([*command, f"--connect-to={address}", url.replace(address, HOST)])
    total = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", output)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    data = re.search(r"traffic: .*\((\d+)\) data", output)
    if not (total and codes and data):
        raise Void(f"h2load says nothing of its requests: {output}")
    done, succeeded, failed, errored = (int(count) for count in total.groups())
    others = sum(int(count) for count in codes.groups()[1:])
    if not done or failed or errored or others or succeeded != done:
        raise Void(output)
    if not done * BODY_BYTES <= int(data[1]) <= (done + CONNECTIONS * STREAMS) * BODY_BYTES:
        raise Void(f"{data[1]} bytes of bodies for {done} requests: {output}")
    return done
