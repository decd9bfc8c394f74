"""Pictures: of filters, of learning curves, of reconstructions. Only this room uses matplotlib."""
