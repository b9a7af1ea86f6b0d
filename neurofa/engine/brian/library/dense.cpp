{% extends 'common_group.cpp' %}
{% block maincode %}
    {% if number is not none %}
    if (_me->packed[{{number}}] && _me->running)
        return neurofa::small_product<{{real}}>(_last - _first, {{n_post}}, {{n_pre}}, {{_signal}} + (size_t)_first * {{n_pre}},
            (const {{real}}*)_me->packed[{{number}}], {% if has_bias %}{{bias}}{% else %}nullptr{% endif %}, {{_into}} + (size_t)_first * {{n_post}});
    {% endif %}
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

{% if number is not none %}
static const size_t packed_bytes = sizeof({{real}}) * {{n_pre}} * neurofa::padded<{{real}}>({{n_post}});

static void pack(NeurofaCircuit* const _me)
{
    {{pointers_lines|autoindent}}
    neurofa::pack<{{real}}>({{transposed}}, {{n_post}}, {{n_pre}}, {{w}}, ({{real}}*)_me->packed[{{number}}]);
}
{% endif %}
{% endblock %}
