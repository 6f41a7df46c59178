"""No federation: the server learns from the pooled data of all clients. The other end of the scale from local_only.

A round takes as many steps as a client's, on batches of clients x batch_size rows of the pool, so that as many rows are
learnt from as in a synchronous round. One policy serves everybody; it aligns to the mean of the clients' preferences.
Nothing is uploaded: how raw data would come to the server is not modelled, and its work takes no time.
"""

from pwffsim.federation.method import Method

METHOD = Method(
    name="centralised",
    summary="The server learns from everybody's rows; nothing is uploaded, and its work takes no time.",
    trained=("adapters", "lora"),
    shared=(),
    share_rewards=False,
    pooled=True,
)
