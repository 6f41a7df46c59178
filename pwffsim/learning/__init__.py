"""What is learnt: base models, adapters, LoRA, reward models, critics, and the stages that train them.

Importing this package loads no torch; its modules do, but for ``declarations`` and ``bases``.
"""
