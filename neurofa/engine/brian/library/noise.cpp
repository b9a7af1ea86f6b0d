{% extends 'common_group.cpp' %}
{% block maincode %}
    const int64_t _units = neurofa_units_{{owner.name}};
    {% if shared %}
    neurofa::shared_normals(_first, _last, _units, {{get_array_name(noise_into)}}, _me->seed, {{stream}}u, neurofa::moment().now, _me->keys);
    {% else %}
    neurofa::normals(_first, _last, _units, {{get_array_name(noise_into)}}, _me->seed, {{stream}}u, neurofa::moment().now, _me->keys);
    {% endif %}
{% endblock %}
