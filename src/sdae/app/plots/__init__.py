"""Pictures of filters, learning curves and reconstructions. Only this package uses matplotlib."""
