"""The article workflow as a careless change might leave it, in a module that the sandbox can import."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef
    from src.infrastructure.temporal.messages import ArticleOutcome


@workflow.defn(name="ArticleWorkflow")
class SkipsTheOutline:
    """Schedules C right after A."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then C."""
        for name, activity_id in (("analyse_keyword", "A"), ("write_article", "C")):
            await workflow.execute_activity(
                name, article, activity_id=activity_id, start_to_close_timeout=timedelta(seconds=240)
            )
        raise AssertionError
