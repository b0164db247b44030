"""Where a gateway with the showdown's pages serves their styles and scripts."""

from framework_gateway.pages.assets import version_of
from framework_gateway.pages.source import highlight_styles
from showdown.site import Showdown

STATIC = f"/static/{version_of(Showdown.static, highlight_styles())}"
STYLE = f"{STATIC}/style.css"
