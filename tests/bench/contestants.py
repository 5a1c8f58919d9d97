"""The proxies that are measured, and the backend behind them."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request

import manifests

BACKEND = "127.0.77.9:9001"
PORTS = {"http1-keep-alive": 8080, "http1-new-connection": 8080, "tls13-keep-alive": 8443, "http2": 8082}
TICKS = os.sysconf("SC_CLK_TCK")
FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-request-id")

NGINX = """
worker_processes 1; daemon off; pid {work}/{name}.pid; error_log {work}/{name}.err;
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; server_tokens off;
  keepalive_requests 100000000; keepalive_timeout 300s;
  client_body_temp_path {work}/{name}-body; proxy_temp_path {work}/{name}-proxy;
  fastcgi_temp_path {work}/{name}-fastcgi; uwsgi_temp_path {work}/{name}-uwsgi; scgi_temp_path {work}/{name}-scgi;
  {body}
}}
"""

LISTEN = """
    listen {host}:8080 {default} backlog=4096; listen {host}:8082 {default} http2 backlog=4096;
    listen {host}:8443 {default} ssl backlog=4096;
    ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; ssl_protocols TLSv1.3;
"""

# A pool as large as the requests under way, or HTTP/2 would measure connecting.
UPSTREAM = f"upstream backend {{ server {BACKEND}; keepalive 1024; keepalive_requests 100000000; }}"


class Process:
    """A running program and its children."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(int(child) for child in children)]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # Fields 14 and 15 of proc(5), counted from the one behind the name.
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def wait_for(self, addresses):
        limit = time.monotonic() + 30
        for address in addresses:
            host, port = address.split(":")
            while True:
                with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                    break
                if self.process.poll() is not None or time.monotonic() > limit:
                    self.process.kill()
                    raise SystemExit(f"{self.process.args} does not listen on {address}: {self.process.stderr.read()}")
                time.sleep(0.01)

    def stop(self, how):
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()


@contextlib.contextmanager
def started(command, addresses, how=signal.SIGTERM):
    process = Process(command)
    try:
        process.wait_for(addresses)
        yield process
    finally:
        process.stop(how)


class Nginx:
    def __init__(self, name, work, host, body, sends):
        self.name, self.host, self.sends = name, host, sends
        self.config = work / f"{name}.conf"
        self.config.write_text(NGINX.format(work=work, name=name, body=body))

    def address(self, row):
        return f"{self.host}:{PORTS[row]}"

    def running(self, row):
        return started(["taskset", "-c", "0", "nginx", "-c", self.config], [self.address(row)])

    def check_after(self, requests):
        pass


class Tidegate:
    name = "tidegate"
    host = "127.0.77.3"
    sends = (*FORWARDED, "x-forwarded-host")

    def __init__(self, work, binary):
        if not binary.exists():
            raise SystemExit(f"{binary} is missing: run `cargo build --release --locked`")
        self.log = work / "tidegate-access.log"
        source = work / "tidegate"
        source.mkdir()
        manifests.write(source, self.host, BACKEND, (work / "cert.pem").read_text(), (work / "key.pem").read_text())
        self.command = [
            *("taskset", "-c", "0", binary, "serve", "--source", source, "--workers", "1"),
            *("--admin-address", f"{self.host}:9902", "--health-address", f"{self.host}:9901"),
            *("--access-log", "0.01", "--access-log-file", self.log),
            *("--drain-min", "0s", "--drain-max", "1s"),
        ]

    def address(self, row):
        return f"{self.host}:{PORTS[row]}"

    @contextlib.contextmanager
    def running(self, row):
        self.log.unlink(missing_ok=True)
        with started(self.command, [self.address(row)]) as process:
            yield process

    def check_after(self, requests):
        """The features that are measured were on: the log has about 1 %, the metrics every request."""
        from check import Void

        lines = self.log.read_text().count("\n")
        if not 0.003 * requests < lines < 0.03 * requests:
            raise Void(f"{lines} lines in the access log for {requests} requests")
        with urllib.request.urlopen(f"http://{self.host}:9901/metrics", timeout=5) as answer:
            counted = sum(
                float(value) for value in re.findall(r"^tidegate_route_requests_total{.*} (\S+)", answer.read().decode(), re.M)
            )
        if counted < requests:
            raise Void(f"the metrics count {counted} of {requests} requests")


def features_body(work, host):
    """200 hosts with three locations each, forwarded headers, request id, a buffered access log."""
    backend = "proxy_pass http://backend;"
    locations = f"location /svc0/v0 {{ {backend} }} location /svc1/v1 {{ {backend} }} location / {{ {backend} }}"
    servers = "\n".join(
        f"  server {{ {LISTEN.format(host=host, work=work, default='')} server_name host{number}.example.com; {locations} }}"
        for number in range(200)
    ).replace(" backlog=4096", "")
    return f"""
  log_format m '$remote_addr - $request_method $host$request_uri $status $body_bytes_sent $request_time';
  access_log {work}/nginx-access.log m buffer=64k;
  server_names_hash_max_size 4096; server_names_hash_bucket_size 128;
  {UPSTREAM}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Request-Id $request_id; proxy_set_header Via "1.1 gateway"; add_header Via "1.1 gateway";
{servers}
  server {{ {LISTEN.format(host=host, work=work, default='default_server')} {locations} }}
"""


def prepare(work, binary):
    """Writes every configuration; returns the contestants."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        + ["-subj", "/CN=example.com", "-addext", "subjectAltName=DNS:*.example.com"]
        + ["-keyout", work / "key.pem", "-out", work / "cert.pem"],
        check=True,
        capture_output=True,
    )
    plain = f"""
  {UPSTREAM}
  server {{ {LISTEN.format(host="127.0.77.1", work=work, default="")}
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""
    return [
        Nginx("nginx", work, "127.0.77.1", plain, ()),
        Nginx("nginx-features", work, "127.0.77.2", features_body(work, "127.0.77.2"), FORWARDED),
        Tidegate(work, binary),
    ]


def backend(work):
    """nginx that answers every path with 1 KiB, beside the load on core 1."""
    body = f'default_type text/plain; server {{ listen {BACKEND} backlog=4096; location / {{ return 200 "{"x" * 1024}"; }} }}'
    config = work / "backend.conf"
    config.write_text(NGINX.format(work=work, name="backend", body=body))
    return started(["taskset", "-c", "1", "nginx", "-c", config], [BACKEND])
