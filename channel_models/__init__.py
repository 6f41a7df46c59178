"""Radio models: randomness, link budget, fading, rate and loss maps, packets, transfers, energy and delay.

One module an axis, one class a model, one plain dict a registry. Nothing here imports the simulator.
"""
