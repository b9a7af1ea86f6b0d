{% extends 'common_group.cpp' %}
{% block maincode %}
    typedef {{real}} _real;
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int64_t _units = neurofa_units_{{owner.name}};
    const int64_t _end = _last * _units, _many = 1024;
    for (int _trial = _first; _trial < _last; _trial++) {{residual}}[_trial] = 0;
    _real _found[_many];    // of several trials at once: one trial has few units, and what is left over would be done one by one
    for (int64_t _begin = _first * _units; _begin < _end; _begin += _many)
    {
        const int64_t _stop = _end - _begin < _many ? _end : _begin + _many;
        #pragma omp simd
        for (int64_t _idx = _begin; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _real _largest = 0;
            bool _bad = false;    // a maximum can lose a NaN; what else is not finite is seen below, so that this loop has no branch
            {% for name in names %}
            _largest = {{name}} > _largest ? {{name}} : _largest;
            _bad |= {{name}} != {{name}};
            {% endfor %}
            _found[_idx - _begin] = _bad ? std::numeric_limits<_real>::quiet_NaN() : _largest;
        }
        {{make_rates()}}
        neurofa::largest(_begin, _stop, _units, _found, {{residual}});
    }
{% endblock %}
{# ALLOWS_SCALAR_WRITE #}
