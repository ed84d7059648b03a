"""A Dockerfile as steps, carried out below folders where no container engine runs: one root folder for each stage.

Absolute paths of a step are taken below the stage's root. Two kinds of steps cannot be done so and are stood in for:
those that ask a registry (``pip install uv``) and those that need root (``useradd``).
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from tests.operate.staged import offline

_PLACES = re.compile(r"(?<![\w./])/(?=src\b|opt/|var/lib/openbell)")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Step:
    """One instruction with its words, continuation lines joined."""

    verb: str
    words: str

    def listed(self) -> list[str]:
        """Words in exec form."""
        return list(json.loads(self.words))


@dataclass
class Stage:
    """What a stage is when all its steps are done."""

    base: str
    name: str
    root: Path
    workdir: str = "/"
    user: str = "root"
    variables: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """A path of the stage; a relative one is taken from its working directory."""
        return self.root / str(Path(self.workdir, path)).lstrip("/")

    def placed(self, words: str) -> str:
        """Words with the stage's absolute paths below its root."""
        return _PLACES.sub(f"{self.root}/", words)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the stage gets."""
        return {name: self.placed(value) for name, value in self.variables.items()}

    def last(self, verb: str) -> Step:
        """The instruction of a kind that counts."""
        return [step for step in self.steps if step.verb == verb][-1]


def steps(path: Path) -> list[Step]:
    """The instructions of a file."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [Step(*line.split(None, 1)) for line in lines if line.strip()]


class Build:
    """Carries a Dockerfile out; ``context`` is the folder that would be sent to the builder."""

    def __init__(self, context: Path, folder: Path, variables: Mapping[str, str]) -> None:
        self.context, self.folder, self.extra = context, folder, dict(variables)
        self.arguments: dict[str, str] = {}
        self.stages: list[Stage] = []
        self.stood_in: list[str] = []
        self._ignored = (context / ".dockerignore").read_text().splitlines()

    def run(self, path: Path) -> Stage:
        """Every step in order; the last stage is the image."""
        for step in steps(path):
            getattr(self, f"_{step.verb.lower()}", self._kept)(step)
            if step.verb not in {"ARG", "FROM"}:
                self.stages[-1].steps.append(step)
        return self.stages[-1]

    def _kept(self, step: Step) -> None:
        assert step.verb in {"HEALTHCHECK", "CMD"}, f"a step that is not known: {step}"

    def _arg(self, step: Step) -> None:
        name, _, value = step.words.partition("=")
        self.arguments[name] = value

    def _from(self, step: Step) -> None:
        words = _VARIABLE.sub(lambda found: self.arguments[found[1]], step.words).split()
        name = words[2] if len(words) == 3 else str(len(self.stages))
        root = self.folder / name
        root.mkdir(parents=True)
        self.stages.append(Stage(words[0], name, root, variables={"PATH": self.extra["PATH"]}))

    def _env(self, step: Step) -> None:
        stage = self.stages[-1]
        for word in shlex.split(step.words):
            name, _, value = word.partition("=")
            stage.variables[name] = _VARIABLE.sub(lambda found: stage.variables[found[1]], value)

    def _workdir(self, step: Step) -> None:
        self.stages[-1].workdir = step.words
        self.stages[-1].at(".").mkdir(parents=True, exist_ok=True)

    def _user(self, step: Step) -> None:
        self.stages[-1].user = step.words

    def _copy(self, step: Step) -> None:
        words, stage = step.words.split(), self.stages[-1]
        if words[0].startswith("--from="):
            (source,) = [past for past in self.stages if past.name == words[0].partition("=")[2]]
            stage.at(words[2]).parent.mkdir(parents=True, exist_ok=True)
            # Moved, and linked to where it was: copying so many files takes a minute.
            source.at(words[1]).rename(stage.at(words[2]))
            source.at(words[1]).symlink_to(stage.at(words[2]))
            return
        for name in words[:-1]:
            assert f"!{name}" in self._ignored, f"{name} is not sent to the builder"
            self._bring(self.context / name, stage.at(words[-1]) / ("" if (self.context / name).is_dir() else name))

    def _bring(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=lambda _, names: set(self._left_out(names)))
        else:
            shutil.copy(source, target)

    def _left_out(self, names: list[str]) -> Iterator[str]:
        patterns = [line.removeprefix("**/") for line in self._ignored if line.startswith("**/")]
        return (name for name in names if any(fnmatch(name, pattern) for pattern in patterns))

    def _run(self, step: Step) -> None:
        stage, words = self.stages[-1], shlex.split(step.words)
        if words[:2] == ["pip", "install"]:
            self.stood_in.append(words[-1])
        elif words[0] == "useradd":
            self.stood_in.append(words[0])
            stage.at(words[words.index("--home-dir") + 1]).mkdir(parents=True)
        else:
            # Links into uv's cache, not compiled, are as good here, and save a gigabyte.
            quick = {"UV_LINK_MODE": "hardlink", "UV_COMPILE_BYTECODE": "0", "PYTHONDONTWRITEBYTECODE": "1"}
            variables = {**self.extra, **stage.environment, **quick}
            offline(["sh", "-c", stage.placed(step.words)], stage.at("."), **variables)


def works(command: list[str], stage: Stage, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of the image in a folder, with the image's environment and nothing of ours."""
    program = shutil.which(command[0], path=stage.environment["PATH"])
    assert program, f"the image has no {command[0]}"
    return subprocess.run(
        [program, *command[1:]], cwd=folder, env={**stage.environment, **variables},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
