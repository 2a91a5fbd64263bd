"""Ids of the nouns, each a type of its own."""

from typing import NewType
from uuid import UUID

ArticleId = NewType("ArticleId", UUID)
BatchId = NewType("BatchId", UUID)
BackfillId = NewType("BackfillId", UUID)
CallId = NewType("CallId", UUID)
LongtailId = NewType("LongtailId", UUID)
