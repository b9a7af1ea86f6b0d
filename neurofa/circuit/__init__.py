"""From a rule and layer sizes to the plan of a circuit.

Units, synapse groups, slots, and the equations of one population. Plain data.
"""

__all__ = ["equations", "plan", "slots", "topology"]
