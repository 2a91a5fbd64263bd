"""What two deployments have differently is named, and what one does not say is left out."""

from src.bootstrap.code import describe_code
from src.domain.running_code import Difference, RunningCode, compare
from src.settings import Settings

_HERE = RunningCode(
    version="b",
    generation=5,
    migration="0017",
    prompts={"A": "1", "C": "2"},
    settings={"models": {"A": "offline/x", "C": "offline/y"}, "model_slots": 8},
)


def test_the_same_code_has_no_differences() -> None:
    assert compare(_HERE, _HERE) == ()


def test_prompts_models_and_settings_differ_by_name() -> None:
    there = _HERE.model_copy(
        update={"prompts": {"A": "1", "C": "1"}, "settings": {"models": {"A": "offline/x", "C": "z"}, "old": True}}
    )
    assert compare(_HERE, there) == (
        Difference(kind="prompt", name="C", here="2", there="1"),
        Difference(kind="model", name="C", here="offline/y", there="z"),
        Difference(kind="setting", name="model_slots", here="8", there=None),
        Difference(kind="setting", name="old", here=None, there="True"),
    )


def test_a_version_that_says_nothing_differs_in_its_commit_alone() -> None:
    assert compare(_HERE, RunningCode(version="a")) == (Difference(kind="version", name="code", here="b", there="a"),)


def test_this_code_describes_itself_without_secrets() -> None:
    settings = Settings.model_validate(
        {"openai_api_key": "sk-secret", "openai_base_url": "http://me:secret@models.example/v1", "commit": "c0ffee"}
    )
    code = describe_code(settings)
    assert code.version == "c0ffee"
    assert code.settings is not None
    assert code.settings["models"]["C"] == f"openai/{settings.openai_strong_model}"
    assert code.settings["openai_base_url"] == "http://models.example"
    assert "secret" not in code.model_dump_json()
    assert code.prompts is not None
    assert set(code.prompts) == {"A", "B", "C", "D", "changes"}
