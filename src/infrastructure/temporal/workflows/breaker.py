"""Finds articles that fail alike, before the others pay for it."""

from collections import Counter

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleStatus, Failure
    from src.domain.stage_failure import Verdict
    from src.domain.stages import Stage

    from ..messages import Alike, EndedArticle, PassedOn


class Breaker:
    """Judges how the articles of one workflow end."""

    def __init__(self) -> None:
        self._alike: Counter[tuple[Stage, str]] = Counter()  # since the last success
        self.successes = 0

    def go_on(self, before: PassedOn) -> None:
        """Count on from what the run before had seen."""
        self._alike.update({(each.stage, each.error_type): each.count for each in before.alike})
        self.successes = before.successes

    @property
    def alike(self) -> list[Alike]:
        """Return what failed alike since the last success."""
        return [Alike(stage=stage, error_type=kind, count=count) for (stage, kind), count in self._alike.items()]

    def judge(self, ended: EndedArticle, *, alike: int) -> Failure | None:
        """Return why no further article may start, or None.

        One failure of key, account or model is enough; of others at the same stage with the same type it takes
        ``alike``, with no success between. An outage counts for nothing: it was waited for.
        """
        if ended.status is ArticleStatus.NEEDS_REVIEW:
            self.successes += 1
            self._alike.clear()
        failure = ended.failure
        if failure is None or ended.status is not ArticleStatus.FAILED or failure.verdict is Verdict.OUTAGE:
            return None
        if failure.verdict is Verdict.HALT:
            return failure
        if failure.stage is None:
            return None
        self._alike[failure.stage, failure.error_type] += 1
        if (count := self._alike[failure.stage, failure.error_type]) < alike:
            return None
        message = f"{count} articles ended alike at stage {failure.stage}; the last one: {failure.message}"
        return Failure(stage=failure.stage, error_type=failure.error_type, message=message, attempts=failure.attempts)
