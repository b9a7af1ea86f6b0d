{# Every code object of the library is a function of the trials [_first, _last), so that threads can share a step.
   How many units and trials there are is not known when it is compiled. #}
{% macro make_rates() %}
{% for x, first, second in (rates if rates is defined else []) %}
neurofa::rates(_stop - _begin, {{get_array_name(x)}} + _begin, {{get_array_name(first)}} + _begin, {% if second %}{{get_array_name(second)}} + _begin{% else %}({{real}}*)nullptr{% endif %});
{% endfor %}
{% endmacro %}
{% macro before_run_cpp_file() %}// EMPTY_CODE_BLOCK{% endmacro %}
{% macro before_run_h_file() %}{% endmacro %}
{% macro after_run_cpp_file() %}// EMPTY_CODE_BLOCK{% endmacro %}
{% macro after_run_h_file() %}{% endmacro %}
{% macro h_file() %}{% endmacro %}
{% macro cpp_file() %}
{# of functions of a user's own; what Brian2's preferences name is not for us #}
{% if "<algorithm>" in user_headers %}
#include <algorithm>
{% endif %}
namespace {{codeobj_name}}_space {
{{support_code_lines|autoindent}}
{{hashdefine_lines|autoindent}}
static void run(NeurofaCircuit* const _me, const int _first, const int _last)
{
    %CONSTANTS%
    {{pointers_lines|autoindent}}
    {% block maincode %}
    {% endblock %}
}
{% block extra %}
{% endblock %}
}
{% endmacro %}
