{# Here _first and _last are rows of g: threads share the synapses, because every synapse sums over all trials. #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::accumulate(_first, _last, _me->active_trials, neurofa_units_{{post}}, neurofa_units_{{pre}}, {{dt}},
        {{_post_factor}}, {{_pre_factor}}, {{g}});
{% endblock %}
