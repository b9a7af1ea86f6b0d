"""What the loop over updates is given (loop.h), as it has it in memory."""

from enum import IntEnum

from .job import CODE as JOBS
from .job import Job
from .structures import Field, in_cpp, structure


class Type(IntEnum):
    """The types that data may come in."""

    DOUBLE = 0
    FLOAT = 1
    BYTE = 2  # a place in a table


SETTING = (Field("Real*", "where", "one number"), Field("double", "value", "what it becomes"))
STATE = (
    Field("const Real*", "values", "(trials, units)"),
    Field("int64_t", "units", "of the population"),
    Field("Real*", "begun", "of the first trials, as the last stage began; or null"),
)
LINE = (
    Field("const Real*", "signal", "(trials, units): what is sent"),
    Field("Real*", "ring", "(slots, trials, units)"),
    Field("int64_t", "slots", ""),
    Field("int64_t", "size", "elements of a slot"),
    Field("int64_t", "whole", "steps that the signal is late"),
    Field("double", "part", "of a step, beside these"),
)
DATA = (
    Field("const void*", "values", "(samples, width); or null"),
    Field("int32_t", "type", "a Type"),
    Field("const Real*", "table", "of BYTE: what each stands for, (256,)"),
)
STAGE = (
    Field("Job", "job", "as it begins; it names arrays for the trials in memory"),
    Field("double", "dt", "of the phase"),
    Field("int32_t", "n_gates", ""),
    Field("const Setting*", "gates", ""),
    Field("int32_t", "n_taus", ""),
    Field("const Setting*", "taus", "time constants of the phase"),
    Field("const Setting*", "own", "the network's own, afterwards"),
    Field("int32_t", "n_starts", ""),
    Field("const int32_t*", "starts", "functions that are called as it begins"),
    Field("int32_t", "n_once", ""),
    Field("const int32_t*", "once", "functions that bring the input's drive"),
    Field("int32_t", "n_silent", ""),
    Field("const Block*", "silent", "noise that is not drawn"),
    Field("int32_t", "holds", "the input sends what it sent in the stage before"),
    Field("int32_t", "noisy", "noise reaches a state"),
    Field("double", "most_steps", "if nine in ten trials take more, the loop ends; negative: any"),
    Field("int32_t", "looks", "a layer that is silent ends the loop"),
    Field("const Lesson*", "lesson", "what is learned afterwards; or null"),
    Field("int32_t", "gathers", "some of it must be told apart where the input changes"),
    Field("int32_t", "n_paces", ""),
    Field("Pace*", "paces", "what is learned in between"),
    Field("Frames*", "frames", "what the phase is shown; or null"),
)
PACE = (
    Field("const Lesson*", "lesson", "what is learned"),
    Field("int64_t", "every", "so many steps"),
    Field("int64_t", "times", "how often it was"),
)
LOOP = (
    Field("void*", "circuit", "the memory of the network"),
    Field("CallCode", "call", "functions of the circuit"),
    Field("RunCode", "run", ""),
    Field("ReadCode", "read", ""),
    Field("OverflowCode", "overflow", ""),
    Field("NoiseCode", "noise", ""),
    Field("DrawnCode", "drawn", ""),
    Field("DelayCode", "delay", ""),
    Field("int32_t", "n_lines", ""),
    Field("const Line*", "lines", "delayed signals"),
    Field("int64_t", "sent", "steps since the trial began"),
    Field("int64_t", "seed", "of the noise"),
    Field("double*", "dt", "the circuit's time step"),
    Field("int32_t", "trials", "in memory"),
    Field("int32_t", "first_trials", "of which it is kept how a stage began"),
    Field("int32_t", "n_stages", ""),
    Field("const Stage*", "stages", ""),
    Field("int32_t", "n_passing", ""),
    Field("const Block*", "passing", "what a trial starts without"),
    Field("int32_t", "n_refresh", ""),
    Field("const int32_t*", "refresh", "functions that make signals those of the state at rest"),
    Field("int32_t", "n_summed", ""),
    Field("const Block*", "summed", "what a phase starts without"),
    Field("int32_t", "n_residuals", ""),
    Field("const Block*", "residuals", "not measured yet, as a phase starts"),
    Field("Real*", "input", "(trials, n_in): where inputs go, or all frames of them"),
    Field("Real*", "target", "(trials, n_out)"),
    Field("int64_t", "n_in", ""),
    Field("int64_t", "n_out", ""),
    Field("Data", "x", "(samples, n_in)"),
    Field("Data", "y", "(samples, n_out); or nothing"),
    Field("const int64_t*", "rows", "the samples of all batches, one after the other"),
    Field("const int64_t*", "ends", "(updates,): where in `rows` each batch ends"),
    Field("int64_t", "updates", "how many batches"),
    Field("const Real*", "answer", "(trials, answer_size): rates, of all frames if there are any"),
    Field("int64_t", "answer_size", ""),
    Field("Real*", "answers", "(rows, answer_size): these, when the first stage has ended"),
    Field("int64_t*", "steps", "(updates,): time steps of all stages, zeros as it begins"),
    Field("int64_t*", "paced", "(updates,): what was learned while stages ran, zeros as it begins"),
    Field("int32_t", "n_states", ""),
    Field("const State*", "states", "of all differential equations"),
    Field("int32_t", "n_hidden", ""),
    Field("const State*", "hidden", "rates of layers that should not be silent"),
    Field("double*", "floor", "(trials): that of the jobs"),
    Field("int64_t", "done", "batches so far"),
    Field("int32_t", "stage", "of the next one, where it ended early"),
    Field("int32_t", "overflowed", "the signal that is no finite number, or -1"),
    Field("Job", "job", "of the last stage"),
)
TABLES = dict(Setting=SETTING, Pace=PACE, State=STATE, Line=LINE, Data=DATA, Stage=STAGE, Loop=LOOP)
Setting, Pace, State, Line, Data, Stage = (
    structure(name, TABLES[name], Job=Job) for name in list(TABLES)[:-1]
)
Loop = structure("Loop", LOOP, Job=Job, Data=Data)

CODE = "\n".join(
    [
        JOBS,
        "typedef void (*CallCode)(void* circuit, int function, int trials, int threads);",
        "typedef void (*RunCode)(void* circuit, Job* job);",
        "typedef void (*ReadCode)(void* circuit, int trials);",
        "typedef int (*OverflowCode)(void* circuit, int trials);",
        "typedef void (*NoiseCode)(void* circuit, uint64_t seed, int64_t draws);",
        "typedef int64_t (*DrawnCode)(void* circuit);",
        "typedef void (*DelayCode)(void* circuit, int line, void* ring, int64_t slots, int64_t whole, double part, int64_t before);",
        *(in_cpp(name, table) for name, table in TABLES.items()),
    ]
)
