"""The three stages of PWFF as scripts of recipes: what is trained, what travels, what it costs, what is measured."""
