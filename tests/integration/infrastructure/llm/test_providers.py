"""Who writes which stage, what is asked before a batch, and what stays shut until it is needed."""

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llmock.scenarios import Fail, Match, Reply
from llmock.testing import LLMockServer
from pydantic import SecretStr

from src.agents.language_model import Prompt
from src.domain.errors import (
    ModelAuthenticationFailed,
    ModelBadRequest,
    ModelNotConfigured,
    ModelUnavailable,
    ModelUnreachable,
)
from src.domain.site import ModelChoice, Profile, Site
from src.domain.stages import STAGES, Stage
from src.infrastructure.llm.endpoint import endpoint_of, is_loopback
from src.infrastructure.llm.model_choice import Choice
from src.infrastructure.llm.providers import Providers, ResolvedModel
from src.settings import Settings

KEY = SecretStr("sk-test-0123456789")
DEAD = "http://127.0.0.1:9"


def settings(**given: Any) -> Settings:
    # the environment of whoever runs the tests decides nothing
    nothing = dict.fromkeys(("anthropic_api_key", "anthropic_base_url", "openai_api_key", "openai_base_url"))
    return Settings(_env_file=None, **(nothing | given))


def site(**models: ModelChoice) -> Site:
    return Site.model_validate(
        {
            "slug": "taps",
            "name": "Taps",
            "base_url": "https://taps.example",
            "profile": Profile(audience="home owners"),
            "models": models,
        }
    )


def prompt(stage: Stage = Stage.ARTICLE, keyword: str = "leaky tap") -> Prompt:
    return Prompt(stage=stage, name="p v1", system="s", data={"keyword": keyword}, schema=None, max_output_tokens=4000)


@pytest.fixture
async def providers(server: LLMockServer) -> AsyncIterator[Providers]:
    server.state.reset()
    given = {f"{name}_base_url": server.base_url(name) for name in ("anthropic", "openai")}
    async with Providers(settings(**given, anthropic_api_key=KEY, fail_keywords=("Leaky Tap",))) as opened:
        yield opened


def test_the_default_is_cheap_but_for_the_article() -> None:
    choices = {stage.value: Providers(settings(anthropic_api_key=KEY)).choice(site(), stage) for stage in STAGES}

    assert {choice.provider for choice in choices.values()} == {"anthropic"}
    assert {stage: choice.model for stage, choice in choices.items()} == {
        "A": "claude-haiku-5-5",
        "B": "claude-haiku-5-5",
        "C": "claude-sonnet-5-5",
        "D": "claude-haiku-5-5",
    }


@pytest.mark.parametrize(
    ("given", "provider"),
    [
        ({}, "offline"),
        ({"openai_api_key": KEY}, "openai"),
        ({"openai_base_url": DEAD}, "openai"),
        ({"openai_api_key": KEY, "anthropic_base_url": DEAD}, "anthropic"),
    ],
)
def test_a_key_or_an_address_makes_a_provider_the_default(given: dict[str, Any], provider: str) -> None:
    assert Providers(settings(**given)).choice(site(), Stage.OUTLINE).provider == provider


def test_the_site_has_the_first_word() -> None:
    chosen = ModelChoice(provider="openai", model="gpt-6.1-sol", effort="high", max_output_tokens=9000)
    providers = Providers(settings(anthropic_api_key=KEY, openai_api_key=KEY))

    assert providers.choice(site(C=chosen), Stage.ARTICLE) == Choice(
        provider="openai", model="gpt-6.1-sol", effort="high", max_output_tokens=9000
    )
    assert providers.choice(site(C=chosen), Stage.OUTLINE).provider == "anthropic"
    assert providers.choice(site(C=ModelChoice(provider="openai")), Stage.ARTICLE).model == "gpt-6.1-terra"


def test_a_provider_without_a_key_is_named_with_its_remedy() -> None:
    with pytest.raises(ModelNotConfigured, match="set OPENAI_API_KEY"):
        Providers(settings()).choice(site(C=ModelChoice(provider="openai")), Stage.ARTICLE)


def test_a_cap_lowers_and_never_raises() -> None:
    choice = Choice(provider="openai", model="m", effort="low", max_output_tokens=5000)

    assert choice.shape(prompt()).max_output_tokens == 4000
    assert choice.shape(prompt().follow("x", "y", max_output_tokens=8000)).max_output_tokens == 5000
    assert choice.shape(prompt()).effort == "low"
    assert choice.shape(choice.shape(prompt())).hash == choice.shape(prompt()).hash


async def test_each_stage_reaches_its_own_model(providers: Providers, server: LLMockServer) -> None:
    both = site(A=ModelChoice(provider="anthropic", model="test-a"), D=ModelChoice(provider="openai", model="test-d"))
    for stage in (Stage.KEYWORD_ANALYSIS, Stage.SEO_METADATA):
        model = providers.model_for(both, stage)
        server.state.scenarios.add(Reply(text=f"from {model.model}", match=Match(model=model.model)))
        assert (await model.generate(prompt(stage))).text == f"from test-{stage.value.lower()}"


