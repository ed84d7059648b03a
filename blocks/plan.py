"""A plan as a block: the form in which the Prefect UI shows and edits it."""

from typing import Any

from prefect.blocks.core import Block
from pydantic import create_model

from blocks.forms import ReadableForm
from blocks.plan_body import SLUG, plan_of
from openbell.values.plan import Plan


class PlanForm(ReadableForm):
    """Universe, strategies, limits, window and broker of one book of business.

    `python -m deployments.publish` saves one for each plan file. What is changed here counts from the next run on, and
    shows as a difference in `publish --check` until the file says the same.

    Example:
        ```python
        from blocks.plan import TradingPlan

        plan = TradingPlan.load("demo").plan()
        ```
    """

    _block_type_name = "openbell plan"
    _block_type_slug = SLUG
    _description = (
        "A plan that is published: its jobs take it from here. A change counts from the next run on, other times of "
        "the day only when the plan is published again."
    )
    _block_document_name: str | None

    def plan(self) -> Plan:
        """The plan; a PlanError names each key that cannot be used."""
        body = self.model_dump(mode="json", include=set(Plan.model_fields), exclude_unset=True)  # type: ignore[attr-defined]
        return plan_of(self._block_document_name or body.get("name", ""), body)


#: Its fields are the plan's own, so that no key stands in two places.
TradingPlan: Any = create_model(
    "TradingPlan",
    __base__=(PlanForm, Block),
    __module__=__name__,
    __doc__=PlanForm.__doc__,
    **{name: (field.annotation, field) for name, field in Plan.model_fields.items()},
)
