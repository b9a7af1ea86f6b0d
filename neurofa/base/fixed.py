"""A dictionary for descriptions: nobody can change it, but it can be copied and sent to another
process."""

from typing import Any, NoReturn


class Fixed(dict):
    """A dictionary whose entries cannot be set or removed. Raises TypeError on the attempt.

    It can be a key of another one, or in a set, if its values can.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "A description is frozen: it cannot be changed. Make another one, with but(...) or dataclasses.replace."
        )

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

    def __hash__(self):
        return hash(frozenset(self.items()))

    def __reduce__(self):
        return Fixed, (dict(self),)
