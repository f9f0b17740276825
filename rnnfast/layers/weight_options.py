"""What a layer's arguments say of one of its weights."""

from __future__ import annotations

from typing import NamedTuple

from rnnfast import constraints, initializers, regularizers
from rnnfast.constraints import Constraint
from rnnfast.initializers import Initializer
from rnnfast.regularizers import Regularizer


class WeightOptions(NamedTuple):
    """How a weight begins, what is added to the loss for it, and what it is kept to."""

    initializer: Initializer
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None

    @classmethod
    def of(
        cls,
        weight: str,
        initializer: str | Initializer,
        regularizer: str | Regularizer | None,
        constraint: str | Constraint | None,
    ) -> WeightOptions:
        """From the arguments `<weight>_initializer`, `<weight>_regularizer` and `<weight>_constraint`.

        Raises:
            ValueError: a name that is not known. TypeError: neither a name nor an object of the kind.
        """
        return cls(
            initializers.get(f"{weight}_initializer", initializer),
            regularizers.get(f"{weight}_regularizer", regularizer),
            constraints.get(f"{weight}_constraint", constraint),
        )
