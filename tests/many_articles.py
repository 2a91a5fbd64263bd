"""Thousands of articles that await a review, made by statements and not by stages."""

from sqlalchemy import text

from src.infrastructure.database.unit_of_work import Database

from .finished_articles import SITE, finished_articles, save

# The text and page of the one real article are theirs too; the longest waiting is made last.
_FILL = (
    """INSERT INTO longtails (id, site, phrase, key, source, status)
       SELECT gen_random_uuid(), :site, 'keyword ' || n, 'keyword ' || n, 'load', 'written'
       FROM generate_series(1, :articles) AS n""",
    """INSERT INTO articles (id, batch_id, longtail_id, site, keyword, brief, html, status, words, content_hash,
                             created_at)
       SELECT gen_random_uuid(), made.batch_id, longtails.id, longtails.site, phrase, made.brief, made.html,
              'needs_review', made.words, 'h', now() - number * interval '1 second'
       FROM longtails, (SELECT * FROM articles LIMIT 1) AS made WHERE longtails.source = 'load'""",
    """INSERT INTO article_revisions (article_id, number, content, content_hash, made_by, stage_revision,
                                      renderer_version)
       SELECT articles.id, 1, made.content, made.content_hash, 'machine', 1, made.renderer_version
       FROM articles, (SELECT * FROM article_revisions LIMIT 1) AS made WHERE articles.content_hash = 'h'""",
    "UPDATE reviews SET waiting_since = created_at FROM articles WHERE id = article_id AND content_hash = 'h'",
)
_WITH_CALLS = (
    """INSERT INTO stage_outputs (article_id, revision, stage, artefact, prompt, prompt_hash, provider, model,
                                  idempotency_key)
       SELECT id, 1, stage, '{}', 'p', 'h', 'openai', 'm', 'k' FROM articles, unnest(ARRAY['A', 'B', 'C', 'D']) AS stage
       WHERE content_hash = 'h'""",
    """INSERT INTO model_calls (id, article_id, site, keyword, revision, stage, prompt, prompt_hash, round, attempt,
                                provider, model, worker, status, input_tokens, output_tokens, cost_usd)
       SELECT gen_random_uuid(), id, site, keyword, 1, stage, 'p', 'h', 0, 1, 'openai', 'm', 'w', 'answered', 900, 700,
              0.01
       FROM articles, unnest(ARRAY['A', 'B', 'C', 'D']) AS stage WHERE content_hash = 'h'""",
)


async def fill_with_waiting(database: Database, articles: int, *, calls: bool = False) -> None:
    """Add so many to an empty database, and one that its stages made; with ``calls`` they have stages and calls too."""
    (ref,) = await finished_articles(database)
    await save(database, ref)
    async with database.engine.begin() as connection:
        for statement in (*_FILL, *(_WITH_CALLS if calls else ())):
            given = {"site": SITE, "articles": articles}
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            await connection.execute(text(statement), used)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
