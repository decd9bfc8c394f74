"""The ladder: a stack of denoising autoencoders with lateral connections.

``network`` is the model, ``passes`` its ways up and down, ``statistics`` what its normalisation
takes from all rows after training, and ``folded`` the plain stack that gives the same predictions.
"""
