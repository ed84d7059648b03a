"""The work pool of runs that are processes of a host."""

from pathlib import Path

#: What a worker starts for a run. Prefect's own template first starts a process that looks for code to download, and
#: then a second one for the run; ours is installed, so that half of the time goes. Started like this, a run would have
#: the heartbeat of its worker's settings, and not of its deployment: so the command says it.
TEMPLATE = Path(__file__).parent / "process" / "work-pool.json"
