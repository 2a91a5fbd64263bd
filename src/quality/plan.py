"""The plan of an outline, for checks.

The headings and the length that the article is held to.
"""

from src.domain.stages import Outline

from .language import labels

QUESTION_WORDS = 40  # what one answered question adds to the article


def planned_headings(outline: Outline, language: str) -> list[str]:
    """Return the h2 headings in order, also that of the questions."""
    headings = [section.heading for section in outline.sections]
    return [*headings, labels(language).questions] if outline.faq else headings


def section_ids(outline: Outline) -> list[str]:
    """Return the ids of all sections in order.

    The questions' one cannot be a section's, as it holds two hyphens.
    """
    ids = [section.id for section in outline.sections]
    return [*ids, "faq" if "faq" not in ids else "faq--questions"] if outline.faq else ids


def planned_words(outline: Outline) -> int:
    """Return the length of the whole article in words, answers included."""
    return sum(section.target_words for section in outline.sections) + QUESTION_WORDS * len(outline.faq)
