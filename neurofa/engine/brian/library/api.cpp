{# One translation unit: the arrays of a circuit, its code objects, and what the loop over steps (phases.cpp) needs to know of them. #}
{# Without <algorithm>, unless functions of a user's own need it: it takes a tenth of the time in which a circuit is compiled. #}
{% if twins %}
#include <algorithm>
{% endif %}
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include "brianlib/common_math.h"
#define _brian_pow(x, y) (pow((x), (y)))
#include "brianlib/stdint_compat.h"

namespace neurofa { typedef {{real}} Real; }
using neurofa::Real;
#include "circuit.h"
#include "normal.h"
#include "packed.h"
#include "product.h"
#include "rates.h"
#include "reals.h"
#include "residual.h"
#include "vectormath.h"

// What the rule's author calls errno, or SIGHUP, is a variable.
{% for name in names %}
#undef {{name}}
{% endfor %}

{% for symbol, type, _ in arrays %}
#define {{symbol}} (({{type}}*)_me->data[{{loop.index0}}])
{% endfor %}

{% for name in populations %}
#define neurofa_units_{{name}} (_me->units[{{loop.index0}}])
{% endfor %}

{% for file in sources %}
#include "{{file}}"
{% endfor %}

{% for code in twins %}
template <typename T> static T twin{{loop.index0}}(T x) { return {{code}}; }
{% endfor %}

namespace neurofa {
typedef Real (*Twin)(Real);
{# A table has a row more than it says: C++ has no empty ones. #}
{% for type, name, rows in tables %}
static const {{type}} {{name}}[] = { {% for row in rows %}{{row}}, {% endfor %} {} };
{% endfor %}
static const Kind kind = { {{populations|length}}, {{n_lines}}, {{t}}, {{dt}}, {{uses_time}}, {% for _, name, rows in tables %}{ {{name}}, {{rows|length}} }, {% endfor %} };
}  // namespace neurofa

extern "C" {
const char* neurofa_manifest() { return R"NEUROFA({{manifest}})NEUROFA"; }

// Returns null where memory is short.
NeurofaCircuit* neurofa_new(int64_t trials, const int64_t* units) { return neurofa::new_circuit(&neurofa::kind, trials, units); }
}
