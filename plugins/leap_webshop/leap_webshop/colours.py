"""Colour names that the reward reduces option values to."""

from __future__ import annotations

from collections.abc import Container

# The list and its order are upstream's (web_agent_site/engine/normalize.py): the first name that
# an option's value contains stands for it, so "redwood tan" is "red".
COLOURS = tuple(
    "alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown "
    "burgundy camel camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee "
    "cognac copper coral cranberry cream crystal dark denim eggplant elephant espresso fuchsia "
    "gold granite grape graphite grass gray green grey heather indigo ivory ivy khaki lavender "
    "lemon leopard light lilac lime magenta maroon mauve merlot midnight mint mocha multicolor "
    "mushroom mustard natural navy nude olive orange peach pewter pink plum purple rainbow red "
    "rose royal rust sand sapphire seashell silver skull slate steel stone stonewash sunflower "
    "tan taupe teal tiger turquoise violet walnut wheat white wine yellow".split()
)


def first_colour(value: Container[str]) -> str | None:
    """The first colour of the list that `value` (a text, or a pair of texts) contains."""
    return next((colour for colour in COLOURS if colour in value), None)
