"""The shelf in the order in which a reader may want it: by what feedback carries, and how it is had."""

FAMILIES = {
    "Errors through fixed feedback": (
        "Every layer hears the output's error, or what stands for it, through synapses that do not learn. "
        "Backpropagation and frozen hidden weights are what they are measured against.",
        "bp frozen fa dfa ifa ifa_random drtp pepita sign_symmetry sign_symmetry_uniform "
        "sign_symmetry_redrawn",
    ),
    "Errors through feedback that learns": (
        "Feedback synapses change as well, so that what they bring comes closer to the gradient.",
        "kolen_pollack direct_kolen_pollack weight_mirror product_feedback_alignment bfa bdfa",
    ),
    "Control": (
        "Feedback moves the neurons until the output is where it should be, and synapses learn what that took.",
        "dfc dfc_ss dfc_ssa dfc_integral_leak dfc_tracking dfc_learned dfc_ss_learned strong_dfc "
        "strong_dfc_two_phase least_control disinhibitory_control feedback_control",
    ),
    "Targets": (
        "Feedback carries what the rates of a layer should be, not how wrong they are.",
        "target_propagation difference_target_propagation sdtp",
    ),
    "Energies and predictions": (
        "The circuit relaxes to a state with and without a teacher, and the difference teaches.",
        "equilibrium_propagation equilibrium_propagation_centred predictive_coding",
    ),
    "Dendrites, interneurons and bursts": (
        "Errors are told by what inhibition cannot cancel in a dendrite, or by bursts among spikes.",
        "dendritic_microcircuit dendritic_target_propagation burstccn",
    ),
    "Aims of their own": (
        "Each layer has a loss of its own, or predicts the error that it would hear.",
        "local_losses local_losses_random local_losses_hidden local_losses_two_hidden loco "
        "synthetic_gradients synthetic_gradients_conditioned",
    ),
    "Contrasts without labels": (
        "Layers learn to foresee what comes next, and not what does not.",
        "clapp hinge_cpc hinge_cpc_random",
    ),
    "Perturbation": (
        "One number, the change of the cost under noise, reaches all cells.",
        "node_perturbation weight_perturbation",
    ),
    "Without phases, and in time": (
        "Input, error and plasticity run at once, or a recurrent layer learns while a trial goes on.",
        "online_fa online_fa_trace online_dfa online_dfa_trace online_dfa_eligibility online_kp rflo",
    ),
}


def family(model: str) -> str:
    """Return the family of a model. Raises LookupError if it has none."""
    for name, (_, members) in FAMILIES.items():
        if model in members.split():
            return name
    raise LookupError(f"{model} has no family: give it one in docs/_extensions/families.py.")
