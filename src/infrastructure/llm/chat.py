"""Prompts as the messages of a chat, which both vendors take alike."""

from src.agents.language_model import Prompt


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """Return the messages of user and assistant in order."""
    turns = [("user", prompt.user)]
    if prompt.follow_up and prompt.previous and prompt.previous.strip():  # a blank turn is rejected
        turns.append(("assistant", prompt.previous))
    if prompt.follow_up:
        turns.append(("user", prompt.follow_up))
    return [{"role": role, "content": content} for role, content in turns]
