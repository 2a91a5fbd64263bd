"""What differs between two texts: all of it makes the later one, none of it the earlier one, to the byte."""

import random
import re

import pytest

from src.domain.content import Content, ContentSection
from src.domain.difference import HunkKind
from src.quality.fragment import Fragment
from src.rendering.differences import combine, compare
from src.rendering.marks import marked
from src.rendering.sanitiser import sanitised
from tests.contents import a_content

_DELETED, _INSERTED = re.compile("<del>.*?</del>", re.DOTALL), re.compile("<ins>.*?</ins>", re.DOTALL)
_WORDS = (
    "tap",
    "<em>drip</em>",
    "washer",
    "a &amp; b",
    "<strong>now</strong>",
    "水",
    '<a href="https://a.example">x</a>',
)


def a_block(dice: random.Random) -> str:
    text = " ".join(dice.choices(_WORDS, k=dice.randint(1, 5)))
    kind = dice.randrange(6)
    if kind == 0:
        return f"<ul>\n{''.join(f'<li>{word}</li>' for word in dice.choices(_WORDS, k=3))}\n</ul>"
    if kind == 1:
        cell = dice.choice(_WORDS)
        return f"<table><thead><tr><th>{text}</th></tr></thead><tbody><tr><td>{cell}</td></tr></tbody></table>"
    if kind == 2:
        return f"<h{dice.choice('34')}>{text}</h{dice.choice('34')}>"
    if kind == 3:
        return f"<pre><code>{dice.randint(0, 9)}\n\n  x</code></pre>"
    return f"<p>{text}</p>" if kind == 4 else text


def a_fragment(dice: random.Random) -> str:
    return sanitised(dice.choice(["\n", "\n", "\n", "", "\n\n"]).join(a_block(dice) for _ in range(dice.randint(0, 6))))


def changed(html: str, dice: random.Random) -> str:
    """Return the fragment with some of its lines gone, doubled, or replaced."""
    lines = html.split("\n")
    for _ in range(dice.randint(0, 2)):
        at = dice.randrange(len(lines) + 1)
        lines[at : at + dice.randint(0, 1)] = [a_block(dice)] * dice.randint(0, 1)
    return sanitised("\n".join(lines))


def a_text(dice: random.Random) -> Content:
    ids = dice.sample([f"part-{n}" for n in range(6)] + ["introduction"], k=dice.randint(0, 6))
    sections = tuple(ContentSection(id=id_, heading=f"About {id_}", html=a_fragment(dice)) for id_ in ids)
    return a_content().model_copy(update={"introduction": a_fragment(dice), "sections": sections})


def another(text: Content, dice: random.Random) -> Content:
    kept = [section for section in text.sections if dice.random() < 0.8]
    if dice.random() < 0.3:
        dice.shuffle(kept)
    sections = [
        section.model_copy(
            update={
                "html": changed(section.html, dice),
                "heading": dice.choice([section.heading, section.heading, "Another heading"]),
            }
        )
        for section in kept
    ]
    for number in range(dice.randint(0, 2)):
        new = ContentSection(id=f"new-{number}", heading="New", html=a_fragment(dice))
        sections.insert(dice.randint(0, len(sections)), new)
    lines = {"title": dice.choice([text.title, "Another title"]), "tags": dice.choice([text.tags, ("one", "two")])}
    facts = {"offline": dice.random() < 0.3, "publisher": dice.choice([text.publisher, "Other"])}
    introduction = changed(text.introduction, dice)
    return text.model_copy(update={**lines, **facts, "introduction": introduction, "sections": tuple(sections)})


