"""Search attributes that operators filter workflows by.

The client registers them when it connects.

All are Keyword: SQL visibility has ten of those per namespace, and Text ones break on colons (temporal#11085).
"""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from src.domain.errors import SearchAttributesMissing

SITE = SearchAttributeKey.for_keyword("Site")
STAGE = SearchAttributeKey.for_keyword("Stage")  # of generation 0; the stage stands in current details
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
COLOUR = SearchAttributeKey.for_keyword("Colour")
REVIEW_STATE = SearchAttributeKey.for_keyword("ReviewState")

REPORTED_PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")  # set by Temporal, of failing tasks

_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_NOT_OURS_TO_ADD = (  # a role that may not, and Temporal Cloud, which has an interface of its own for it
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
)
_ALL = (SITE, STAGE, OUTCOME, COLOUR, REVIEW_STATE)


async def register(client: Client) -> None:
    """Register the attributes that the namespace lacks; safe to repeat.

    Raises SearchAttributesMissing when we may not, and for one that exists with another type.
    """
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    known = listed.custom_attributes
    foreign = [key.name for key in _ALL if known.get(key.name, _KEYWORD) != _KEYWORD]
    if foreign:
        raise SearchAttributesMissing(client.namespace, foreign, problem="they are there with another type")
    missing = [key.name for key in _ALL if key.name not in known]
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(missing, _KEYWORD))
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_ADD:
            raise
        raise SearchAttributesMissing(client.namespace, missing, problem=f"we may not add them: {error}") from error
