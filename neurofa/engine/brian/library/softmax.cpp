{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const int _units = {{constant_or_scalar('N', variables['N'])}} / neurofa_trials;
    for (int _trial = _first; _trial < _last; _trial++)
    {
        const auto* _x = {{get_array_name(softmax_of)}} + (size_t)_trial * _units;
        auto* _p = {{get_array_name(softmax_into)}} + (size_t)_trial * _units;
        auto _largest = _x[0], _sum = _x[0] - _x[0];
        for (int _j = 1; _j < _units; _j++) _largest = _x[_j] > _largest ? _x[_j] : _largest;
        for (int _j = 0; _j < _units; _j++) _sum += _p[_j] = neurofa::exp(_x[_j] - _largest);
        for (int _j = 0; _j < _units; _j++) _p[_j] /= _sum;
    }
{% endblock %}
