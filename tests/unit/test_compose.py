"""What has to hold between the services of compose.blue-green.yml, read from it; `make shape` runs them."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import HttpUrl, SecretStr
from temporalio.common import SearchAttributeKey

from src.api.desk.shell import PATH as DESK
from src.api.desk.signed_in import COOKIE
from src.api.serving import GRACE_SECONDS
from src.cli.ports import API_PORT
from src.domain.colour import COLOURS
from src.infrastructure.llm.time_limits import shutdown_grace
from src.infrastructure.temporal import search_attributes
from src.settings import SECRETS, Settings

ROOT = Path(__file__).parents[2]
METRICS = 9464
WORKERS = {f"temporal_worker_{colour}": colour for colour in COLOURS}
REPLICAS = ("api", "api_second")
OURS = {*WORKERS, *REPLICAS, "migrate", "console"}
JOBS = {"databases", "temporal_schema", "temporal_namespace", "migrate"}
BY_HAND = {"console", "backup", "restore"}
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")
DEFAULTED = re.compile(r"\$\{(\w+):-([^}]*)\}")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


COMPOSE = yaml.safe_load(text("compose.blue-green.yml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RESIDENT = {name: service for name, service in SERVICES.items() if name not in JOBS | BY_HAND}
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", text(".env.production.example"), re.MULTILINE))


def plain(value: object) -> str:
    """Return a value with its defaults filled in."""
    return DEFAULTED.sub(lambda found: found[2], str(value))


def seconds(value: object) -> timedelta:
    found = re.fullmatch(r"(\d+)s", plain(value))
    assert found, value
    return timedelta(seconds=int(found[1]))


def mounted(service: str, target: str) -> str:
    (found,) = [each.split(":")[0] for each in SERVICES[service]["volumes"] if each.split(":")[1] == target]
    return str(found)


# --- Builds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "tag"), [*((name, f"{c.upper()}_TAG") for name, c in WORKERS.items()), ("api", "API_TAG")]
)
def test_each_colour_names_its_own_build_and_must_be_given_one(service: str, tag: str) -> None:
    assert REQUIRED.findall(SERVICES[service]["image"]) == [tag]
    assert tag not in EXAMPLE, "a setting is in every container: a new tag would replace them all"


def test_migrations_and_commands_run_the_build_of_the_api() -> None:
    assert {SERVICES[name]["image"] for name in ("migrate", "console", *REPLICAS)} == {SERVICES["api"]["image"]}


def test_every_other_image_is_pinned() -> None:
    for name in SERVICES.keys() - OURS:
        tag = SERVICES[name]["image"].rpartition(":")[2]
        assert re.search(r"\d+\.\d+", tag), name


def test_temporals_images_are_of_one_version() -> None:
    tags = {
        SERVICES[name]["image"].rpartition(":")[2] for name in ("temporal", "temporal_schema", "temporal_namespace")
    }
    assert len(tags) == 1


def test_the_image_has_neither_a_user_root_nor_embedded_servers() -> None:
    dockerfile = text("docker/Dockerfile")
    assert "USER 10001:10001" in dockerfile
    assert "embedded]" not in dockerfile
    assert "--all-extras" not in dockerfile
    assert dockerfile.count("--require-hashes") == 2
    assert "org.opencontainers.image.revision" in dockerfile
    assert "LONGTAIL_COMMIT=${REVISION" in dockerfile


# --- Colours ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "colour"), WORKERS.items())
def test_a_worker_polls_the_queue_of_its_profile(service: str, colour: str) -> None:
    assert SERVICES[service]["command"] == ["worker", "--colour", colour]
    assert SERVICES[service]["profiles"] == [colour]


def test_colours_differ_in_nothing_else() -> None:
    own = ("image", "command", "profiles", "volumes")
    blue, green = ({k: v for k, v in SERVICES[name].items() if k not in own} for name in WORKERS)
    assert blue == green


def test_each_colour_keeps_paid_answers_in_a_volume_of_its_own() -> None:
    homes = {mounted(name, "/var/lib/longtail") for name in WORKERS}
    assert len(homes) == len(WORKERS)
    assert homes <= COMPOSE["volumes"].keys()
    assert "LONGTAIL_HOME=/var/lib/longtail" in text("docker/Dockerfile")


def test_who_publishes_sees_the_same_pages() -> None:
    assert {mounted(name, "/srv/pages") for name in (*WORKERS, *REPLICAS)} == {"pages"}


# --- Stops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:11434/v1"])
def test_a_worker_is_not_killed_while_a_call_may_run(base_url: str | None) -> None:
    settings = Settings.model_construct(
        openai_base_url=HttpUrl(base_url) if base_url else None,
        openai_api_key=SecretStr("key"),
        anthropic_api_key=SecretStr("key"),
    )
    for name in WORKERS:
        assert seconds(SERVICES[name]["stop_grace_period"]) > shutdown_grace(settings)
    assert seconds(EXAMPLE["WORKER_STOP_GRACE"]) > shutdown_grace(settings)


@pytest.mark.parametrize("service", REPLICAS)
def test_the_api_is_not_killed_while_it_leaves(service: str) -> None:
    delay = int(SERVICES[service]["environment"]["LONGTAIL_API_SHUTDOWN_DELAY"])
    assert seconds(SERVICES[service]["stop_grace_period"]) > timedelta(seconds=delay + GRACE_SECONDS)


def test_the_proxy_hears_that_a_replica_leaves_before_it_has() -> None:
    found = [int(each) for each in re.findall(r"health_interval (\d+)s", text("docker/proxy/Caddyfile"))]
    timeouts = [int(each) for each in re.findall(r"health_timeout (\d+)s", text("docker/proxy/Caddyfile"))]
    delay = int(SERVICES["api"]["environment"]["LONGTAIL_API_SHUTDOWN_DELAY"])
    assert max(found) + max(timeouts) < delay


# --- Networks and ports -----------------------------------------------------------------------------------------------


def test_only_the_proxy_is_reached_from_outside() -> None:
    published = {name for name, service in SERVICES.items() if service.get("ports")}
    assert published == {"proxy", "prometheus"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["prometheus"]["ports"])


def test_state_stands_on_networks_without_a_way_out() -> None:
    inside = {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")}
    for name in (
        "postgres",
        "databases",
        "temporal",
        "temporal_ui",
        "temporal_schema",
        "temporal_namespace",
        *REPLICAS,
    ):
        assert set(SERVICES[name]["networks"]) <= inside, name


def test_neither_the_proxy_nor_the_ui_reaches_the_database() -> None:
    for name in ("proxy", "temporal_ui", "prometheus", "otel_collector"):
        assert "database" not in SERVICES[name]["networks"]


def test_the_network_whose_addresses_are_believed_holds_proxy_and_api_alone() -> None:
    on_edge = {name for name, service in SERVICES.items() if "edge" in service.get("networks", ())}
    assert on_edge == {"proxy", *REPLICAS}
    (subnet,) = COMPOSE["networks"]["edge"]["ipam"]["config"]
    for name in REPLICAS:
        command = SERVICES[name]["command"]
        assert command[command.index("--trusted-proxy") + 1] == subnet["subnet"]


@pytest.mark.parametrize("name", RESIDENT)
def test_who_depends_on_another_shares_a_network_with_it(name: str) -> None:
    for other in SERVICES[name].get("depends_on", {}):
        if other not in JOBS:
            assert set(SERVICES[name]["networks"]) & set(SERVICES[other]["networks"]), other


def test_ports_are_those_that_the_code_listens_on() -> None:
    caddyfile, prometheus = text("docker/proxy/Caddyfile"), text("docker/prometheus/prometheus.yml")
    upstreams = re.findall(r"(?:reverse_proxy|forward_auth) ((?:api\S* ?)+)", caddyfile)
    assert len(upstreams) == 2
    for each in upstreams:
        assert set(each.split()) == {f"{replica}:{API_PORT}" for replica in REPLICAS}
    assert f"port: {METRICS}" in prometheus
    for name in OURS - {"console"}:
        assert SERVICES[name]["environment"]["LONGTAIL_METRICS_PORT"] == str(METRICS)
    assert f"EXPOSE {API_PORT} {METRICS}" in text("docker/Dockerfile")
    for port in SERVICES["proxy"]["ports"]:
        assert port.rpartition(":")[2] in caddyfile


def test_prometheus_asks_every_process_of_ours() -> None:
    scraped = yaml.safe_load(text("docker/prometheus/prometheus.yml"))["scrape_configs"]
    names = {name for job in scraped for each in job["dns_sd_configs"] for name in each["names"]}
    assert names == {*WORKERS, *REPLICAS, "temporal"}
    for name in names:
        assert "metrics" in SERVICES[name]["networks"]


def test_temporals_ui_has_a_path_that_the_session_is_shown_at_and_does_not_get_it() -> None:
    path = SERVICES["temporal_ui"]["environment"]["TEMPORAL_UI_PUBLIC_PATH"]
    caddyfile = text("docker/proxy/Caddyfile")
    assert path.startswith(f"{DESK}/")
    assert f"@ui path {path} {path}/*" in caddyfile
    assert COOKIE == "longtail_session"
    assert 'header_up Cookie "longtail_(session|form)=[^;]*;? ?" ""' in caddyfile
    assert caddyfile.index("forward_auth") < caddyfile.index("reverse_proxy temporal_ui")


# --- Confinement, health, order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}
    assert not service.get("privileged")
    assert service["read_only"] is (name not in ("temporal", "temporal_ui"))


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_run_as_nobody_in_particular(name: str) -> None:
    assert SERVICES[name]["user"] == "10001:10001"


@pytest.mark.parametrize("name", RESIDENT)
def test_what_stays_up_says_how_it_is(name: str) -> None:
    if name == "otel_collector":  # its image has no program that could ask
        return
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert not any(" " in str(part) for part in check["test"]), "Podman tears arguments with blanks apart"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_our_health_checks_are_commands_of_ours() -> None:
    assert {tuple(SERVICES[name]["healthcheck"]["test"]) for name in WORKERS} == {
        ("CMD", "longtail", "worker", "ready")
    }
    assert {tuple(SERVICES[name]["healthcheck"]["test"]) for name in REPLICAS} == {("CMD", "longtail", "api", "ready")}


def test_jobs_end_before_what_needs_them_starts() -> None:
    for name in (*WORKERS, *REPLICAS):
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "temporal_namespace": {"condition": "service_completed_successfully"},
        }
    order = ["postgres", "databases", "temporal_schema", "temporal", "temporal_namespace"]
    for before, after in pairwise(order):
        condition = "service_completed_successfully" if before in JOBS else "service_healthy"
        assert SERVICES[after]["depends_on"] == {before: {"condition": condition}}
    assert all(SERVICES[name]["restart"] == "no" for name in JOBS | BY_HAND)


def test_what_a_service_depends_on_is_in_the_default_profile() -> None:
    for service in SERVICES.values():
        for other in service.get("depends_on", {}):
            assert "profiles" not in SERVICES[other]


# --- Secrets ----------------------------------------------------------------------------------------------------------


def test_secrets_are_files_and_in_no_environment() -> None:
    declared = COMPOSE["secrets"]
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == declared.keys()
    made = text("bin/secrets")
    assert all(set(each) == {"file"} for each in declared.values())
    for name in declared:
        assert (
            name in made
            or f"for name in {name.removesuffix('_password')}" in made
            or name.removesuffix("_password") in made
        )
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            assert variable == "POSTGRES_PASSWORD_FILE" or not re.search("PASSWORD|PWD|SECRET|_KEY", variable), name


@pytest.mark.parametrize("name", ["database_url", "anthropic_api_key", "openai_api_key"])
def test_our_secrets_are_those_that_the_settings_read(name: str) -> None:
    assert name in Settings.model_fields
    assert str(SECRETS) == "/run/secrets"
    for service in OURS:
        assert name in SERVICES[service]["secrets"]


def test_scripts_read_secrets_that_their_container_has() -> None:
    scripts = {"databases": "postgres/databases.sh", "backup": "postgres/backup.sh"}
    scripts |= {"temporal": "temporal/server.sh", "temporal_schema": "temporal/schema.sh"}
    for service, script in scripts.items():
        for name in re.findall(r"/run/secrets/([a-z_]+)", text(f"docker/{script}")):
            assert name in SERVICES[service]["secrets"]


# --- Files that have to say the same ----------------------------------------------------------------------------------


def test_the_namespace_gets_the_search_attributes_of_the_code() -> None:
    (line,) = re.findall(r"^for name in (.*); do$", text("docker/temporal/namespace.sh"), re.MULTILINE)
    ours = {key.name for key in vars(search_attributes).values() if isinstance(key, SearchAttributeKey)}
    assert set(line.split()) == {name for name in ours if not name.startswith("Temporal")}


def test_every_variable_of_the_shape_is_in_the_example() -> None:
    tags = {"BLUE_TAG", "GREEN_TAG", "API_TAG"}
    used = {name for name, _ in DEFAULTED.findall(text("compose.blue-green.yml"))}
    used |= set(REQUIRED.findall(text("compose.blue-green.yml")))
    documented = set(re.findall(r"^(?:# )?([A-Z_]+)=", text(".env.production.example"), re.MULTILINE))
    assert used - tags - {"ENV_FILE", "BACKUP"} <= documented | {
        "POSTGRES_CONNECTIONS",
        "POSTGRES_SHARED_BUFFERS",
        "TEMPORAL_ADDRESS",
    }


def test_defaults_of_the_shape_are_those_of_the_example() -> None:
    for name, default in DEFAULTED.findall(text("compose.blue-green.yml")):
        if EXAMPLE.get(name):
            assert default == EXAMPLE[name], name


def test_the_example_holds_settings_that_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in EXAMPLE:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(text(".env.production.example"))
    monkeypatch.chdir(tmp_path)
    ours = {name for name in EXAMPLE if name.startswith("LONGTAIL_") and name != "LONGTAIL_DOMAIN"}
    assert ours <= {f"LONGTAIL_{name}".upper() for name in Settings.model_fields}
    Settings.load()


def test_connections_of_all_processes_fit_into_the_database() -> None:
    pool = int(EXAMPLE["LONGTAIL_DATABASE_POOL_SIZE"])
    ours = pool * (len(WORKERS) + len(REPLICAS) + 2)  # a command and a migration beside them
    temporal = 4 * 2 * 20  # its four services, two databases, SQL_MAX_CONNS each
    (allowed,) = re.findall(r"max_connections=\$\{POSTGRES_CONNECTIONS:-(\d+)\}", text("compose.blue-green.yml"))
    assert ours + temporal < int(allowed)
