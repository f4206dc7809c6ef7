"""How the shop stands at this moment."""
