"""What learns is a recipe: a pure function of named inputs, found by a hash of them."""
