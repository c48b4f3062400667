"""What do the pages show for each kind of data? A module for each; ``parts.kinds`` says what they have in common."""
