"""Training and counting across sites over Flower, through a gate each site keeps."""
