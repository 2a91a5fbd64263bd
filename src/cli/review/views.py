"""Prints what became of decisions."""

from src.application.approvals import NotPublished
from src.application.decisions import BulkResult, Decided
from src.domain.article import ArticleStatus
from src.domain.errors import state_of_article
from src.domain.ids import ArticleId

from ..errors import hint_words
from ..terminal import err, local, out, print_json, print_table
from ..views import print_publication, short


def print_decided(decided: Decided, *, as_json: bool) -> None:
    """Print what the article is now, and what its approval publishes."""
    if as_json:
        print_json(decided)
        return
    decision = decided.decision
    said = f"article {short(decision.article_id)} {state_of_article(decided.status)}{_next(decided)}"
    if decision.until:
        said += f", put off until {local(decision.until)}"
    out.print(said, markup=False, soft_wrap=True)
    if decided.publication:
        print_publication(decided.publication)
    if decided.not_published:
        reason = _worded(decided.not_published, decision.article_id)
        err.print(f"not published: {reason}", markup=False, soft_wrap=True)
    if not decided.is_told and not decided.is_repeated:
        err.print("its workflow was not reached; the watchdog tells it as soon as a worker runs", soft_wrap=True)


def _next(decided: Decided) -> str:
    """Return what is still to be done, or comes by itself."""
    if decided.approvals_missing:
        return f"; {decided.approvals_missing} more person has to approve this text"
    if decided.status is ArticleStatus.APPROVED and not (decided.publication or decided.not_published):
        return f"; publish it: longtail publish now {short(decided.decision.article_id)}"
    if decided.status is ArticleStatus.CHANGES_REQUESTED:
        return "; its next revision awaits a review when it is made"
    return ""


def print_bulk(result: BulkResult, *, as_json: bool) -> None:
    """Print what was decided, and what was left out or not published."""
    if as_json:
        print_json(result)
        return
    published = sum(each.publication is not None for each in result.decided)
    texts = "text" if len(result.decided) == 1 else "texts"
    said = f"decided on {len(result.decided)} {texts}, left out {len(result.left_out)}"
    out.print(f"{said}; {published} go live" if published else said)
    _print_texts("left out because", [(each.article_id, each.content_hash, each.message) for each in result.left_out])
    refused = [
        (each.decision.article_id, each.decision.to_hash, _worded(each.not_published, each.decision.article_id))
        for each in result.decided
        if each.not_published
    ]
    if refused:
        _print_texts("not published because", refused)


def _print_texts(why: str, texts: list[tuple[ArticleId, str, str]]) -> None:
    print_table(
        ["article", "text", why],
        ([short(article_id), content_hash[:12], message] for article_id, content_hash, message in texts),
        folding=(why,),
    )


def _worded(refused: NotPublished, article_id: ArticleId) -> str:
    return f"{refused.message}; {hint_words(refused.hint, str(article_id), refused.details)}"