@pytest.mark.parametrize("seed", range(40))
def test_all_hunks_make_the_later_text_and_none_the_earlier(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same texts each time
    for _ in range(10):
        before = a_text(dice)
        after = dice.choice([another(before, dice), a_text(dice)])
        hunks = compare(before, after)
        ids = [hunk.id for hunk in hunks]
        assert len(set(ids)) == len(ids)
        assert {hunk.base for hunk in hunks} <= {before.hash}
        assert combine(before, after, ids) == after
        assert combine(before, after, []) == before
        assert (hunks == []) == (before == after)
        some = combine(before, after, dice.sample(ids, k=len(ids) // 2))
        assert len({section.id for section in some.sections}) == len(some.sections)
        assert all(html == sanitised(html) for html in (some.introduction, *(each.html for each in some.sections)))


@pytest.mark.parametrize("seed", range(20))
def test_marks_show_both_texts(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    for _ in range(10):
        before = a_fragment(dice)
        after = changed(before, dice)
        shown = marked(before, after)
        assert read(_INSERTED.sub("", shown)) == read(before)
        assert read(_DELETED.sub("", shown)) == read(after)


def read(html: str) -> str:
    return "".join(Fragment(html).text.split())


def kinds(before: Content, after: Content) -> list[tuple[HunkKind, str]]:
    return [(hunk.kind, hunk.place) for hunk in compare(before, after)]


def test_a_moved_section_is_a_move_and_not_another_text() -> None:
    before = a_content()
    first, second, *rest = before.sections
    after = before.model_copy(update={"sections": (second, first, *rest)})
    assert kinds(before, after) == [(HunkKind.ORDER, "sections")]


def test_a_change_in_one_paragraph_is_one_hunk_with_its_words_marked() -> None:
    before = a_content()
    section = before.sections[1]
    edited = section.model_copy(update={"html": section.html.replace("towel", "cloth")})
    after = before.model_copy(update={"sections": (before.sections[0], edited, *before.sections[2:])})
    (hunk,) = compare(before, after)
    assert (hunk.kind, hunk.place, hunk.base) == (HunkKind.BLOCKS, section.id, before.hash)
    assert "Put a <del>towel </del><ins>cloth </ins>into" in hunk.marked


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("<p>a b</p>", "<p>a <strong>b</strong></p>", "<p>a <del>b</del><ins><strong>b</strong></ins></p>"),
        ("<h3>a</h3>", "<h4>a</h4>", "<h3><del>a</del></h3>\n<h4><ins>a</ins></h4>"),
        (
            "<ul><li>a</li><li>b</li></ul>",
            "<ul><li>a</li><li>c</li><li>b</li></ul>",
            "<ul><li>a</li><li><ins>c</ins></li><li>b</li></ul>",
        ),
        (
            "<table><tbody><tr><td>a</td><td>1</td></tr></tbody></table>",
            "<table><tbody><tr><td>a</td><td>2</td></tr></tbody></table>",
            "<table><tbody><tr><td>a</td><td><del>1</del><ins>2</ins></td></tr></tbody></table>",
        ),
        ("<p>a &amp; b</p>", "<p>a &lt; b</p>", "<p>a <del>&amp; </del><ins>&lt; </ins>b</p>"),
    ],
)
def test_what_a_reader_would_not_see_is_marked_too(before: str, after: str, shown: str) -> None:
    assert marked(before, after) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (  # hardly a word in common: no confetti
            "<p>Turn the water off first.</p>",
            "<p>A washer costs a few pence.</p>",
            "<p><del>Turn the water off first.</del></p>\n<p><ins>A washer costs a few pence.</ins></p>",
        ),
        (  # beside the paragraph that is most like it, though another stands before it now
            "<p>Turn the water off first.</p>",
            "<p>Tools come next.</p><p>Turn the water off now.</p>",
            "<p><ins>Tools come next.</ins></p>\n<p>Turn the water off <del>first</del><ins>now</ins>.</p>",
        ),
        (  # signs between two changes are theirs
            "<p>one two, three four five six</p>",
            "<p>one 2, 3 four five six</p>",
            "<p>one <del>two, three </del><ins>2, 3 </ins>four five six</p>",
        ),
        (  # no spaces between words
            "<p>水を止めてから外します</p>",
            "<p>湯を止めてから外します</p>",
            "<p><del>水</del><ins>湯</ins>を止めてから外します</p>",
        ),
    ],
)
def test_marks_are_made_for_readers(before: str, after: str, shown: str) -> None:
    assert marked(before, after) == shown


def test_a_rewritten_paragraph_and_an_added_one_are_hunks_of_their_own() -> None:
    before = a_content().model_copy(update={"introduction": "<p>Turn the water off first.</p>"})
    later = "<p>Tools come next.</p>\n<p>Turn the water off now.</p>"
    added, changed_ = compare(before, before.model_copy(update={"introduction": later}))
    assert (added.before, added.after) == (None, "<p>Tools come next.</p>")
    assert changed_.before == "<p>Turn the water off first.</p>"


def test_texts_that_are_too_long_to_compare_are_shown_as_two() -> None:
    before, after = ("<p>a</p>" * 3000, "<p>b</p>" * 3000)
    one, other = (a_content().model_copy(update={"introduction": html}) for html in (before, after))
    (hunk,) = compare(one, other)
    assert combine(one, other, [hunk.id]) == other


def test_a_text_with_a_part_of_the_offline_writer_says_so() -> None:
    before = a_content().model_copy(update={"offline": True})
    after = before.model_copy(update={"offline": False, "title": "By a model", "description": "By a model, too"})
    title, *others = compare(before, after)
    assert combine(before, after, [title.id]).offline
    assert not combine(before, after, [title.id, *(hunk.id for hunk in others)]).offline
