"""Trees of code that are not today's: that of the last landing, and one that a later version might have."""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parents[2]
PREVIOUS = "60af531"  # the last version before colours: generation 4, schema 0015
PREVIOUS_SCHEMA = "0015"

_MIGRATION = '''"""Add what the next version notes of an article.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("articles", sa.Column("mood", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("articles", "mood")
'''
_ACTIVITY = '''
    @activity.defn
    async def note_mood(self, article: ArticleRef) -> str:
        """Note the mood of an article."""
        return f"calm about {article.keyword}"

    @activity.defn
    async def save_article('''
_CALL = """
            if self._generation >= 6:
                await workflow.execute_activity_method(
                    ArticleActivities.note_mood, article, summary="note the mood", **policies.MODEL_CHECK
                )
            outcome = await"""
_PATCHES = {
    "src/agents/prompts/article.md": [("version:", "version: tomorrow-")],
    "src/infrastructure/temporal/generation.py": [("GENERATION = 5", "GENERATION = 6")],
    "src/infrastructure/temporal/messages.py": [
        (
            "    outline: Outline\n    opening: str",
            "    outline: Outline\n    mood: str | None = None\n    opening: str",
        )
    ],
    "src/infrastructure/temporal/worker.py": [
        ("articles.save_article,", "articles.save_article,\n            articles.note_mood,")
    ],
    "src/infrastructure/temporal/activities/articles.py": [
        ("\n    @activity.defn\n    async def save_article(", _ACTIVITY)
    ],
    "src/infrastructure/temporal/workflows/article.py": [("\n            outcome = await", _CALL)],
}
"""What the next version changes: a prompt, a message, an activity more, under a generation of its own."""


def unpack_previous(folder: Path) -> Path | None:
    """Unpack the last landing's code; return where, None if this checkout has no such commit."""
    packed = subprocess.run(["git", "archive", PREVIOUS], cwd=HERE, capture_output=True, check=False)
    if packed.returncode:
        return None
    tree = folder / "previous"
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=packed.stdout, check=True)
    return tree


def write_next(folder: Path) -> Path:
    """Copy today's code and change it as a later version might; return where."""
    tree = folder / "next"
    for package in ("src", "migrations"):
        shutil.copytree(HERE / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in _PATCHES.items():
        text = (tree / name).read_text("utf-8")
        for before, after in changes:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        (tree / name).write_text(text, "utf-8")
    (tree / "migrations" / "versions" / "0017_mood.py").write_text(_MIGRATION, "utf-8")
    return tree
