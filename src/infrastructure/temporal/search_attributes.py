"""Search attributes that operators filter workflows by.

The client registers them when it connects.

All are Keyword: SQL visibility has ten of those per namespace, and Text ones break on colons (temporal#11085).
"""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

SITE = SearchAttributeKey.for_keyword("Site")
STAGE = SearchAttributeKey.for_keyword("Stage")  # of generation 0; the stage stands in current details
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
COLOUR = SearchAttributeKey.for_keyword("Colour")
REVIEW_STATE = SearchAttributeKey.for_keyword("ReviewState")

REPORTED_PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")  # set by Temporal, of failing tasks

_ALL = (SITE, STAGE, OUTCOME, COLOUR, REVIEW_STATE)


async def register(client: Client) -> None:
    """Register the attributes that the namespace lacks; safe to repeat."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {
        key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        for key in _ALL
        if key.name not in listed.custom_attributes
    }
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
