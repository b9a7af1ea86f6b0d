{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::softmax(_first, _last, neurofa_units_{{owner.name}}, {{get_array_name(softmax_of)}}, {{get_array_name(softmax_into)}});
{% endblock %}
