"""How fast may a target move before control falls behind?

Deep feedback control that follows its target at every time (models/dfc_tracking.py), in a tanh
circuit, 10-20-20-1. The target oscillates around what the output does anyway. Gain and lag, by
projection on sine and cosine over 5 s, are compared with the transfer function of the linearised
circuit in the same time steps of 1 ms (analysis.transfer). The controller's time constant, its leak
and the delay of the feedback pathway are varied, one at a time. On a ramp, control without a leak
stays behind by a constant error; with one, the error grows.

About half a minute:  neurofa run tracking
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import Hz, ms
from tqdm.auto import tqdm

from neurofa import Length, Network, analysis, lookup, settle
from neurofa.experiment import Out, Run, print_table
from neurofa.pathways import delayed

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SIZES, DT, FREE = (10, 20, 20, 1), 1 * ms, 200  # a time step; how many before feedback sets in
RULE = lookup.rule("dfc_tracking").but(tau_v=10 * ms, tau_u=100 * ms, alpha=0.5)
RULE = RULE.through(delayed(0 * ms), "Q")
VARIED = {  # parameter: name, values, their unit; two at a time are those of RULE
    "tau_u": ("τ_u", (50, 100, 200), ms),
    "alpha": ("α", (0, 0.5, 1), 1),
    "delay_Q": ("delay", (0, 20, 40), ms),
}
SLOPE = 0.05  # of the ramp, per second
FASTEST, ONSET = 20.0, 4.0  # Hz; seconds in which it begins, and nothing is measured
SHOWN, SINE = 1.5, 2.0  # over time: seconds, Hz


def name_of(varied: str, value: int) -> str:
    """Return what a setting is called."""
    name, values, unit = VARIED[varied]
    return f"{name} = {values[value]:g}" + " ms" * (unit is ms)


def circuit(trials: int) -> tuple[Network, np.ndarray, float]:
    """Return a network, its stimulus (trials, inputs), and what its output does by itself."""
    net = Network(SIZES, RULE, trials=trials, seed=0)
    x = np.repeat(np.random.default_rng(0).standard_normal((1, SIZES[0])), trials, axis=0)
    net.stimulus(x)
    net.run("free", settle(1e-13, dt=DT))
    return net, x, net["output.r"].item(0)


def follow(net: Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the output's rates, (trials, FREE + steps), under a target `y`, (trials, steps), that
    counts as the free phase has ended."""
    net.reset()
    net.stimulus(x)
    net.target_rates(y[:, :, None], frame=DT)
    free = net.run("free", Length(FREE * DT, dt=DT)).trajectory[:, :FREE]
    controlled = net.run("feedback", Length(y.shape[1] * DT, dt=DT)).trajectory
    return np.concatenate([free, controlled], axis=1)[:, :, 0]


def measured(
    net: Network, x: np.ndarray, rest: float, swing: float, frequencies: np.ndarray, window: float
) -> np.ndarray:
    """Return gain and lag as one complex number for each frequency (Hz), a trial each, of targets
    that `swing` so far around `rest`, over a `window` in seconds of whole periods."""
    steps, last = round((ONSET + window) / float(DT)), round(window / float(DT))
    wave = np.exp(2j * np.pi * frequencies[:, None] * np.arange(steps) * float(DT))
    rates = follow(net, x, rest + swing * wave.imag)[:, -last:] - rest
    return (rates * wave[:, -last:].conj()).sum(axis=1) * 2j / (last * swing)


def predicted(net: Network, x: np.ndarray, frequencies: np.ndarray, dt=DT) -> np.ndarray:
    """Return the same by theory; with dt = None, for continuous time."""
    return analysis.transfer(net, x[:1], frequencies * Hz, dt=dt)[0, :, 0, 0]


def lag(H: np.ndarray) -> np.ndarray:
    """Return by how many degrees the output is late, going on beyond 180 where it does."""
    return -np.degrees(np.unwrap(np.angle(H), axis=-1))


