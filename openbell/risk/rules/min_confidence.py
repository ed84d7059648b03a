"""No entry on a weak signal."""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MinConfidence(Rule):
    """Confidence of the strategies behind an entry, weighted by their shares."""

    order: ClassVar[int] = 60
    main: ClassVar[str] = "confidence"
    needs: ClassVar[tuple[str, ...]] = ("confidence",)

    confidence: float = Field(0.5, ge=0, le=1, description="Least confidence of an entry, from 0 to 1.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:  # noqa: ARG002
        """Deny below the limit; a confidence that is not a number is none."""
        limit = f"{self.confidence:.4g}"
        if not math.isfinite(intent.confidence):
            return self.unknown("confidence", limit)
        measured = f"{intent.confidence:.4f}"
        enough = intent.confidence >= self.confidence
        return self.allow(intent, measured, limit) if enough else self.deny(measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where every entry is confident enough."""
        sure = np.isfinite(block.confidence) & (block.confidence >= self.confidence)
        return block.entries(sure)
