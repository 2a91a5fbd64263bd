"""A day of use, by the command line: articles, edits, decisions, a failure, a paused schedule, people."""

import json
from dataclasses import dataclass

from src.examples import content

from .homes import Home, sample_site

SITE, OTHER_SITE = "hardware-shop", "steuerberater"
FAILS = "anchor for aerated concrete"
LONG = (
    f"what is the best way to hang a very heavy mirror {'with no visible fixings on an old lath and plaster wall ' * 4}"
)
KEYWORDS = (
    "best wall plugs for plasterboard,1900",
    "登山靴 サイズ 選び方 幅広,880",
    "أفضل مثقاب للخرسانة,720",
    f"{LONG[:110].strip()},90",
    "how to drill into tiles without cracking them,3600",
    "sds plus vs sds max,1300",
    "m8 bolt clearance hole,2400",
    "wood screw length for 18 mm ply,210",
    f"{FAILS},320",
)
FLAWED = """Our plugs are guaranteed to hold, and you should look no further than our shop, where every one of our \
people has tried each of them on a wall like yours and will show you which one carries what and which one does not.

Read more [here](https://www.marlow-finch.example/advice/walls).
"""


PAGES = {
    "today": "/desk/",
    "queue": "/desk/queue",
    "article": "/desk/articles/{article}",
    "text": "/desk/articles/{article}/text",
    "diff": "/desk/articles/{article}/diff",
    "edit": "/desk/articles/{article}/edit/{section}",
    "calendar": "/desk/calendar",
    "batches": "/desk/batches",
    "batch": "/desk/batches/{batch}",
    "articles": "/desk/articles",
    "keywords": "/desk/keywords/{site}",
    "sites": "/desk/sites",
    "site": "/desk/sites/{site}",
    "schedules": "/desk/schedules",
    "schedule": "/desk/schedules/{site}",
    "holds": "/desk/holds",
    "alerts": "/desk/alerts",
    "calls": "/desk/calls",
    "people": "/desk/people",
    "person": "/desk/people/reviewer",
    "audit": "/desk/audit",
    "account": "/desk/account",
    "keys": "/desk/keys",
}
"""What pictures are taken of."""
MORE_PAGES = {
    "queue, sent back": "/desk/queue?state=changes",
    "queue, no match": "/desk/queue?state=needs-review&q=nothing-like-it",
    "article, sent back": "/desk/articles/{sent_back}",
    "article, approved": "/desk/articles/{approved}",
    "source": "/desk/articles/{article}/source",
    "markdown": "/desk/articles/{article}/markdown",
    "outline": "/desk/articles/{article}/outline",
    "nothing to compare": "/desk/articles/{approved}/diff",
    "parts to edit": "/desk/articles/{article}/edit",
    "edit the head": "/desk/articles/{article}/edit/head",
    "decide on all": "/desk/queue/bulk?state=needs-review",
    "slot": "/desk/calendar?site={site}&slot={slot}",
    "backfill plan": "/desk/calendar/plan?site={site}&slot={slot}",
    "stop backfills": "/desk/calendar/stop?site={site}",
    "start a batch": "/desk/batches/new",
    "cancel a batch": "/desk/batches/{batch}/cancel",
    "keywords of all": "/desk/keywords",
    "import keywords": "/desk/keywords/{site}/keyword-list",
    "add a site": "/desk/new-site",
    "add a site's file": "/desk/new-site-file",
    "edit a site": "/desk/sites/{site}/edit",
    "a site's file": "/desk/sites/{site}/file",
    "remove a site": "/desk/sites/{site}/remove",
    "remove a schedule": "/desk/schedules/{site}/remove",
    "release a hold": "/desk/holds/release?site={site}",
    "call": "/desk/calls/{call}",
    "password again": "/desk/confirm",
}
"""What is looked at too."""


@dataclass(frozen=True)
class Day:
    """What there is to look at: ids by what they are of, and addresses by name."""

    known: dict[str, str]
    pages: dict[str, str]

    def address(self, name: str) -> str:
        """Return where a page is."""
        return (PAGES | MORE_PAGES)[name].format(**self.known)


def lived_in(home: Home) -> Day:
    """Let a day happen, and return what can be looked at."""
    _write(home)
    run = home.longtail
    waiting = [each["article_id"] for each in run.json("review", "list", "--site", SITE)]
    first, second, third, *_ = waiting
    older = _hash(home, first)
    for article in (first, second):
        _spoil(home, article)
    _do(
        home,
        "review",
        "request-changes",
        third,
        _hash(home, third),
        "--reason",
        "tone",
        "--note",
        "Less like an advert.",
    )
    _do(home, "review", "comment", first, "Who says so?")
    _do(home, "review", "approve", waiting[4], _hash(home, waiting[4]))
    _do(home, "schedule", "pause", OTHER_SITE, "--note", "new shop system")
    call = run.json("article", "show", first)["model_calls"][0]["id"]
    batch = run.json("batch", "list", SITE)[0]
    known = {
        "site": SITE,
        "article": first,
        "older": older,
        "section": _section(home, first),
        "sent_back": third,
        "approved": waiting[4],
        "batch": batch["id"],
        "slot": batch["slot"],
        "call": call,
    }
    return Day(known, pages={name: path.format(**known) for name, path in PAGES.items()})


def _write(home: Home) -> None:
    """Add two sites and write a batch of one."""
    site, keywords = home.longtail.folder / "site.toml", home.longtail.folder / "keywords.csv"
    site.write_text(sample_site("[publishing]", 'on_approval = "now"'), "utf-8")
    keywords.write_text("\n".join(["Keyword,Volume", *KEYWORDS]), "utf-8")
    _do(home, "site", "add", str(site))
    _do(home, "site", "add", _example(home, f"{OTHER_SITE}.toml"))
    _do(home, "keywords", "import", SITE, str(keywords))
    for slug in (SITE, OTHER_SITE):
        _do(home, "schedule", "set", slug, "--daily", "06:00")
    home.longtail.run(
        "batch", "start", SITE, "--limit", str(len(KEYWORDS)), "--wait"
    )  # 1: an article fails, as it was told to


def _example(home: Home, name: str) -> str:
    file = home.longtail.folder / name
    file.write_bytes(content(name))
    return str(file)


def _spoil(home: Home, article: str) -> None:
    """Let a person write what the rules find."""
    file = home.longtail.folder / "flawed.md"
    file.write_text(FLAWED, "utf-8")
    _do(
        home, "review", "edit", article, _hash(home, article), "--section", _section(home, article), "--text", str(file)
    )


def _section(home: Home, article: str) -> str:
    section: str = home.longtail.json("review", "show", article)["text"]["content"]["sections"][0]["id"]
    return section


def _hash(home: Home, article: str) -> str:
    content_hash: str = home.longtail.json("review", "show", article)["text"]["content_hash"]
    return content_hash


def _do(home: Home, *command: str) -> None:
    done = home.longtail.run(*command)
    assert done.returncode == 0, json.dumps([command, done.stdout, done.stderr])