async def test_a_simulated_failure_hits_its_keyword_in_stage_c_only(providers: Providers) -> None:
    model: ResolvedModel = providers.model_for(site(), Stage.ARTICLE)

    with pytest.raises(ModelBadRequest, match="simulated failure requested by LONGTAIL_FAIL_KEYWORDS"):
        await model.generate(prompt(keyword="leaky TAP"))
    assert (await model.generate(prompt(Stage.OUTLINE))).text
    assert (await model.generate(prompt(keyword="dripping tap"))).text


async def test_a_check_asks_each_provider_of_the_site_once(providers: Providers, server: LLMockServer) -> None:
    listed = dict.fromkeys("ABD", ModelChoice(provider="anthropic", model="claude-opus-4-6"))
    await providers.check(site(C=ModelChoice(provider="openai", model="gpt-4o"), **listed))

    asked = [(record.provider, record.path) for record in server.state.journal.records(wait=2)]
    assert asked == [("anthropic", "/anthropic/v1/models"), ("openai", "/v1/models")]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_rejected_key_names_what_to_correct(providers: Providers, server: LLMockServer, status: int) -> None:
    server.state.scenarios.add(Fail(status, match=Match(provider="anthropic")))
    with pytest.raises(ModelAuthenticationFailed, match=r"rejects the key .* correct ANTHROPIC_API_KEY") as caught:
        await providers.check(site())
    assert f"{server.url}/anthropic" in str(caught.value)

    server.state.scenarios.add(Fail(status, match=Match(provider="openai")))
    with pytest.raises(ModelAuthenticationFailed, match=r"wants a key .* set OPENAI_API_KEY"):
        await providers.check(site(C=ModelChoice(provider="openai")))


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_a_model_list_is_fine(providers: Providers, server: LLMockServer, status: int) -> None:
    server.state.scenarios.add(Fail(status, times=2))
    await providers.check(site(C=ModelChoice(provider="openai")))


async def test_a_check_of_a_failing_provider_may_be_repeated(providers: Providers, server: LLMockServer) -> None:
    server.state.scenarios.add(Fail(500))
    with pytest.raises(ModelUnavailable) as caught:
        await providers.check(site())
    assert caught.value.retryable


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_an_address_where_nobody_answers_is_named(provider: str) -> None:
    async with Providers(settings(**{f"{provider}_base_url": DEAD})) as providers:
        with pytest.raises(ModelUnreachable, match=f"{provider} at {DEAD}/? cannot be reached") as caught:
            await providers.check(site())
    assert caught.value.retryable


async def test_servers_on_this_machine_are_reached_without_the_proxy(
    server: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, DEAD)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.state.reset()
    given = {f"{name}_base_url": server.base_url(name) for name in ("anthropic", "openai")}
    async with Providers(settings(**given)) as providers:
        await providers.check(site(C=ModelChoice(provider="openai")))


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_this_machine_has_many_names(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback("api.openai.com")


def test_addresses_and_keys_are_never_shown() -> None:
    endpoint = endpoint_of(settings(openai_api_key=KEY, openai_base_url="http://me:pass@gateway.example/v1"), "openai")

    assert "pass" not in endpoint.address
    assert "0123456789" not in repr(endpoint)


def test_the_slowest_rate_is_a_setting() -> None:
    assert endpoint_of(settings(openai_base_url=DEAD, slowest_rate=25), "openai").rate == 25
    assert endpoint_of(settings(openai_base_url=DEAD), "openai").rate == 4
    assert endpoint_of(settings(openai_api_key=KEY), "openai").rate == 60


def test_a_key_with_a_line_break_inside_is_refused() -> None:
    assert endpoint_of(settings(openai_api_key="sk-1234\n"), "openai").api_key == "sk-1234"
    with pytest.raises(ModelNotConfigured, match="OPENAI_API_KEY holds characters that no key has"):
        endpoint_of(settings(openai_api_key="sk-12\n34"), "openai")


def test_no_sdk_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, src.infrastructure.llm.providers\nprint(*{'anthropic', 'openai', 'httpx2'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


async def test_what_one_key_was_answered_is_not_known_of_another() -> None:
    everywhere = {stage: ModelChoice(provider="openai", model="m") for stage in STAGES}
    known = []
    for key in (KEY, SecretStr("sk-test-9876543210"), KEY):
        async with Providers(settings(openai_api_key=key)) as opened:
            known.append(opened.list_models(site(**everywhere)))
    first, second, again = known
    assert not set(first) & set(second)
    assert first == again
    assert KEY.get_secret_value() not in first[0].endpoint