def bode(swing: float, window: float, progress: bool) -> dict:
    """Return gain, lag and how far theory is off, as variables of a Dataset, (varied, value,
    frequency); theory on a finer `line` of frequencies, too."""
    frequencies = np.unique(np.geomspace(1, FASTEST * window, 16).round()) / window
    line = np.geomspace(frequencies[0], FASTEST, 121)
    net, x, rest = circuit(len(frequencies))
    settings = [(varied, k) for varied in VARIED for k in range(3)]
    found = []
    for varied, k in tqdm(settings, desc="settings", disable=None if progress else True):
        net.set(**RULE.all_parameters)
        net.set(**{varied: VARIED[varied][1][k] * VARIED[varied][2]})
        found.append(
            (
                measured(net, x, rest, swing, frequencies, window),
                predicted(net, x, frequencies),
                predicted(net, x, frequencies, dt=None),
                predicted(net, x, line),
            )
        )
    ours, theirs, continuous, smooth = (
        np.reshape(one, (len(VARIED), 3, -1)) for one in zip(*found)
    )
    dims, degrees, percent = ("varied", "value"), {"units": "degrees"}, {"units": "%"}
    return dict(
        gain=((*dims, "frequency"), abs(ours)),
        lag=((*dims, "frequency"), lag(ours), degrees),
        gain_predicted=((*dims, "frequency"), abs(theirs)),
        lag_predicted=((*dims, "frequency"), lag(theirs), degrees),
        deviation=((*dims, "frequency"), 100 * abs(ours / theirs - 1), percent),
        of_continuous_time=((*dims, "frequency"), 100 * abs(continuous / theirs - 1), percent),
        gain_line=((*dims, "line"), abs(smooth)),
        lag_line=((*dims, "line"), lag(smooth), degrees),
        varied=list(VARIED),
        value=range(3),
        frequency=("frequency", frequencies, {"units": "Hz"}),
        line=("line", line, {"units": "Hz"}),
    )


def over_time(swing: float) -> dict:
    """Return what the output does over time with each leak, the target, and theory once it has
    begun, as variables of a Dataset: for a sinusoid and a ramp."""
    net, x, rest = circuit(2)
    t = np.arange(round(SHOWN / float(DT))) * float(DT)
    wave = np.exp(2j * np.pi * SINE * t)
    outputs, theory = [], []
    for alpha in VARIED["alpha"][1]:
        net.set(alpha=alpha)
        outputs.append(follow(net, x, rest + np.stack([swing * wave.imag, SLOPE * t])))
        still, slow, H = predicted(net, x, np.array([0, 1e-3, SINE]))
        behind = -slow.imag / (2 * np.pi * 1e-3)  # H(i w) = H(0) - i w behind, for a small w
        theory.append([swing * (H * wave).imag, SLOPE * (still.real * t - behind)])
    return dict(
        output=(("leak", "movement", "time"), outputs),
        target=(("movement", "moving"), rest + np.stack([swing * wave.imag, SLOPE * t])),
        predicted=(("leak", "movement", "moving"), rest + np.array(theory)),
        leak=list(VARIED["alpha"][1]),
        movement=["sinusoid", "ramp"],
        time=("time", float(DT / ms) * np.arange(-FREE, len(t)), {"units": "ms"}),
        moving=("moving", 1e3 * t, {"units": "ms"}),
    )


def run(swing: float = 0.05, window: float = 5.0, progress: bool = True) -> xarray.Dataset:
    """Return gain and lag over frequency, of targets with this amplitude, measured over a `window`
    in seconds, and outputs over time, beside theory, as a Dataset."""
    import xarray

    return xarray.Dataset(bode(swing, window, progress) | over_time(swing))


