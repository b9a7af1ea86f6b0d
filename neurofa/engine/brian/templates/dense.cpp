{% extends 'common_group.cpp' %}
{% block maincode %}
    neurofa::product({{transposed}}, {{trials}}, {{n_post}}, {{n_pre}}, {{_signal}}, {{w}},
        {% if not has_bias %}({{real}})0{% else %}(const {{real}}*){{bias}}{% endif %},
        {{_into}});
{% endblock %}
