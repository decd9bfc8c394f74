"""Base of the five estimators that pre-train a stack of denoising autoencoders."""

from sdae.core.errors import invalid_parameter
from sdae.estimators.constructors import NetworkParameters
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.label_rules import Regularisation
from sdae.estimators.parameters import Settings
from sdae.train.optimizer_memory import OptimizerMemory


class SDAEBase(NetworkParameters, FittedNetwork):
    """Base class of estimators with a stacked denoising autoencoder.

    Training is in :mod:`sdae.estimators.fitting`.
    """

    _n_stream_epochs: int
    _memory: OptimizerMemory
    _used: Regularisation

    @property
    def pretraining_loss_curves_(self) -> list[list[float]]:
        """Mean cost of each epoch of pre-training, one list per layer."""
        return [
            [record.cost for record in self.history_ if record.layer == layer]
            for layer in range(self.n_layers_)
        ]

    def _settings(self) -> Settings:
        return Settings.read(self._own_parameters(), type(self).__name__)

    def _check_network(self, settings: Settings) -> None:
        """Raise an error if the parameters do not fit the trained network."""
        network = self.network_
        for name, now, value in (
            ("hidden_layer_sizes", network.hidden_layer_sizes, settings.hidden_layer_sizes),
            ("activation", str(network.activation), str(settings.activation)),
            ("tied", network.autoencoder(0).tied, settings.tied),
        ):
            if now != value:
                raise invalid_parameter(
                    name,
                    type(self).__name__,
                    f"{now!r} as in fit, to continue with that network",
                    value,
                    "Or fit a clone.",
                )
