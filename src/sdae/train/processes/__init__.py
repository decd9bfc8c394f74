"""Processes that train together, on ``torch.distributed``: what they sum and what they agree on.

``started`` asks PyTorch for them, ``together`` lets them communicate, over ``connections`` that
notice a lost host; ``shares`` cuts minibatches into their parts.
"""
