"""The probe: an article that a deployment has made and then removes.

Its rows have a site of their own. Nobody can give a site that slug, and nobody is shown its rows.
"""

from datetime import timedelta

from pydantic import HttpUrl

from .site import ModelChoice, Profile, ReviewRules, Site
from .stages import STAGES

PROBE_SITE = (
    ".probe"  # in the rows, which only name it: the description has an ordinary slug, so that any version reads it
)
PROBE_KEYWORD = "how to oil a squeaking door hinge"


def probe_site() -> Site:
    """Return the description of the probe's site.

    Each stage names the offline writer, so that it writes whatever keys are set.
    """
    return Site(
        slug="probe",
        name="Probe",
        base_url=HttpUrl("https://probe.invalid"),
        profile=Profile(audience="nobody: a deployment has it written and removes it", word_target=300),
        models={stage: ModelChoice(provider="offline") for stage in STAGES},
        # The version before begins a review, which then waits until it is ended.
        review=ReviewRules(reminder=timedelta(days=20), expiry=timedelta(days=30)),
    )
