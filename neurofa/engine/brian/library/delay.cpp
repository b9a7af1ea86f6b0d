{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::delay(_first, _last, _me->trials, neurofa_units_{{owner.name}}, {{_signal}}, {{delayed}}, _me->lines[{{number}}], _me->lines[{{number}}].before + neurofa::moment().step);
{% endblock %}
