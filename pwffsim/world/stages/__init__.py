"""The three stages of PWFF, as scripts of recipes: what a client trains, what travels, what it costs, what is measured."""
