"""`make audit`: known holes fail the build and are named; no answer does not."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".uv" / "bin" / "uv"


class Osv(BaseHTTPRequestHandler):
    """A database that knows of one hole, in whatever ``bad`` names."""

    bad = ""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        hole = {"vulns": [{"id": "OSV-TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
        self.say({"results": [hole if one["package"]["name"] == self.bad else {} for one in asked]})

    def do_GET(self):
        of = {"id": "OSV-TEST-1", "modified": "2026-01-01T00:00:00Z", "summary": "a hole", "affected": []}
        self.say({**of, "aliases": ["CVE-2026-1"]})

    def say(self, body):
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def database():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def audit(url, *more, uv=UV):
    if not UV.exists():
        pytest.skip("uv is not here: make setup")
    command = [sys.executable, str(ROOT / ".ci" / "audit"), "--service-url", url, "--uv", str(uv), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_X13_a_known_hole_fails_the_build_and_is_named(database, monkeypatch):
    monkeypatch.setattr(Osv, "bad", "httpx")
    done = audit(database)
    assert done.returncode == 1
    assert "httpx" in done.stdout
    assert "CVE-2026-1" in done.stdout


def test_X13_without_a_hole_it_passes(database):
    assert audit(database).returncode == 0


def test_X13_no_answer_is_said_and_fails_only_a_release():
    nobody = "http://127.0.0.1:9"
    done = audit(nobody)
    assert (done.returncode, "were not audited" in done.stderr) == (0, True)
    assert audit(nobody, "--strict").returncode == 1


def test_X13_a_uv_that_is_not_there_is_no_answer_either(tmp_path):
    assert "were not audited" in audit("http://127.0.0.1:9", uv=tmp_path / "uv").stderr
