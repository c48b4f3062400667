"""What do many runs show? Comparisons of policies, random search, tables of runs and their differences."""
