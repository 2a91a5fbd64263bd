"""The steps of a review, each one transaction."""

from temporalio import activity

from src.domain.review import ReviewStep, ReviewUseCase

from ..messages import ReviewInput


class ReviewActivities:
    """Reviews as their workflow sees them."""

    def __init__(self, reviews: ReviewUseCase) -> None:
        self._reviews = reviews

    @activity.defn
    async def look_at_review(self, request: ReviewInput) -> ReviewStep:
        """Do what is due at the review and return what is next."""
        return await self._reviews.look(request.article_id)
