{# Here _first and _last are rows of g: threads share the synapses, because every synapse sums over all trials. #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int64_t _post = neurofa_units_{{post}}, _pre = neurofa_units_{{pre}};
    for (int64_t _row = _first; _row < _last; _row++)
        for (int64_t _trial = 0; _trial < _me->active_trials; _trial++)
        {
            const int64_t _postsynaptic_idx = _trial * _post + _row;
            #pragma omp simd
            for (int64_t _i = 0; _i < _pre; _i++)
            {
                const int64_t _idx = _postsynaptic_idx * _pre + _i, _presynaptic_idx = _trial * _pre + _i, _weight_idx = _row * _pre + _i;
                const size_t _vectorisation_idx = _idx;
                {{vector_code|autoindent}}
                {{g}}[_weight_idx] += {{dt}} * _asked;
            }
        }
{% endblock %}
