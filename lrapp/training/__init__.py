"""How is it trained? Network + arrays + learning rates -> events and weights; range test, check of gradients."""
