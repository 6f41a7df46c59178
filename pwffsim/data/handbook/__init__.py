"""The embedded corpus's world: questions and answers about a fictional town, as data, and what can be said of them."""
