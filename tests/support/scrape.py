"""Reading a MetricsSocket as Prometheus does; the format is checked by Prometheus' own Python client."""

import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT = 30


def connect(endpoint):
    """A connection to a socket in the forms of truefrom.conf(5)."""
    form, rest = endpoint.split(":", 1)
    if form in ("local", "unix"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(TIMEOUT)
        client.connect(rest)
        return client
    port, host = rest.split("@")
    return socket.create_connection((host, int(port)), TIMEOUT)


def answer(client):
    """All that comes until the other side closes."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data.decode()


def ask(endpoint, request):
    """What the server answers to these octets: (status line, body)."""
    with connect(endpoint) as client:
        client.sendall(request)
        head, _, body = answer(client).partition("\r\n\r\n")
        return head.split("\r\n")[0], body


def page(endpoint):
    """The text of the page. Through TCP by Python's own HTTP client."""
    if endpoint.startswith("inet:"):
        port, host = endpoint[len("inet:"):].split("@")
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=TIMEOUT) as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            return response.read().decode()
    status, body = ask(endpoint, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status == "HTTP/1.1 200 OK"
    return body


class Scrape:
    """The figures of one reading."""

    def __init__(self, endpoint):
        self.text = page(endpoint)
        self.families = list(text_string_to_metric_families(self.text))
        self.samples = {}
        for family in self.families:
            assert family.documentation and family.type != "unknown", family
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.samples, key
                self.samples[key] = sample.value

    def __call__(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def counts(self, name):
        """The series of a counter that are not zero: {(label value, ...): count}."""
        return {tuple(sample.labels.values()): sample.value for family in self.families
                for sample in family.samples if sample.name == name and sample.value != 0}

    def names(self):
        """Of all metrics, as one would ask Prometheus for them but for _bucket and the like."""
        return {line.split()[2] for line in self.text.splitlines() if line.startswith("# TYPE ")}
