"""The pages of the desk, a module for each noun."""

from . import (
    account,
    alerts,
    article,
    articles,
    audit,
    batches,
    bulk,
    calendar,
    calls,
    comments,
    deployments,
    difference,
    editor,
    forward_auth,
    holds,
    keys,
    keywords,
    login,
    people,
    preview,
    queue,
    schedules,
    sites,
    texts,
    today,
)

PAGES = (
    *(today, queue, bulk, articles, article, preview, texts, difference, editor, comments),
    *(calendar, batches, keywords, sites, schedules, holds, alerts),
    *(deployments, calls, people, audit, account, login, forward_auth, keys),
)
"""Modules with a router each."""
