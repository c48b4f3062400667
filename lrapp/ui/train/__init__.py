"""The Train page: data, network, training, learning rate."""
