"""Equations as MathML, made by docutils while the site is built: browsers need no script and no
network to show them."""

from docutils import nodes
from docutils.utils.math import latex2mathml


def show(self, node, **options):
    """Write an equation; afterwards its node is done."""
    self.body.append(latex2mathml.tex2mathml(node.astext(), **options))
    raise nodes.SkipNode


def show_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(latex2mathml.tex2mathml(node.astext(), as_block=True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (show, None), (show_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
