"""Names of torchvision's operators.

Its wheels are built for another torch than the processor's and their operators fail to load, which its import takes
badly. Declared here, they can be imported; nobody calls them.
"""

from __future__ import annotations

from torch import library

for _name in ("nms", "qnms"):
    library.define(f"torchvision::{_name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
