"""Processes that train together, on ``torch.distributed``: what they sum and what they agree on.

``started`` asks PyTorch for them, ``together`` lets them communicate, ``shares`` cuts minibatches
into their parts.
"""
