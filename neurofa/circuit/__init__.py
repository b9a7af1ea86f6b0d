"""From a rule and layer sizes to the plan of a circuit.

Units, synapse groups, slots, and the equations of one population. Plain data.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["equations", "plan", "slots", "topology", "traces", "units"]
