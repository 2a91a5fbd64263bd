"""A day of use, by the command line: articles, decisions, a schedule with a gap, a hold, people."""

from dataclasses import dataclass

from .homes import Home, sample_site

SITE = "hardware-shop"


@dataclass(frozen=True)
class Day:
    """The pages that there are to look at, by name."""

    pages: dict[str, str]


async def lived_in(home: Home) -> Day:
    """Let a day happen, and return what can be looked at."""
    run = home.longtail
    site = home.longtail.folder / "site.toml"
    site.write_text(sample_site("[publishing]", 'on_approval = "now"', 'undo = "30 s"'), "utf-8")
    keywords = home.longtail.folder / "keywords.csv"
    keywords.write_text("\n".join(["Keyword,Volume", *UGLY]), "utf-8")
    for command in (
        ("site", "add", str(site)),
        ("keywords", "import", SITE, str(keywords)),
        ("schedule", "set", SITE, "--daily", "06:00"),
        ("batch", "start", SITE, "--limit", "9", "--wait"),
    ):
        done = run.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    first = run.json("review", "list")[0]["article_id"]
    batch = run.json("batch", "list", SITE)[0]["id"]
    return Day(
        pages={
            "today": "/desk/",
            "queue": "/desk/queue",
            "article": f"/desk/articles/{first}",
            "diff": f"/desk/articles/{first}/diff",
            "editor": f"/desk/articles/{first}/edit",
            "calendar": "/desk/calendar",
            "batches": "/desk/batches",
            "batch": f"/desk/batches/{batch}",
            "articles": "/desk/articles",
            "keywords": f"/desk/keywords/{SITE}",
            "sites": "/desk/sites",
            "site": f"/desk/sites/{SITE}",
            "schedules": "/desk/schedules",
            "holds": "/desk/holds",
            "alerts": "/desk/alerts",
            "calls": "/desk/calls",
            "people": "/desk/people",
            "audit": "/desk/audit",
            "account": "/desk/account",
            "keys": "/desk/keys",
        }
    )


UGLY = (
    "best wall plugs for plasterboard,1900",
    "登山靴 サイズ 選び方 幅広,880",
    "أفضل مثقاب للخرسانة,720",
    f"what is the best way to hang a very heavy mirror {'with no visible fixings on an old lath and plaster wall ' * 3}".strip()[
        :239
    ]
    + ",90",
    '"<b>bold</b> & ""quoted"" drill bits",40',
    "how to drill into tiles without cracking them,3600",
    "sds plus vs sds max,1300",
    "m8 bolt clearance hole,2400",
    "wood screw length for 18 mm ply,210",
)
