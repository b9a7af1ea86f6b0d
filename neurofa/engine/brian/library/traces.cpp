{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int64_t _post = neurofa_units_{{post}}, _pre = neurofa_units_{{pre}};
    for (int64_t _postsynaptic_idx = _first * _post; _postsynaptic_idx < _last * _post; _postsynaptic_idx++)
    {
        const int64_t _cells = _postsynaptic_idx / _post * _pre, _weights = _postsynaptic_idx % _post * _pre;
        #pragma omp simd
        for (int64_t _i = 0; _i < _pre; _i++)
        {
            const int64_t _idx = _postsynaptic_idx * _pre + _i, _presynaptic_idx = _cells + _i, _weight_idx = _weights + _i;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
