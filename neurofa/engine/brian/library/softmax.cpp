{% extends 'common_group.cpp' %}
{% block maincode %}
    const int64_t _units = neurofa_units_{{owner.name}};
    const auto* _x = {{get_array_name(softmax_of)}};
    auto* _p = {{get_array_name(softmax_into)}};
    for (int64_t _trial = _first; _trial < _last; _trial++)
    {
        const int64_t _begin = _trial * _units, _end = _begin + _units;
        auto _largest = _x[_begin];
        for (int64_t _j = _begin + 1; _j < _end; _j++) _largest = _x[_j] > _largest ? _x[_j] : _largest;
        for (int64_t _j = _begin; _j < _end; _j++) _p[_j] = _x[_j] - _largest;
    }
    #pragma omp simd
    for (int64_t _j = _first * _units; _j < _last * _units; _j++) _p[_j] = neurofa::exp(_p[_j]);
    for (int64_t _trial = _first; _trial < _last; _trial++)
    {
        const int64_t _begin = _trial * _units, _end = _begin + _units;
        auto _sum = _p[_begin];
        for (int64_t _j = _begin + 1; _j < _end; _j++) _sum += _p[_j];
        for (int64_t _j = _begin; _j < _end; _j++) _p[_j] /= _sum;
    }
{% endblock %}
