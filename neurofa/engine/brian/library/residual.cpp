{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    typedef {{real}} _real;
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int64_t _units = {{constant_or_scalar('N', variables['N'])}} / neurofa_trials;
    for (int _trial = _first; _trial < _last; _trial++)
    {
        _real _largest = 0;
        int _bad = 0;    // a maximum can lose a NaN
        #pragma omp simd reduction(max:_largest) reduction(+:_bad)
        for (int64_t _idx = _trial * _units; _idx < (_trial + 1) * _units; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            {% for name in names %}
            _largest = {{name}} > _largest ? {{name}} : _largest;
            _bad += !({{name}} <= std::numeric_limits<_real>::max());
            {% endfor %}
        }
        {{residual}}[_trial] = _bad && std::isfinite(_largest) ? std::numeric_limits<_real>::quiet_NaN() : _largest;
    }
{% endblock %}
