"""Judges the contestants' answers, so that no figure comes from a wrong one."""

import http.client
import http.server
import socket
import ssl
import subprocess
import threading


class Void(Exception):
    """A run that does not count."""


def answers(contestant, row):
    """Asks a few times over one connection; returns the bytes of a whole answer."""
    import load

    address = contestant.address(row)
    if row == "http2":
        return http2_answers(address)
    host, port = address.split(":")
    sock = socket.create_connection((host, int(port)), timeout=5)
    if row.startswith("tls"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sock = context.wrap_socket(sock)
        if sock.version() != "TLSv1.3":
            raise Void(f"{contestant.name} speaks {sock.version()} and not TLSv1.3")
    size = 0
    with sock, sock.makefile("rwb") as stream:
        for _ in range(5):
            stream.write(f"GET {load.PATH} HTTP/1.1\r\nHost: {load.HOST}\r\n\r\n".encode())
            stream.flush()
            size = one_answer(contestant, stream)
    return size


def one_answer(contestant, stream):
    import load

    lines = []
    while not lines or lines[-1] not in (b"\r\n", b""):
        lines.append(stream.readline())
    head = b"".join(lines)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Void(f"{contestant.name} answers {head!r}")
    if f"content-length: {load.BODY_BYTES}\r\n".encode() not in head.lower():
        raise Void(f"{contestant.name} announces another length: {head!r}")
    body = stream.read(load.BODY_BYTES)
    if body != b"x" * load.BODY_BYTES:
        raise Void(f"{contestant.name} sends another body: {body[:40]!r}...")
    return len(head) + len(body)


def http2_answers(address):
    import load

    command = ["nghttp", "--no-verify-peer", "-H", f":authority: {load.HOST}", f"http://{address}{load.PATH}"]
    done = subprocess.run(command, capture_output=True)
    if done.stdout != b"x" * load.BODY_BYTES:
        raise Void(f"an answer over HTTP/2 is {done.stdout[:40]!r}... {done.stderr!r}")
    return load.BODY_BYTES


def features(everyone):
    """Each contestant sends what it is said to send, as an echoing backend sees it."""
    import contestants
    import load

    seen = []

    class Echo(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    host, port = contestants.BACKEND.split(":")
    with http.server.ThreadingHTTPServer((host, int(port)), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        for contestant in everyone:
            with contestant.running("http1-keep-alive"):
                host, port = contestant.address("http1-keep-alive").split(":")
                client = http.client.HTTPConnection(host, int(port), timeout=5)
                client.request("GET", load.PATH, headers={"Host": load.HOST})
                status = client.getresponse().status
                client.close()
            missing = [name for name in contestant.sends if name not in (seen or [{}])[-1]]
            if status != 200 or missing:
                raise SystemExit(f"{contestant.name} answers {status} and does not send {missing}: {seen[-1:]}")
        echo.shutdown()
