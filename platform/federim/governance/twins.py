"""Make of a rule that raises one that answers yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from federim.model.errors import FederimError

Asked = ParamSpec("Asked")


def twin(check: Callable[Asked, None], *refusals: type[FederimError]) -> Callable[Asked, bool]:
    """The same rule as a question: False where `check` raises one of `refusals`."""

    def answer(*args: Asked.args, **kwargs: Asked.kwargs) -> bool:
        try:
            check(*args, **kwargs)
        except refusals:
            return False
        return True

    answer.__doc__ = check.__doc__
    return answer
