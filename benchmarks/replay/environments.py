"""An environment for each peer, with pinned versions, under ``var/peers``: built once, never mixed with our own."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).parent / "peers"
CACHE = ROOT / "var" / "peers"


def interpreter(name: str) -> tuple[Path | None, str]:
    """The Python of a peer's environment, or None and why there is none."""
    if name == "own":
        return Path(sys.executable), ""
    pins, python = PEERS / f"{name}.txt", CACHE / name / "bin" / "python"
    kept = CACHE / name / "pins.txt"
    if python.exists() and kept.exists() and kept.read_text() == pins.read_text():
        return python, ""
    uv = _uv()
    if uv is None:
        return None, "uv is not here: run make setup"
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(CACHE / name)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(pins)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no word"]
            return None, f"the environment cannot be built: {lines[-1][:100]}"
    kept.write_text(pins.read_text())
    return python, ""


def _uv() -> str | None:
    own = ROOT / ".uv" / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")
