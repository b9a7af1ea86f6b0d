{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    const int _units = {{constant_or_scalar('N', variables['N'])}} / neurofa_trials;
    {% if shared %}
    neurofa::shared_normals(_first, _last, _units, {{get_array_name(noise_into)}}, _me->seed, {{stream}}u, neurofa_now, _me->keys);
    {% else %}
    neurofa::normals(_first, _last, _units, {{get_array_name(noise_into)}}, _me->seed, {{stream}}u, neurofa_now, _me->keys);
    {% endif %}
{% endblock %}
