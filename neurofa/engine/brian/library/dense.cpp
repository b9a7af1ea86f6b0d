{% extends 'common_group.cpp' %}
{% block maincode %}
    const int64_t _post = neurofa_units_{{post}}, _pre = neurofa_units_{{pre}};
    if (_me->ready[{{number}}])
        return neurofa::packed_product<{{real}}>(_last - _first, _post, _pre, {{_signal}} + (size_t)_first * _pre,
            (const {{real}}*)_me->packed[{{number}}], {{_into}} + (size_t)_first * _post);
    neurofa::product({{transposed}}, _last - _first, _post, _pre, {{_signal}} + (size_t)_first * _pre,
        {{w}},
        {% if not has_bias %}({{real}})0{% else %}(const {{real}}*){{bias}}{% endif %},
        {{_into}} + (size_t)_first * _post);
{% endblock %}
{% block extra %}
static void product(NeurofaCircuit* const _me, const int _first, const int _last)    // the matrix product alone: what a step cannot do without
{
    {{pointers_lines|autoindent}}
    const int64_t _post = neurofa_units_{{post}}, _pre = neurofa_units_{{pre}};
    neurofa::product({{transposed}}, _last - _first, _post, _pre, {{_signal}} + (size_t)_first * _pre,
        {{w}}, ({{real}})0, {{_into}} + (size_t)_first * _post);
}

static void pack(NeurofaCircuit* const _me)
{
    {{pointers_lines|autoindent}}
    const int64_t _post = neurofa_units_{{post}}, _pre = neurofa_units_{{pre}};
    neurofa::pack<{{real}}>({{transposed}}, _post, _pre, {{w}}, {% if has_bias %}{{bias}}{% else %}nullptr{% endif %}, ({{real}}*)_me->packed[{{number}}]);
}
{% endblock %}
