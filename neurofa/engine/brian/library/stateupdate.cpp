{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int64_t _units = neurofa_units_{{owner.name}}, _end = _last * _units;
    {% if rates is defined and rates %}
    const int64_t _many = 1024;    // while they are in the nearest memory, their rates are made
    for (int64_t _begin = _first * _units; _begin < _end; _begin += _many)
    {
        const int64_t _stop = _end - _begin < _many ? _end : _begin + _many;
    {% else %}
    {
        const int64_t _begin = _first * _units, _stop = _end;
    {% endif %}
        #pragma omp simd
        for (int64_t _idx = _begin; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
        {{make_rates()}}
    }
{% endblock %}
