"""A cell's band is divided among the clients that it serves, and nobody else's."""

from __future__ import annotations

import pytest
from radios import RadioAlone

SIZE_BYTES = 100_000
LINK = {"bandwidth_hz": 1e5, "tx_power_w": 1e-3, "noise_figure_db": 9.0}


def uploads(x_m, sharing):
    network = {
        "path_loss": {"model": "log_distance", "exponent": 3.0, "reference_loss_db": 40.0},
        "least_distance_m": 1.0,
        "cells": [{"name": "west", "x_m": 0.0}, {"name": "east", "x_m": 1000.0}],
        "placement": {"model": "fixed", "x_m": list(x_m), "y_m": [0.0] * len(x_m)},
    }
    radio = RadioAlone(len(x_m), network=network, fading={"model": "none"}, packets="fluid", sharing=sharing, **LINK)
    for client in range(len(x_m)):
        radio.upload(client, 0.0, SIZE_BYTES)
    radio.play()
    return [radio[update].received_ns - radio[update].sent_ns for update in range(len(x_m))]


@pytest.mark.parametrize("sharing", ["fdma", "makespan_bandwidth"])
def test_a_client_alone_in_its_cell_has_the_whole_band(sharing):
    alone, neighbours = uploads([100.0, 900.0], sharing), uploads([100.0, 100.0], sharing)
    assert alone == uploads([100.0, 900.0], "private")
    assert neighbours[0] == neighbours[1] > alone[0]
