"""What a pathway does to its signal on the way: delay, gain, noise, saturation, rectification, a
window of time.

A delay acts on the source's signal, before the synapses; all others on what the synapses bring, in
the order in which they are written. They become equations of the target, with parameters that
`Network.set` changes without compiling anew: `B | noisy(0.1, 10*ms)` has `sigma_B` and `tau_B`. A
second manipulation of the same kind has `sigma_B_2`.
"""

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from ...base.arguments import number, quantity
from ...base.errors import RuleError
from .base import Manipulation, layers


@dataclass(frozen=True)
class delayed(Manipulation):
    """The target hears the source's signal of the time `by` ago; `layer` restricts this to what
    enters one layer, or some.

    Between two time steps the signal is interpolated, so that whole numbers of steps are exact.
    Before the trial, the signal is that of a circuit at rest. Phases do not end before the longest
    delay has passed without change. Parameter: `delay_<pathway>`.

    Examples
    --------
    >>> fa.RULE.through(delayed(20*ms)).all_parameters["delay_B"]
    20. * msecond
    """

    by: Quantity
    layer: int | tuple | None = None

    def __post_init__(self):
        quantity("delayed(by)", self.by, second, "20*ms", error=RuleError, zero=True)
        layers(self)

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        return {self.delay(key): self.by}

    def delay(self, key: str) -> str:
        return f"delay_{key}"


@dataclass(frozen=True)
class gain(Manipulation):
    """What arrives is `factor` times as strong. Parameter: `gain_<pathway>`.

    In feedback alignment, where errors pass from layer to layer, this is the layer-wise learning
    rate.

    Examples
    --------
    >>> fa.RULE.through(gain(2)).all_parameters["gain_B"]
    2.0
    """

    factor: float

    def __post_init__(self):
        number("gain(factor)", self.factor, RuleError, example="2.0")

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        return {f"gain_{key}": float(self.factor)}

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        return "", f"gain_{key} * ({drive})"


@dataclass(frozen=True)
class noisy(Manipulation):
    """Gaussian noise of mean 0 is added to what arrives.

    With `tau`, an Ornstein-Uhlenbeck process of standard deviation `sigma` (no unit) and
    autocorrelation exp(-lag/tau), from the trial's first step on and exactly so at every dt;
    without, white noise of intensity `sigma` (unit second**0.5, for instance 0.1*ms**0.5): its
    integral over a time T has the standard deviation sigma*sqrt(T). `shared`: all units of a
    population hear the same noise; else each has its own. Noise keeps the circuit from settling
    (see `Network.noisy_phases`). Parameters: `sigma_<pathway>`, `tau_<pathway>`.

    Examples
    --------
    >>> sorted(set(fa.RULE.through(noisy(0.1, 10*ms)).all_parameters) - set(fa.RULE.parameters))
    ['sigma_B', 'tau_B']
    """

    sigma: float | Quantity
    tau: Quantity | None = None
    shared: bool = False

    def __post_init__(self):
        if self.tau is None:
            quantity(
                "noisy(sigma)",
                self.sigma,
                second**0.5,
                "0.1*ms**0.5, or with tau=10*ms a number such as 0.1",
                RuleError,
                True,
            )
        else:
            quantity("noisy(tau)", self.tau, second, "10*ms", error=RuleError)
            quantity(
                "noisy(sigma)",
                self.sigma,
                1,
                "0.1, the standard deviation, has no unit where there is a tau",
                RuleError,
                True,
            )

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        return {f"sigma_{key}": self.sigma} | ({} if self.tau is None else {f"tau_{key}": self.tau})

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        xi = next(iter(self.shared_noises(key)), f"xi_{key}")
        # white: with dt in place of a time constant, forward Euler leaves nothing of the step
        # before
        if self.tau is None:
            rate = f"(-noise_{key} + sigma_{key} * {xi}) / dt"
        else:  # in the first step, also what noise would have left that has been there for ever
            past = f"int(t < dt/2) * tau_{key} / (2 * dt * exprel(2 * dt / tau_{key}))"
            rate = f"-noise_{key} / tau_{key} + sigma_{key} * (2 * (1 + {past}) / tau_{key})**0.5 * {xi}"
        return f"dnoise_{key}/dt = {rate} : 1", f"({drive}) + noise_{key}"

    def shared_noises(self, key: str) -> tuple[str, ...]:
        return (f"xi_0shared_{key}",) if self.shared else ()


@dataclass(frozen=True)
class saturating(Manipulation):
    """What arrives is bounded: limit * tanh(drive / limit). Parameter: `limit_<pathway>`.

    Examples
    --------
    >>> rule = fa.RULE.through(saturating(0.5))
    """

    limit: float = 1.0

    def __post_init__(self):
        quantity("saturating(limit)", self.limit, 1, "0.5", error=RuleError)

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        return {f"limit_{key}": float(self.limit)}

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        return "", f"limit_{key} * tanh(({drive}) / limit_{key})"


@dataclass(frozen=True)
class rectified(Manipulation):
    """What arrives is zero where the synapses would bring something negative.

    Examples
    --------
    >>> rule = fa.RULE.through(rectified())
    """

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        return "", f"({drive}) * int(({drive}) > 0)"


@dataclass(frozen=True)
class only_during(Manipulation):
    """The pathway transmits from `begin` to `end` after the beginning of every phase, and is silent
    otherwise.

    A phase that is to settle does so after the window has opened and closed, unless that comes
    after its `at_most`. Parameters: `begin_<pathway>`, `end_<pathway>`.

    Examples
    --------
    >>> rule = fa.RULE.through(only_during(50*ms))
    """

    end: Quantity
    begin: Quantity = None  # 0*ms

    def __post_init__(self):
        if self.begin is None:
            object.__setattr__(self, "begin", 0 * ms)
        quantity("only_during(begin)", self.begin, second, "0*ms", error=RuleError, zero=True)
        quantity("only_during(end)", self.end, second, "20*ms", error=RuleError)
        if not float(self.begin) < float(self.end):
            raise RuleError(f"only_during: the window from {self.begin} to {self.end} is empty.")

    def parameters(self, key: str) -> dict[str, Quantity | float]:
        return dict(zip(self.window(key), (self.begin, self.end)))

    def window(self, key: str) -> tuple[str, str]:
        return f"begin_{key}", f"end_{key}"

    def transmitted(self, drive: str, key: str) -> tuple[str, str]:
        since = f"(t - onset_{key} + dt/2)"  # half a step: t is a sum of rounded steps
        return (
            f"onset_{key} : second",
            f"({drive}) * int({since} >= begin_{key}) * int({since} < end_{key})",
        )

    def starts(self, key: str) -> str:
        return f"onset_{key} = t"
