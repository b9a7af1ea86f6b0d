"""How late may feedback come before control becomes unstable?

Deep feedback control (DFC-SS, linear, integral control) with a delay d in the feedback pathway, on
circuits with one eigenvalue lambda of J Q each: oscillations grow beyond d* = tau_u
arccos(-alpha/lambda) / sqrt(lambda^2 - alpha^2), the limit of tau_u du/dt = -alpha u - lambda u(t -
d). Neurons are 200 times faster than the controller, so that they hardly add to the delay.

About half a minute:  neurofa run delays
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms
from tqdm.auto import tqdm

from neurofa import Length, Network, Recorder, lookup
from neurofa.experiment import Out, Run, print_table
from neurofa.pathways import delayed

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

TAU_U, DT = 100.0, 0.5  # ms; the membrane's time constant is one step
ALPHAS = (0.0, 0.5, 1.0)
PAIRS = ((2.0, 0.0), (4.0, 0.5), (6.0, 1.0))  # (lambda, alpha) of the table
LAMBDAS = np.linspace(1.5, 8, 27)  # one circuit each, side by side in one network
DURATION = 3000.0  # ms
ROUNDING = 1e-12  # smaller deviations are none


def critical(lam: float, alpha: float) -> float:
    """Return d* in ms; lambda > alpha."""
    return TAU_U * np.arccos(-alpha / lam) / np.sqrt(lam**2 - alpha**2)


def growth(net: Network, delay: float, alpha: float) -> np.ndarray:
    """Return the rate in 1/s at which deviations of the control signal grow (or decay, negative),
    for every lambda."""
    net.set(alpha=alpha, delay_Q=delay * ms)
    net.reset()
    net.stimulus(np.ones((1, len(LAMBDAS))))
    net.target_rates(np.zeros((1, len(LAMBDAS))))
    net.run("free", Length(10 * ms, dt=DT * ms))
    recorder = Recorder("controller.u", every=2)
    net.run("feedback", Length(DURATION * ms, dt=DT * ms), recorder)
    u = recorder.recording()["controller.u"].values[0]
    rest = (net["output.setpoint"][0] - 1) / (LAMBDAS + alpha)
    _, early, late = (
        np.abs(part - rest).max(axis=0).clip(ROUNDING) for part in np.array_split(u, 3)
    )
    return np.log(late / early) / (DURATION / 3 * 1e-3)


def run(delays: int = 40, progress: bool = True) -> xarray.Dataset:
    """Return growth rates (alpha, delay, lambda), the boundary where they change sign, and the
    predicted one, as a Dataset."""
    import xarray

    rule = (
        lookup.rule("dfc_ss")
        .but(tau_v=DT * ms, tau_u=TAU_U * ms, k_p=0.0)
        .through(delayed(10 * ms))
    )
    net = Network((len(LAMBDAS), len(LAMBDAS)), rule, activation="linear")
    net["W1"], net["Q1"] = np.eye(len(LAMBDAS)), np.diag(LAMBDAS)
    late = np.geomspace(10, 400, delays)
    rates = np.empty((len(ALPHAS), delays, len(LAMBDAS)))
    for place in tqdm(
        list(np.ndindex(rates.shape[:2])),
        desc="delays",
        unit="run",
        disable=None if progress else True,
    ):
        rates[place] = growth(net, late[place[1]], ALPHAS[place[0]])
    found = [
        [_crossing(late, rates[i, :, k]) for k in range(len(LAMBDAS))] for i in range(len(ALPHAS))
    ]
    theory = [[critical(lam, alpha) for lam in LAMBDAS] for alpha in ALPHAS]
    return xarray.Dataset(
        dict(
            growth=(("alpha", "delay", "lambda"), rates, {"units": "1/s"}),
            found=(("alpha", "lambda"), found, {"units": "ms"}),
            theory=(("alpha", "lambda"), theory, {"units": "ms"}),
        ),
        {"alpha": list(ALPHAS), "delay": ("delay", late, {"units": "ms"}), "lambda": LAMBDAS},
    )


def _crossing(late, rates):
    """Return the delay from which on deviations grow, interpolated on a logarithmic scale; nan if
    they always or never do."""
    after = int(np.argmax(rates > 0))
    if after == 0:
        return np.nan
    return float(
        np.exp(np.interp(0, rates[after - 1 : after + 1], np.log(late[after - 1 : after + 1])))
    )


def plot(data: xarray.Dataset) -> Figure:
    """Draw the map of growing and decaying oscillations for every alpha, with both boundaries;
    return the figure."""
    from neurofa import plot

    figure, axes = plot.figure(columns=data.sizes["alpha"], width=plot.PAGE, height=2.6)
    for panel, alpha in zip(np.atleast_1d(axes), data.alpha.values):
        chosen = data.sel(alpha=alpha)
        panel.contourf(
            data["lambda"],
            data.delay,
            chosen.growth > 0,
            levels=[-0.5, 0.5, 1.5],
            colors=["1", "0.82"],
        )
        panel.plot(data["lambda"], chosen.theory, color="black", linewidth=1, label="theory")
        panel.plot(
            data["lambda"],
            chosen.found,
            "o",
            markersize=2.5,
            markerfacecolor="white",
            color="black",
            label="simulation",
        )
        panel.set_yscale("log")
        panel.set_xlabel("Eigenvalue λ of JQ")
        panel.set_title(f"α = {alpha:g}", fontsize="medium")
        panel.text(
            0.95, 0.93, "grows", transform=panel.transAxes, ha="right", va="top", fontsize="small"
        )
        panel.text(0.05, 0.05, "settles", transform=panel.transAxes, fontsize="small")
    np.atleast_1d(axes)[0].set_ylabel("Delay of the feedback (ms)")
    plot.name_lines(np.atleast_1d(axes)[-1], "upper right", bbox_to_anchor=(1, 0.88))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print found and predicted boundaries of three pairs, and the largest deviation on the whole
    map."""
    rows = []
    for lam, alpha in PAIRS:
        one = data.sel(alpha=alpha).sel({"lambda": lam}, method="nearest")
        rows.append(
            [
                f"{float(one['lambda']):g}",
                f"{alpha:g}",
                f"{float(one.found):.2f}",
                f"{float(one.theory):.2f}",
                f"{100 * float(one.found / one.theory - 1):+.1f}",
            ]
        )
    print_table(
        "Largest delay with which DFC settles",
        ["lambda", "alpha", "simulation (ms)", "theory (ms)", "difference (%)"],
        rows,
    )
    print(
        f"On the whole map: at most {100 * float(np.abs(data.found / data.theory - 1).max()):.1f} %."
    )


def main(
    quick: Annotated[bool, typer.Option(help="10 delays.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Find the delay of the feedback pathway beyond which the controlled circuit oscillates, and
    compare with theory."""
    folder = Run.start("delays", dict(quick=quick), [lookup.rule("dfc_ss")], out)
    folder.finish(run(10 if quick else 40, progress), report, plot)


if __name__ == "__main__":
    typer.run(main)
