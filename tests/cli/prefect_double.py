"""A server on loopback that answers as Prefect does, or as nobody should, in a thread of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POOL = "openbell"


class PrefectDouble:
    """What it knows may be changed at any time; ``manner`` spoils every answer: 401, 500, html, half, hang, list."""

    def __init__(self) -> None:
        self.manner = ""
        self.deployments: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.blocks: set[str] = set()
        self.heartbeat: datetime | None = datetime.now(UTC)
        self.paused = False
        self.asked: list[tuple[str, str]] = []
        self.released = threading.Event()
        self.url = ""

    def deploy(self, *jobs: str, plan: str = "demo", **facts: Any) -> None:
        """A deployment of each job with a run in ten minutes."""
        for job in jobs:
            known = {"id": f"id-{job}", "name": f"{plan}-{job}", "entrypoint": f"flows.{job}.{job}", "paused": False}
            schedules = {"schedules": [{"active": True}], "parameters": {"plan": plan}, "work_pool_name": POOL}
            self.deployments.append({**known, **schedules, **facts})
            self.schedule(job, timedelta(minutes=10))

    def schedule(self, job: str, ahead: timedelta) -> None:
        """One more run of a deployment."""
        start = (datetime.now(UTC) + ahead).isoformat()
        self.runs.append({"deployment_id": f"id-{job}", "next_scheduled_start_time": start})

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/api/version":
            return "3.8.8"
        if path == "/api/deployments/filter":
            return self.deployments
        if path == "/api/flow_runs/filter":
            return self._runs(body)
        if path.endswith("/workers/filter"):
            return [{"name": "local", "last_heartbeat_time": self.heartbeat.isoformat()}] if self.heartbeat else []
        if path == f"/api/work_pools/{POOL}":
            return {"name": POOL, "is_paused": self.paused}
        kind, _, name = path.removeprefix("/api/block_types/slug/").partition("/block_documents/name/")
        return {"name": name} if f"{kind}/{name}" in self.blocks else None

    def _runs(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        ids, wanted = body["deployments"]["id"]["any_"], body["flow_runs"]["next_scheduled_start_time"]
        after, before = (
            datetime.fromisoformat(wanted[key]) if key in wanted else None for key in ("after_", "before_")
        )
        found = [run for run in self.runs if run["deployment_id"] in ids]
        found = [run for run in found if _between(after, run["next_scheduled_start_time"], before)]
        return sorted(found, key=lambda run: run["next_scheduled_start_time"])[: body["limit"]]


def _between(after: datetime | None, text: str, before: datetime | None) -> bool:
    instant = datetime.fromisoformat(text)
    return (after is None or instant > after) and (before is None or instant < before)


class Handler(BaseHTTPRequestHandler):
    double: PrefectDouble

    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

    def _reply(self, body: dict[str, Any]) -> None:
        double = self.double
        double.asked.append((self.path, self.headers.get("Authorization", "")))
        if double.manner == "hang":
            double.released.wait(30)
            return
        found = double.answer(self.path, body)
        status, text = (404, b'{"detail": "gone"}') if found is None else (200, json.dumps(found).encode())
        if double.manner.isdigit():
            status, text = int(double.manner), b'{"detail": "no"}'
        text = {"html": b"<html><h1>Bad Gateway</h1></html>", "list": b"[1, 2]"}.get(double.manner, text)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if double.manner == "half" else text)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[PrefectDouble]:
    """A double that listens until the end."""
    double = PrefectDouble()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"double": double}))
    double.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
