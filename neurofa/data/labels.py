"""What the variables of a file are: by their role, which is stored with them, and by whose they
are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..circuit.slots import Role

if TYPE_CHECKING:
    import xarray

_BEFORE_ROLES = {
    ".w": Role.WEIGHT,
    ".bias": Role.BIAS,
    ".residual": Role.RESIDUAL,
    ".target": Role.TARGET,
}


def role_of(array: xarray.DataArray) -> Role | None:
    """Return the Role of a DataArray; files written before roles were stored tell by their
    names."""
    if "role" in array.attrs:
        return Role(array.attrs["role"])
    return next(
        (role for ending, role in _BEFORE_ROLES.items() if str(array.name).endswith(ending)), None
    )


def owner_of(name: str) -> str:
    """Return whose a variable is: "hidden1" of "hidden1.v"."""
    return name.partition(".")[0]


def with_role(data: xarray.Dataset, *roles: Role) -> dict[str, str]:
    """Return `{owner: name}` of the variables of a Dataset that have one of these roles, in their
    order."""
    return {
        owner_of(str(name)): str(name)
        for name, array in data.data_vars.items()
        if role_of(array) in roles
    }
