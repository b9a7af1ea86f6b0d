"""Rules and experiments by name, found when they are asked for."""

import importlib
import importlib.util
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.errors import ExperimentError, RuleError, choices
from ..base.others import loaded, others, package
from ..rules.rule import LearningRule


def model_names() -> tuple[str, ...]:
    """Return the names of the rules in `models/`.

    Examples
    --------
    >>> from neurofa import lookup
    >>> "dfc" in lookup.model_names()
    True
    """
    return _modules("neurofa.models")


def other_names() -> dict[str, str]:
    """Return `{name: package}` of the rules that other packages bring (base/others.py).

    Examples
    --------
    Those of `models/` are not among them:

    >>> from neurofa import lookup
    >>> "fa" in lookup.other_names()
    False
    """
    return {name: package(entry) for name, entry in others("rule", model_names()).items()}


def experiment_names() -> tuple[str, ...]:
    """Return the names of the scripts in `experiments/`.

    Examples
    --------
    >>> from neurofa import lookup
    >>> "digits" in lookup.experiment_names()
    True
    """
    return _modules("neurofa.experiments")


def rule(name: str | Path) -> LearningRule:
    """Return the rule called `name`: one of `models/`, one of another package, or the RULE of a Python
    file of your own.

    Raises RuleError if there is no such model or file, or it defines no RULE.

    Examples
    --------
    >>> from neurofa import lookup
    >>> lookup.rule("dfa").name
    'DFA'
    """
    found = getattr(module(name), "RULE", None)
    if not isinstance(found, LearningRule):
        raise RuleError(f"{name} defines no RULE = LearningRule(...).")
    return found


def module(name: str | Path) -> ModuleType:
    """Return the module of the rule called `name`. Raises RuleError as `rule` does.

    Examples
    --------
    >>> from neurofa import lookup
    >>> lookup.module("fa").RULE.name
    'FA'
    """
    if str(name).endswith(".py"):
        return _from_file(Path(name))
    if name in model_names():
        return importlib.import_module(f"neurofa.models.{name}")
    if name in (known := others("rule", model_names())):
        return _module_of(known[str(name)])
    raise RuleError(
        f"There is no model '{name}'. "
        + choices(name, (*model_names(), *known), "model")
        + " A rule of your own is given as the path of a Python file."
    )


def _module_of(entry):
    found = loaded("rule", entry, RuleError)
    if not isinstance(found, ModuleType):
        raise RuleError(
            f"The rule '{entry.name}' of {package(entry)}: {entry.value} is no module. Name the module that defines RULE."
        )
    return found


def rules(names: str) -> dict[str, LearningRule]:
    """Return `{name: rule}` for a text of names separated by commas.

    Raises RuleError as `rule` does, and ExperimentError if a name comes twice, or two rules call
    themselves the same.

    Examples
    --------
    >>> from neurofa import lookup
    >>> list(lookup.rules("fa,dfa"))
    ['fa', 'dfa']
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise ExperimentError("Give at least one model. " + choices("", model_names(), "model"))
    found = {name: rule(name) for name in wanted}
    called = [one.name for one in found.values()]
    for name, one in found.items():
        if wanted.count(name) > 1:
            raise ExperimentError(f"'{name}' is given twice in {names}. Give every model once.")
        if called.count(one.name) > 1:
            same = " and ".join(other for other, its in found.items() if its.name == one.name)
            raise ExperimentError(
                f"{same} both call themselves '{one.name}', so that results could not be told apart. Give your own rule a "
                'name: RULE.but(name="mine").'
            )
    return found


def experiment(name: str) -> ModuleType:
    """Return the experiment's module. Raises ExperimentError, with the valid names, if there is
    none.

    Examples
    --------
    >>> from neurofa import lookup
    >>> lookup.experiment("digits").__name__
    'neurofa.experiments.digits'
    """
    if name not in experiment_names():
        raise ExperimentError(
            f"There is no experiment '{name}'. " + choices(name, experiment_names(), "experiment")
        )
    return importlib.import_module(f"neurofa.experiments.{name}")


def _modules(package):
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return tuple(sorted(module.name for module in found if not module.ispkg))


def _from_file(path):
    if not path.is_file():
        raise RuleError(
            f"There is no file '{path}'. Give the path of a Python file that defines RULE = LearningRule(...)."
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except RuleError:
        raise
    except Exception as problem:
        raise RuleError(f"{path} cannot be imported: {type(problem).__name__}: {problem}") from None
    return module


def tuned(task: str, model: str) -> tuple:
    """Return (rule, optimiser, trial, cost) with which a model learns a task: of models/tuned, or
    what the TUNED of a rule from elsewhere says, `TUNED = {task: dict(eta=0.01, optimiser="adam")}`.

    Raises RuleError if there is no such model.

    Examples
    --------
    >>> from neurofa import lookup
    >>> rule, optimiser, trial, cost = lookup.tuned("digits", "fa")
    >>> optimiser, cost
    ('adam', 'cross_entropy')
    """
    rule(model)
    return importlib.import_module(f"neurofa.models.tuned.{task}").settings(model)


def own_settings(task: str, model: str) -> dict[str, Any]:
    """Return what the module of a rule says itself of how it learns a task, in its TUNED.

    Examples
    --------
    >>> from neurofa import lookup
    >>> with open("mine.py", "w") as file:
    ...     print("from neurofa.models.fa import RULE", file=file)
    ...     print("TUNED = {'digits': dict(eta=0.01)}", file=file)
    >>> lookup.own_settings("digits", "mine.py")
    {'eta': 0.01}
    """
    return dict(getattr(module(model), "TUNED", {}).get(task, {}))


def shelf() -> str:
    """Return the table of all rules in `models/` as Markdown, made from the rules themselves.

    Examples
    --------
    >>> from neurofa import lookup
    >>> lookup.shelf().startswith("| model |")
    True
    """
    golden = importlib.import_module("neurofa.models").GOLDEN
    rows = [
        "| model | rule, paper | feedback: signal of sender -> where it lands | phases | plastic | not local | golden check "
        "| largest difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in model_names():
        r = rule(name)
        feedback = (
            "; ".join(
                f"{p.name}: {p.signal} of {p.source} -> {p.into} of {p.to}" for p in r.pathways
            )
            or "none"
        )
        plastic = "; ".join(
            f"{p.pathway}{f' of {p.to}' if p.to else ''} {'after' if p.after else 'during'} {p.phase}"
            for p in r.plasticity
        )
        check, difference = golden[name]
        rows.append(
            " | ".join(
                (
                    "",
                    f"[`{name}`]({name}.py)",
                    f"{r.name}, {r.reference}",
                    feedback,
                    ", ".join(p.name for p in r.phases),
                    plastic,
                    ", ".join(r.not_local) or "-",
                    check,
                    difference,
                    "",
                )
            ).strip()
        )
    return "\n".join(rows) + "\n"
