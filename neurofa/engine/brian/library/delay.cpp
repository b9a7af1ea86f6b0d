{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::delay(_first, _last, neurofa_trials, {{units}}, {{_signal}}, {{delayed}}, _me->lines[{{number}}], neurofa_step);
{% endblock %}
