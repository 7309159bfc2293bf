"""How the public pages look: themes, an accent of one's own, fonts, and styles on top of them."""
