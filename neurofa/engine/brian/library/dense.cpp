{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::product({{transposed}}, _last - _first, {{n_post}}, {{n_pre}}, {{_signal}} + (size_t)_first * {{n_pre}},
        {{w}},
        {% if not has_bias %}({{real}})0{% else %}(const {{real}}*){{bias}}{% endif %},
        {{_into}} + (size_t)_first * {{n_post}});
{% endblock %}
{% block extra %}
static void product(NeurofaCircuit* const _me, const int _first, const int _last)    // the matrix product alone: what a step cannot do without
{
    {{pointers_lines|autoindent}}
    neurofa::product({{transposed}}, _last - _first, {{n_post}}, {{n_pre}}, {{_signal}} + (size_t)_first * {{n_pre}},
        {{w}}, ({{real}})0, {{_into}} + (size_t)_first * {{n_post}});
}
{% endblock %}
