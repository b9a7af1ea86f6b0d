"""What a phase is asked for and answers, as the compiled loop has it in memory: one table, for C++
and for Python."""

from .frames import FRAMES
from .structures import Field, in_cpp, structure

RECORD = (
    Field("const char*", "source", "the first element that is recorded"),
    Field("int64_t", "item", "bytes of an element"),
    Field("int64_t", "n", "how many elements"),
    Field("const int64_t*", "index", "their numbers; null if they lie side by side"),
    Field("char*", "target", "where the samples go"),
)
JOB = (
    Field("int64_t", "steps", "at most so many"),
    Field("int32_t", "trials", "of those in memory, taking part"),
    Field("int32_t", "threads", "that share them"),
    Field("int64_t", "measure_every", "steps between two looks at the residuals"),
    Field("int64_t", "record_every", "steps between two samples"),
    Field("double", "tolerance", "stop when every trial's residual is below; negative: never"),
    Field("const uint8_t*", "active", "per step function: whether it takes part"),
    Field("const uint8_t*", "accumulate", "per accumulator: whether it takes part"),
    Field("const uint8_t*", "read", "per readout: whether its variables are recorded"),
    Field("int64_t", "n_records", "how many variables are recorded"),
    Field("const Record*", "records", "which"),
    Field("int64_t", "done", "steps made so far"),
    Field("int64_t", "samples", "rows recorded so far"),
    Field("int32_t", "interrupted", "1: Ctrl-C came"),
    Field("int32_t", "diverged", "1: some residual is not finite"),
    Field("int32_t", "settled", "1: every residual is below the tolerance"),
    Field("int32_t", "interruptible", "1: Ctrl-C ends the phase"),
    Field(
        "int64_t*",
        "settled_at",
        "(trials): the step from which the residual stayed below the tolerance, or -1",
    ),
    Field(
        "int64_t",
        "quiet",
        "for how many steps it has to stay there, because signals are still on their way",
    ),
    Field(
        "int64_t",
        "unheard",
        "for how many steps no residual may tell of what has changed at once, a gate or a frame",
    ),
    Field("int64_t", "last", "the last step of the phase, of which `steps` may be a part"),
    Field(
        "double*",
        "largest",
        "(trials): the largest residual so far, of which the tolerance is a fraction; or null",
    ),
    Field(
        "const double*",
        "floor",
        "(trials): no such residual has to come below this: there is only rounding",
    ),
    Field("int32_t", "rest", "1: trials that have settled are left as they are"),
    Field("int64_t", "evaluations", "steps for which weights stay as they are"),
    Field("const Frames*", "frames", "what input and target do; null: they stand still"),
)


Record, Job = structure("Record", RECORD), structure("Job", JOB)

CODE = "\n".join((in_cpp("Record", RECORD), in_cpp("Frames", FRAMES), in_cpp("Job", JOB)))
"""All of them, in C++."""
