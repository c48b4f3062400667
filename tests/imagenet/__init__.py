"""Networks from ImageNet, with random weights in the place of what they have learned."""
