"""One federated LoRA fine-tuning, done by a bare loop, by pwffsim and by other frameworks.

Every module is a script that trains the task of a file (:mod:`benchmarks.peers.task`) and prints one line of JSON
(:mod:`benchmarks.peers.meter`). Scripts of frameworks run in environments of their own and import nothing of pwffsim.
"""
