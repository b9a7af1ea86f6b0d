"""The shelf of learning rules: one per file. README.md lists them; `neurofa models` does too."""

from neurofa import LearningRule  # noqa: F401 (first: it imports Brian2)

COUPLED = (
    "weights and rates = coupled equations, steps in NumPy; slow weights: dW of the rule with phases, "
    "and what is left of it if feedback is late"
)
# What golden/ compares each rule with, and the largest difference of an identity in `neurofa run
# steady_state`, rounded up.
GOLDEN = {
    "bp": ("delta = backpropagated gradient; dW = minus the gradient", "1e-12"),
    "fa": ("delta = closed form; with B = W^T, the gradient", "1e-12"),
    "dfa": ("delta = closed form; one hidden layer: FA", "9e-13"),
    "frozen": ("hidden weights stay; dW of the output = the delta rule", "6e-17"),
    "ifa": ("delta = closed form, climbing; one hidden layer: FA and DFA", "6e-13"),
    "ifa_random": (
        "delta = closed form, climbing; one hidden layer: FA and DFA; relay = W: IFA",
        "1e-12",
    ),
    "kolen_pollack": (
        "delta = closed form; W - B^T = (1 - decay)^t (W_0 - B_0^T), 100 updates, three optimisers",
        "7e-13",
    ),
    "direct_kolen_pollack": (
        "dW and dB = closed forms; last layer: W - B^T = (1 - decay)^t (W_0 - B_0^T), three optimisers; "
        "frozen W: B = B* + (1 - decay)^t (B_0 - B*), B* = -(eta/decay) E[r delta^T]",
        "1e-14",
    ),
    "product_feedback_alignment": (
        "delta, dW and dR = closed forms; R - W^T B^T = (1 - decay)^t (R_0 - W_0^T B^T); "
        "tan(angle(RB, W^T)) = sqrt((n + 1)/N) within sampling error",
        "1e-12",
    ),
    "drtp": ("hidden dW before feedback, the output's after it = closed forms", "2e-13"),
    "pepita": (
        "rates of both passes, dW = closed forms; small F: dphi W..W_1 F e",
        "1e-12",
    ),
    "node_perturbation": (
        "given the noise: dC and dW = two passes in NumPy; over draws: mean = gradient, variance = (n + 1)|g|^2, within sampling error",
        "1e-12",
    ),
    "weight_perturbation": (
        "given the noise: dC and dW = two passes in NumPy; over draws: mean = gradient, variance = (P + 1)|G|^2, within sampling error",
        "4e-13",
    ),
    "bfa": (
        "delta and dream = closed forms; with W = B^T, dB = gradient of the reconstruction",
        "3e-12",
    ),
    "bdfa": ("delta = closed form; frozen W: columns of B = class means", "2e-7"),
    "local_losses": ("delta = gradient of the layer's own cost; no error crosses layers", "3e-12"),
    "local_losses_hidden": (
        "delta, dH and dP = gradients of the layer's own cost; no error crosses layers",
        "2e-12",
    ),
    "local_losses_two_hidden": (
        "delta, dH, dG and dP = gradients of the layer's own cost; no error crosses layers",
        "2e-12",
    ),
    "loco": (
        "delta, dW and dP = gradients of two costs, the layer's own and that of the one above; no "
        "error comes from further up",
        "9e-12",
    ),
    "local_losses_random": ("delta = closed form; no error crosses layers", "8e-13"),
    "synthetic_gradients": (
        "hidden dW before feedback = closed form; frozen W: predictor = E[g h^T] E[h h^T]^-1",
        "6e-15",
    ),
    "synthetic_gradients_conditioned": (
        "delta = closed form; frozen W: predictor = regression on rates and label",
        "2e-12",
    ),
    "sign_symmetry": ("delta = closed form; angle(B, W^T) = arccos(2/pi) to 0.03 degrees", "8e-13"),
    "sign_symmetry_uniform": (
        "delta = closed form; angle(B, W^T) = arccos(sqrt(2/pi)) to 0.03 degrees",
        "7e-13",
    ),
    "sign_symmetry_redrawn": (
        "delta = closed form; angle(B, W^T) = arccos(2/pi) to 0.03 degrees",
        "8e-13",
    ),
    "predictive_coding": (
        "linear: eps = (Sigma_L I + sum J J^T)^-1 (y - mu), and J^T of it; "
        "backprop to 0.08 degrees at Sigma_L = 1000",
        "9e-14",
    ),
    "equilibrium_propagation": (
        "free = minimum of the energy; off the gradient by O(beta)",
        "2e-13",
    ),
    "equilibrium_propagation_centred": (
        "free = minimum of the energy; off the gradient by O(beta^2)",
        "2e-13",
    ),
    "dendritic_microcircuit": (
        "self-predicting: v_apical = 0; nudged = root of the equations; "
        "weak teacher: backprop to 0.03 degrees",
        "2e-12",
    ),
    "burstccn": (
        "free: p = baseline; cancelling or not: p and dW = closed forms; "
        "Y = W^T, weak teacher: backprop to 0.2 degrees",
        "1e-12",
    ),
    "clapp": (
        "update = minus the gradient of its loss, by finite differences; "
        "linear, P = J^T P_L J: dW = that of hinge CPC",
        "2e-10",
    ),
    "hinge_cpc": ("update = minus the gradient of its loss, by finite differences", "2e-10"),
    "hinge_cpc_random": (
        "dW and dP = closed forms; B = W^T: minus the gradient of its loss, by finite differences",
        "2e-10",
    ),
    "target_propagation": ("targets and dW = closed forms; exact inverses: Gauss-Newton", "9e-13"),
    "difference_target_propagation": (
        "targets and dW = closed forms; exact inverses: Gauss-Newton; "
        "Q = Sigma W^T (W Sigma W^T)^-1 to 0.3 %",
        "1e-12",
    ),
    "sdtp": ("targets and dW = closed forms; exact inverses: Gauss-Newton", "9e-13"),
    "rflo": (
        "traces = recursion in NumPy; dW and dR = gradient of truncated dynamics, and the full recursion, "
        "which is BPTT, without R; R = 0, B = W^T: BPTT",
        "1e-11",
    ),
    "weight_mirror": (
        "engaged = FA; tan(angle(B, W^T)) = sqrt((n + 1)/N), and E[dB], within sampling error",
        "7e-13",
    ),
    "dfc_learned": (
        "awake as DFC; asleep, given the noise: u and dQ = steps in NumPy; "
        "E[dQ] = covariance recursion to 0.7 %; condition 2 rises to 0.98",
        "9e-13",
    ),
    "dfc_ss_learned": ("awake as DFC-SS, asleep as DFC, learned feedback: their checks", "9e-13"),
    "dfc_ssa": ("u = (JQ + alpha I)^-1 delta_L; dW = analytic update; neurons stay", "6e-13"),
    "strong_dfc": (
        "quiet: u = root of the equations; given the noise: u, dQ and dW = steps in NumPy; "
        "E[dQ] = covariance recursion to 0.5 %; condition 2 rises to 0.98",
        "2e-15",
    ),
    "strong_dfc_two_phase": (
        "u and dW = root of the equations; asleep as DFC, learned feedback",
        "3e-12",
    ),
    "dfc": (
        "error = alpha u; v - v_basal = Q u; u = root of the equations; trajectory and dW = steps in NumPy",
        "9e-13",
    ),
    "dfc_ss": ("as DFC, and dW at the root; linear: u = (JQ + alpha I)^-1 delta_L", "1e-12"),
    "dfc_tracking": (
        "error = alpha u; u = root of the equations; moving target: trajectory and dW = steps in "
        "NumPy; linear: gain and lag = transfer function",
        "9e-13",
    ),
    "feedback_control": (
        "r, u and traces = root of the equations; moving target, late feedback: trajectory and dR = "
        "steps in NumPy",
        "4e-12",
    ),
    "dfc_integral_leak": (
        "error = alpha~ u; v - v_basal = Q u; u and dW = root of the equations",
        "7e-13",
    ),
    "least_control": (
        "r and psi = root of the equations; B = W^T: dW = minus the gradient of control, by finite "
        "differences, and no other control costs less; random B: off by 45 to 67 degrees",
        "7e-12",
    ),
    "disinhibitory_control": (
        "all potentials and dW = root of the equations; weak control: Q error of the free state",
        "1e-12",
    ),
    "dendritic_target_propagation": (
        "potentials, dendrites, dY and dW = those of the equations; no weight changes its sign",
        "9e-13",
    ),
    "online_fa": (COUPLED, "2e-14"),
    "online_fa_trace": (COUPLED, "2e-14"),
    "online_dfa": (COUPLED, "2e-14"),
    "online_dfa_trace": (COUPLED, "2e-14"),
    "online_dfa_eligibility": (COUPLED, "3e-14"),
    "online_kp": (
        "weights and rates = coupled equations, steps in NumPy; slow weights: dW and dB of Kolen-Pollack; "
        "W - B^T = (1 - dt/tau_decay)^n (W_0 - B_0^T)",
        "2e-14",
    ),
}