def plot(data: xarray.Dataset) -> Figure:
    """Draw gain and lag over frequency, a row for what is varied, and outputs over time; return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=len(VARIED) + 1, columns=2, width=plot.PAGE, height=7)
    for varied, row in zip(VARIED, axes):
        for what, panel in zip(("gain", "lag"), row):
            _over_frequency(panel, data.sel(varied=varied), what, varied)
        row[0].set(yscale="log", ylabel="Gain", ylim=(0.03, 3))
        row[0].set_yticks([0.1, 1], ["0.1", "1"])
        row[1].set(ylabel="Lag (degrees)", ylim=(0, None))
        plot.name_lines(row[1], "upper left")
    plot.also(axes[0, 0], plot.sign("theory", "-"), loc="lower left")
    _over_time(axes[-1, 0], data.sel(movement="sinusoid"), [0.5])
    _over_time(axes[-1, 1], data.sel(movement="ramp"), [0, 1])
    return figure


def _over_frequency(panel, data, what, varied):
    """Draw measured points and the lines of theory for three values of what is varied."""
    from neurofa import plot

    looks = zip(plot.dark_to_light(3), "os^", ("-", "--", ":"))
    for k, (shade, marker, dashes) in enumerate(looks):
        panel.plot(data.line, data[f"{what}_line"][k], color=shade, linestyle=dashes, linewidth=0.9)
        panel.plot(
            *(data.frequency, data[what][k], marker),
            color=shade,
            markersize=3.5,
            markerfacecolor="white",
            label=name_of(varied, k),
        )
    panel.set(xscale="log", xlabel="Frequency of the target (Hz)")
    panel.set_xticks(ticks := [f for f in (0.2, 0.5, 1, 2, 5, 10, 20) if f >= data.line[0]], ticks)
    panel.xaxis.set_minor_formatter("")  # over a decade or less, these would have labels, too


def _over_time(panel, data, leaks):
    """Draw target, outputs with some of the leaks, and theory; and when there is no feedback."""
    from neurofa import plot

    panel.axvspan(-100, 0, facecolor="0.93", linewidth=0, zorder=0)
    panel.text(
        0, 1.01, "free ", transform=panel.get_xaxis_transform(), ha="right", va="bottom", fontsize=7
    )
    panel.text(0, 1.01, " feedback", transform=panel.get_xaxis_transform(), va="bottom", fontsize=7)
    panel.plot(data.moving, data.target, color="0.3", linestyle=(0, (4, 2)), label="target")
    for leak, shade in zip(leaks, plot.dark_to_light(len(leaks))):
        one = data.sel(leak=leak)
        panel.plot(data.time, one.output, color=shade, label=f"output, α = {leak:g}")
        plot.crosses(panel, one.moving[700::80], one.predicted[700::80])
    panel.set(xlabel="Time since feedback set in (ms)", ylabel="Output rate", xlim=(-100, 1500))
    low, high = data.target.values.min(), data.target.values.max()
    panel.set_ylim(low - 0.15 * (high - low), high + 0.5 * (high - low))  # room for names
    plot.name_lines(panel, "upper left")
    plot.also(panel, plot.sign("theory"), loc="upper left", ncols=2)


def report(data: xarray.Dataset) -> None:
    """Print gain and lag by frequency, what each setting does, errors on the ramp, and the largest
    deviation."""
    one = data.sel(varied="alpha").isel(value=1)
    columns = ("gain", "gain_predicted", "lag", "lag_predicted", "deviation")
    print_table(
        f"Control with {name_of('tau_u', 1)}, {name_of('alpha', 1)}, and no delay",
        ["Hz", "gain", "theory", "lag (degrees)", "theory", "deviation (%)"],
        [
            [f"{f:g}", *(f"{one[name][k]:.4g}" for name in columns)]
            for k, f in enumerate(data.frequency.values)
        ],
    )
    print_table(
        "Settings",
        [
            *("", f"gain at {data.line[0]:.2g} Hz", "largest gain", "at (Hz)"),
            *("90 degrees late at (Hz)", "largest deviation (%)"),
        ],
        [_setting(data.sel(varied=varied, value=k), varied) for varied in VARIED for k in range(3)],
    )
    ramp = data.sel(movement="ramp").isel(time=-1, moving=-1)
    errors = [(ramp.target - ramp[name]).values for name in ("output", "predicted")]
    print_table(
        f"Error after {SHOWN:g} s on a ramp of {SLOPE:g} per second",
        ["α", "error", "theory", "deviation (%)"],
        [
            [f"{leak:g}", f"{ours:.4g}", f"{theirs:.4g}", f"{100 * abs(ours / theirs - 1):.2g}"]
            for leak, ours, theirs in zip(data.leak.values, *errors)
        ],
    )
    print(
        f"Largest deviation of gain and lag: {data.deviation.max():.2g} %. Theory for continuous time would be off by "
        f"up to {data.of_continuous_time.max():.2g} %, most at the highest frequencies."
    )


def _setting(data, varied):
    """Return a row of the table of settings."""
    peak = int(data.gain_line.values.argmax())
    return [
        name_of(varied, int(data.value)),
        *(f"{data.gain_line[place]:.3g}" for place in (0, peak)),
        f"{data.line[peak]:.2g}",
        f"{np.interp(90, data.lag_line, data.line):.2g}",
        f"{data.deviation.max():.2g}",
    ]


def main(
    swing: Annotated[float, typer.Option(min=1e-4, help="How far the target oscillates.")] = 0.05,
    quick: Annotated[bool, typer.Option(help="Frequencies from 2 Hz on.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Move the target of a controlled circuit, faster and faster, and compare with its transfer
    function."""
    folder = Run.start("tracking", dict(swing=swing, quick=quick), [RULE], out)
    folder.finish(run(swing, 0.5 if quick else 5.0, progress), report, plot)


if __name__ == "__main__":
    typer.run(main)
