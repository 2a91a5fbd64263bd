"""The production shape under Podman: its engine, its compose file with stand-ins, and what asks it."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".shape"
PROJECT = "longtail-shape"
BLUE_TAG, GREEN_TAG = "shape-blue", "shape-green"
PORTS = {"HTTP_PORT": "18080", "HTTPS_PORT": "18443", "TEMPORAL_UI_PORT": "18444", "PROMETHEUS_PORT": "18090"}
SETTINGS = {
    "IMAGE": "localhost/longtail",
    "BLUE_TAG": BLUE_TAG,
    "GREEN_TAG": GREEN_TAG,
    "API_TAG": BLUE_TAG,
    "LONGTAIL_DOMAIN": "localhost",
    "EDGE_SUBNET": "172.30.85.0/24",
    "SECRETS_FOLDER": str(WORK / "secrets"),
    "BACKUPS_FOLDER": str(WORK / "backups"),
    "LONGTAIL_OFFLINE_LATENCY_SECONDS": "0.3",
    **PORTS,
}
_SOCKET = WORK / "podman.sock"


def compose_program() -> Path:
    """Return Docker Compose: the wheel's own program, since its wrapper loses the exit code."""
    found = find_spec("compose")
    assert found is not None, "make shape installs it"
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "docker-compose"


class Shape:
    """The containers, by the verbs that operators use."""

    def __init__(self) -> None:
        self.environment = {
            **os.environ,  # noqa: TID251 - of children
            "CONTAINERS_CONF": str(WORK / "containers.conf"),
            "DOCKER_HOST": f"unix://{_SOCKET}",
            "DOCKER": "podman",
            "COMPOSE": f"{compose_program()} --project-name {PROJECT}",
            "COMPOSE_EXTRA": "tests/shape/compose.stand-ins.yml",
            "ENV_FILE": str(WORK / "env"),
        }

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever its exit code."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def verb(self, name: str, *arguments: str, codes: tuple[int, ...] = (0,), timeout: float = 400) -> str:
        """Run ``bin/NAME`` and return what it printed."""
        done = self.run("sh", f"bin/{name}", *arguments, timeout=timeout)
        assert done.returncode in codes, f"{name} {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def compose(self, *arguments: str, codes: tuple[int, ...] = (0,), timeout: float = 300) -> str:
        """Run Docker Compose and return what it printed."""
        return self.verb("compose", *arguments, codes=codes, timeout=timeout)

    def longtail(self, *arguments: str, codes: tuple[int, ...] = (0,), timeout: float = 300) -> str:
        """Run a command of Longtail in a container of its own."""
        return self.compose("run", "--rm", "--no-deps", "-T", "console", *arguments, codes=codes, timeout=timeout)

    def json(self, *arguments: str) -> Any:
        """Run a command of Longtail and read its document."""
        printed = self.longtail(*arguments, "--json")
        return json.loads(printed[min(i for i in (printed.find("{"), printed.find("[")) if i >= 0) :])

    def podman(self, *arguments: str) -> str:
        """Run Podman and return what it printed."""
        done = self.run("podman", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def container(self, service: str) -> str:
        """Return the container of a service, whatever its state."""
        return self.podman(
            "ps",
            "--all",
            "--format",
            "{{.Names}}",
            "--filter",
            f"label=com.docker.compose.service={service}",
            "--filter",
            f"label=com.docker.compose.project={PROJECT}",
        ).splitlines()[0]

    def inspect(self, service: str, template: str) -> str:
        """Return a part of what Podman knows of a service's container."""
        return self.podman("inspect", "--format", template, self.container(service))

    def kill(self, service: str) -> None:
        """End a service's process as a crash would: by the kernel, behind Podman's back."""
        os.kill(int(self.inspect(service, "{{.State.Pid}}")), signal.SIGKILL)

    def is_healthy(self, service: str) -> bool:
        """Return whether the service's own health check passes now."""
        done = self.run("podman", "healthcheck", "run", self.container(service), timeout=60)
        return done.returncode == 0


def eventually(holds: Callable[[], bool], *, within: float = 120) -> None:
    """Wait until it holds; fail when it does not in time."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.3)


@contextmanager
def engine(shape: Shape) -> Iterator[None]:
    """Run Podman's service, and its health checks, which need systemd by themselves."""
    _SOCKET.unlink(missing_ok=True)
    with (WORK / "podman.log").open("w") as log:
        service = subprocess.Popen(
            ["podman", "system", "service", "--time", "0", f"unix://{_SOCKET}"],
            env=shape.environment,
            stdout=log,
            stderr=log,
        )
    ended = threading.Event()
    checks = threading.Thread(target=_check_health, args=(shape, ended), daemon=True)
    try:
        eventually(_SOCKET.exists, within=30)
        checks.start()
        yield
    finally:
        ended.set()
        if checks.ident is not None:
            checks.join(60)
        service.terminate()
        service.wait(30)


def _check_health(shape: Shape, ended: threading.Event) -> None:
    while not ended.wait(1):
        names = shape.run(
            "podman", "ps", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={PROJECT}"
        )
        for name in names.stdout.split():
            if ended.is_set():
                return
            shape.run("podman", "healthcheck", "run", name, timeout=60)


def prepare() -> None:
    """Write settings as an operator would, in a folder of their own."""
    for folder in ("secrets", "backups"):
        shutil.rmtree(WORK / folder, ignore_errors=True)
    example = (ROOT / ".env.production.example").read_text()
    lines = [line for line in example.splitlines() if line.split("=")[0] not in SETTINGS]
    lines += [f"{name}={value}" for name, value in SETTINGS.items()]
    (WORK / "env").write_text("\n".join(lines) + "\n")


class Person:
    """A browser of somebody, which keeps cookies and follows no redirect to another port."""

    def __init__(self) -> None:
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE  # Caddy's own authority
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=trusting),
            urllib.request.HTTPCookieProcessor(self._cookies),
            _Stay(),
        )

    def ask(
        self, path: str, *, port: str = "HTTPS_PORT", form: bytes | None = None, accept: str = "text/html"
    ) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers of an answer of the proxy."""
        request = urllib.request.Request(
            f"https://localhost:{PORTS[port]}{path}", data=form, headers={"Accept": accept}
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode(errors="replace"), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace"), dict(error.headers)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Asking:
    """Asks the proxy for a page in a loop, and counts what is no answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(2)]

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        person = Person()
        while not self._ended.wait(0.02):
            try:
                status, _, _ = person.ask("/desk/login")
                failed = "" if status == 200 else str(status)
            except OSError as error:
                failed = repr(error)
            self.asked += 1
            if failed:
                self.failures.append(failed)
